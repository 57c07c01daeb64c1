"""Blocks of code in a page of the documentation, and what is done with each.

A fenced block says its language. What a language stands for:

* ``python``, ``sh``: run, see ``tests.docs.run_page``;
* ``python`` whose first line is ``# configs/...py``: an excerpt of that file;
* ``json``, ``yaml``: parsed;
* ``text``, or no language: shown only, such as output.

``<!-- not run: REASON -->`` on the line above keeps a block from being run.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / 'docs'

LANGUAGES = {
    'python': 'python',
    'sh': 'sh',
    'bash': 'sh',
    'json': 'json',
    'yaml': 'yaml',
    'text': 'text',
    '': 'text',
}
_OPENING = re.compile(r'(?P<pad>\s*)(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$')
_NOT_RUN = re.compile(r'\s*<!--\s*not run:(?P<reason>.*?)-->\s*$')
_EXCERPT = re.compile(r'#\s*(?P<path>configs/\S+\.py)\s*$')
# An ellipsis of its own stands for lines that an excerpt leaves out.
_LEFT_OUT = ('...', '# ...')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language (str): As written, '' where there is none.
        source (str): Its lines, without the indentation of the fence.
        line (int): Line of the page, from 1, of the first of them.
        reason (str | None): Why it is not run, None where it may be.
    """

    language: str
    source: str
    line: int
    reason: str | None = None

    @property
    def excerpt_of(self) -> str | None:
        """Path of the config that it shows a part of, if it does."""
        first = self.source.split('\n', 1)[0]
        found = _EXCERPT.match(first)
        if found and LANGUAGES.get(self.language) == 'python':
            return found['path']
        return None

    @property
    def kind(self) -> str:
        """'python', 'sh', 'excerpt', 'json', 'yaml', 'text', 'not run'.

        Raises:
            ValueError: If the language is unknown.
        """
        if self.language not in LANGUAGES:
            known = sorted(filter(None, LANGUAGES))
            raise ValueError(
                f'line {self.line}: no block is of language '
                f'{self.language!r}; use one of {known}'
            )
        if self.reason is not None:
            return 'not run'
        return 'excerpt' if self.excerpt_of else LANGUAGES[self.language]


def read_blocks(text: str) -> list[Block]:
    """Fenced blocks of a page, in its order.

    Raises:
        ValueError: If a fence is not closed.
    """
    lines = text.split('\n')
    found, number = [], 0
    while number < len(lines):
        opening = _OPENING.match(lines[number])
        if not opening:
            number += 1
            continue
        first = number + 1
        closing = re.compile(rf'\s*{opening["fence"][0]}{{3,}}\s*$')
        last = first
        while last < len(lines) and not (
            closing.match(lines[last])
            and len(lines[last].strip()) >= len(opening['fence'])
        ):
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


def differences(excerpt: str, config: str) -> list[str]:
    """Lines of an excerpt that the config lacks, or has earlier only.

    Indentation and blank lines do not count; a line ``...`` leaves lines out.
    """
    rest = iter([line.strip() for line in config.split('\n')])
    wanted = [line.strip() for line in excerpt.split('\n')[1:]]
    for line in wanted:
        if line and line not in _LEFT_OUT and line not in rest:
            return [line]
    return []


def complaints(block: Block) -> list[str]:
    """What is wrong with a block, without running it."""
    language = LANGUAGES[block.language]
    try:
        if block.kind == 'not run' and not block.reason:
            return ['says "not run" without a reason']
        if block.kind == 'excerpt':
            path = ROOT / block.excerpt_of
            if not path.is_file():
                return [f'{block.excerpt_of} does not exist']
            lost = differences(block.source, path.read_text())
            return [
                f'{block.excerpt_of} has no line {line!r}' for line in lost
            ]
        if language == 'json':
            json.loads(block.source)
        elif language == 'yaml':
            yaml.safe_load(block.source)
        elif language == 'python':
            compile(block.source, 'block', 'exec')
        elif language == 'sh':
            read = subprocess.run(
                ['bash', '-n'],
                input=block.source,
                capture_output=True,
                text=True,
                check=False,
            )
            return [read.stderr.strip()] if read.returncode else []
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        return [f'is no {language}: {error}']
    return []
