"""Commands of a page's shell as forks of a process that is warm already.

A page's ``mmsnip`` spends seconds on importing torch and its neighbours,
most of the time that it takes here. In the folder of `warm_commands` there
are a ``python`` and an ``mmsnip`` (see `tests.docs.shim`) that have their
command run by `tests.warm`, with the shell's own streams, folder and
environment. Each is a process of its own, as it was.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests import warm

SHIM = Path(__file__).with_name('shim.py')
NAMES = ('python', 'mmsnip')
# multiprocessing asks of any process it started whether it has ended, and is
# told once.
_ONE_AT_A_TIME = threading.Lock()


class _Command(socketserver.StreamRequestHandler):
    """One command, from its first byte to its exit status."""

    def handle(self) -> None:
        size, handles, _, _ = socket.recv_fds(self.connection, 16, 3)
        streams = [Connection(handle) for handle in handles]
        words, folder, environment = json.loads(self.rfile.read(int(size)))
        with _ONE_AT_A_TIME:
            process = warm.start(words, folder, environment, streams)
        for stream in streams:
            stream.close()
        ended = wait([process.sentinel, self.connection])
        if process.sentinel not in ended:  # who asked is gone
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with _ONE_AT_A_TIME:
            process.join()
        with suppress(BrokenPipeError):
            self.wfile.write(b'%d' % process.exitcode)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def warm_commands() -> Iterator[Path]:
    """Serve as long as the context lasts; the folder to put into PATH."""
    with tempfile.TemporaryDirectory(prefix='mmsnip') as name:
        folder = Path(name)
        address = folder / 'socket'
        for command in NAMES:
            start = [sys.executable, '-IS', SHIM, address, command]
            path = folder / command
            path.write_text(
                f'#!/bin/sh\nexec {shlex.join(map(str, start))} "$@"\n'
            )
            path.chmod(0o755)
        with _Server(str(address), _Command) as server:
            serving = threading.Thread(target=server.serve_forever)
            serving.start()
            try:
                yield folder
            finally:
                server.shutdown()
                serving.join()
