"""``python`` and ``mmsnip`` of a page's shell: ask for a fork, and wait.

Run as ``python -IS shim.py SOCKET NAME ARGUMENTS..``. Arguments, folder,
environment and the standard streams go to the socket of `warm_shell`, the
exit status comes back. Any command but those listed here starts cold, in
place of this process. It imports little, for it starts often.
"""

from __future__ import annotations

import json
import os
import socket
import sys

# These look at the installation, and load next to nothing.
COLD = ('doctor', 'completion')


def program(name: str, words: list[str]) -> list[str] | None:
    """What Python is to run, None where that must start cold."""
    if not words:
        return None
    if name == 'mmsnip':
        cold = words[0].startswith('-') or words[0] in COLD
        return None if cold else ['-m', 'mmsnip.cli', *words]
    if words[:2] == ['-m', 'tests.docs.page']:
        return words
    folder = os.path.basename(os.path.dirname(words[0]))
    is_ours = words[0].endswith('.py') and folder in ('tools', 'examples')
    return words if is_ours and os.path.isfile(words[0]) else None


def ask(address: str, words: list[str]) -> int:
    """Have it run by the server, wait; exit status, as a shell counts."""
    text = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b'%16d' % len(text)], [0, 1, 2])
        server.sendall(text)
        answer = server.recv(16)
    if not answer:
        raise RuntimeError(f'{address} closed before {words} ended')
    status = int(answer)
    return status if status >= 0 else 128 - status


def main(address: str, name: str, *rest: str) -> int:
    """Exit status of the command, if it is not this process that runs it."""
    words = program(name, list(rest))
    if words is None:
        folder = os.path.dirname(sys.executable)
        path = sys.executable if name == 'python' else f'{folder}/{name}'
        os.execv(path, [path, *rest])
    return ask(address, words)


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
