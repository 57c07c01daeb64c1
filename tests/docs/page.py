"""A page of the documentation: its blocks of code, checked and run.

``python -m tests.docs.page PAGE`` runs a page in the working directory, in
order: ``python`` in one namespace, each ``sh`` with a bash of its own that
hands its exported variables on. ``python`` whose first line is
``# configs/...py`` is an excerpt of that file; ``json`` and ``yaml`` are
parsed; ``text`` and no language are shown only.
``<!-- not run: REASON -->`` on the line above keeps a block from being run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import types
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / 'docs'
LANGUAGES = {'bash': 'sh', '': 'text'} | {
    name: name for name in ('python', 'sh', 'json', 'yaml', 'text')
}
_OPENING = re.compile(r'(?P<pad>\s*)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$')
_NOT_RUN = re.compile(r'\s*<!--\s*not run:(?P<reason>.*?)-->\s*$')
_EXCERPT = re.compile(r'#\s*(?P<path>configs/\S+\.py)\s*$')
# An ellipsis of its own stands for lines that an excerpt leaves out.
_LEFT_OUT = ('...', '# ...')
# Variables of the shell's own that do not travel from block to block.
OWN = ('_', 'BASH_EXECUTION_STRING', 'OLDPWD', 'PWD', 'SHLVL')


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of the page of its first line."""

    language: str
    source: str
    line: int
    reason: str | None = None  # why it is not run, None where it may be

    @property
    def excerpt_of(self) -> str | None:
        """Path of the config that it shows a part of, if it does."""
        found = _EXCERPT.match(self.source.split('\n', 1)[0])
        return found['path'] if found and self.language == 'python' else None

    @property
    def kind(self) -> str:
        """'python', 'sh', 'excerpt', 'json', 'yaml', 'text', 'not run'."""
        if self.language not in LANGUAGES:
            raise ValueError(
                f'line {self.line}: no block is of language '
                f'{self.language!r}; use one of {sorted(LANGUAGES)}'
            )
        if self.reason is not None:
            return 'not run'
        return 'excerpt' if self.excerpt_of else LANGUAGES[self.language]


def read_blocks(text: str) -> list[Block]:
    """Fenced blocks of a page, in its order."""
    lines = text.split('\n')
    found, number = [], 0
    while number < len(lines):
        opening = _OPENING.match(lines[number])
        if not opening:
            number += 1
            continue
        first = last = number + 1
        fence = opening['fence']
        closing = re.compile(rf'\s*{fence[0]}{{{len(fence)},}}\s*$')
        while last < len(lines) and not closing.match(lines[last]):
            last += 1
        if last == len(lines):
            raise ValueError(f'line {first}: the block is not closed')
        pad = len(opening['pad'])
        inside = [
            line[pad:] if not line[:pad].strip() else line.lstrip()
            for line in lines[first:last]
        ]
        note = _NOT_RUN.match(lines[number - 1]) if number else None
        words = opening['info'].strip('{} .').split()
        found.append(
            Block(
                words[0] if words else '',
                ''.join(f'{line}\n' for line in inside),
                first + 1,
                note['reason'].strip() if note else None,
            )
        )
        number = last + 1
    return found


def complaints(block: Block) -> str:
    """What is wrong with a block, without running it; '' if nothing is."""
    language = LANGUAGES[block.language]
    try:
        if block.kind == 'not run' and not block.reason:
            return 'says "not run" without a reason'
        if block.kind == 'excerpt':
            config = (ROOT / block.excerpt_of).read_text()
            rest = iter([line.strip() for line in config.split('\n')])
            for line in map(str.strip, block.source.split('\n')[1:]):
                # in the order of the file
                if line and line not in _LEFT_OUT and line not in rest:
                    return f'{block.excerpt_of} has no line {line!r}'
        elif language == 'json':
            json.loads(block.source)
        elif language == 'yaml':
            yaml.safe_load(block.source)
        elif language == 'python':
            compile(block.source, 'block', 'exec')
        elif language == 'sh':
            subprocess.run(
                ['bash', '-n'],
                input=block.source,
                stderr=subprocess.PIPE,
                text=True,
                check=True,
            )
    except subprocess.CalledProcessError as error:
        return error.stderr.strip()
    except (OSError, ValueError, SyntaxError, yaml.YAMLError) as error:
        return f'is no {language}: {error}'
    return ''


def run_sh(block: Block) -> int:
    """Run with ``bash -euo pipefail``, take over what it exports; status."""
    with tempfile.TemporaryDirectory() as folder:
        script, left = Path(folder, 'block.sh'), Path(folder, 'environment')
        script.write_text(f'{block.source}\nenv -0 >{left}\n')
        words = ['bash', '-euo', 'pipefail', script]
        status = subprocess.run(words, check=False).returncode
        pairs = left.read_text().split('\0') if left.exists() else []
    exported = dict(pair.split('=', 1) for pair in pairs if pair)
    if exported:
        for name in set(os.environ) - set(exported) - set(OWN):
            del os.environ[name]
        os.environ.update({n: exported[n] for n in exported if n not in OWN})
    return status


def main(page: Path) -> None:
    """Run all of it, and print how long each block took."""
    names = types.ModuleType('__main__')
    sys.modules['__main__'] = names
    for block in read_blocks(page.read_text(encoding='utf-8')):
        if block.kind not in ('python', 'sh'):
            continue
        begin = time.perf_counter()
        print(f'== line {block.line}, {block.kind}', flush=True)
        if block.kind == 'python':
            # Tracebacks show the lines of the page.
            source = '\n' * (block.line - 1) + block.source
            exec(compile(source, str(page), 'exec'), vars(names))
        elif status := run_sh(block):
            sys.exit(f'{page}, line {block.line}: exit status {status}')
        sys.stdout.flush()
        print(f'== {time.perf_counter() - begin:.1f} s', flush=True)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
