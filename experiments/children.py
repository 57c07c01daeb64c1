"""Processes that the runner starts, and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ['Children', 'StoppedError', 'tail_of']


class StoppedError(RuntimeError):
    """The runner was told to stop; nothing is wrong with the run."""


class Children:
    """Live processes, each the head of a group of its own.

    A group, so that the workers of a loader end with their process, and so
    that Ctrl-C reaches the runner alone.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._live: set[subprocess.Popen] = set()
        self._lock = threading.Lock()

    def call(
        self,
        command: Sequence[str],
        log: Path,
        cwd: Path,
        environment: Mapping[str, str],
        keep_open: Sequence[int] = (),
    ) -> int:
        """Run a command to its end.

        Args:
            command (Sequence[str]): Program and arguments.
            log (Path): What it prints is added there.
            cwd (Path): Folder to run in.
            environment (Mapping[str, str]): All of its variables.
            keep_open (Sequence[int]): Files that it holds open as long as
                it lives: locks outlive a runner that is killed.

        Returns:
            int: Its exit status; negative for a signal.

        Raises:
            StoppedError: If the runner stops.
        """
        with log.open('ab') as output:
            with self._lock:
                if self.stopping:
                    raise StoppedError('the runner stops')
                process = subprocess.Popen(
                    list(command),
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=tuple(keep_open),
                )
                self._live.add(process)
            status = process.wait()
        with self._lock:
            self._live.discard(process)
            if self.stopping and status:
                raise StoppedError('the runner stops')
        return status

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Signal all of them, and start no other.

        Not under the lock, since a signal handler calls it, too.

        Args:
            number (int): Signal. Defaults to SIGTERM.
        """
        self.stopping = True
        for process in list(self._live):
            if process.poll() is None:
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    continue


def tail_of(log: Path, lines: int = 15) -> str:
    """The last lines of a log.

    Args:
        log (Path): Text file.
        lines (int): Defaults to 15.

    Returns:
        str: Each indented by four spaces; '' where there is no file.
    """
    if not log.is_file():
        return ''
    text = log.read_text(encoding='utf-8', errors='replace').splitlines()
    return '\n'.join(f'    {line}' for line in text[-lines:])
