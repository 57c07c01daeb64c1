"""Run the blocks of a page: ``python -m tests.docs.run_page PAGE``.

In the working directory, in order: ``python`` in one namespace, each ``sh``
with a bash of its own that hands its exported variables on to what follows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

from tests.docs.blocks import Block, read_blocks

OWN = ('_', 'BASH_EXECUTION_STRING', 'OLDPWD', 'PWD', 'SHLVL')


class BlockError(RuntimeError):
    """A shell's block ended with an exit status that is not 0."""


def run_sh(block: Block, page: Path) -> None:
    """Run with ``bash -euo pipefail``, and take over what it exports."""
    with tempfile.TemporaryDirectory() as folder:
        script, left = Path(folder, 'block.sh'), Path(folder, 'environment')
        script.write_text(f'{block.source}\nenv -0 >{left}\n')
        done = subprocess.run(
            ['bash', '-euo', 'pipefail', script], check=False
        )
        if done.returncode:
            raise BlockError(
                f'{page}, line {block.line}: exit status {done.returncode} '
                f'of\n{block.source}'
            )
        if not left.exists():  # the block has an `exit`
            return
        pairs = left.read_text().split('\0')
    exported = dict(pair.split('=', 1) for pair in pairs if pair)
    for name in set(os.environ) - set(exported) - set(OWN):
        del os.environ[name]
    os.environ.update(
        {name: text for name, text in exported.items() if name not in OWN}
    )


def main(page: Path) -> None:
    """Run all of it, and print how long each block took."""
    names = types.ModuleType('__main__')
    sys.modules['__main__'] = names
    for block in read_blocks(page.read_text(encoding='utf-8')):
        if block.kind not in ('python', 'sh'):
            continue
        begin = time.perf_counter()
        print(f'== line {block.line}, {block.kind}', flush=True)
        if block.kind == 'sh':
            run_sh(block, page)
        else:
            # Tracebacks show the lines of the page.
            source = '\n' * (block.line - 1) + block.source
            exec(compile(source, str(page), 'exec'), vars(names))
        sys.stdout.flush()
        print(f'== {time.perf_counter() - begin:.1f} s', flush=True)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
