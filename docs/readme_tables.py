#!/usr/bin/env python
"""The README's tables of formats and commands, out of their registries.

``python docs/readme_tables.py`` writes them between their marks; a test
compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mmsnip.cli.command_line import COMMANDS
from mmsnip.io.formats import formats_table

README = Path(__file__).resolve().parents[1] / 'README.md'


def with_tables(text: str) -> str:
    """The README with both tables as the registries have them."""
    lines = ['| command | does |', '|---|---|']
    lines += [f'| `mmsnip {k}` | {c.help} |' for k, c in COMMANDS.items()]
    tables = dict(formats=formats_table(), commands='\n'.join(lines))
    for name, table in tables.items():
        begin, end = f'<!-- {name}: begin -->', f'<!-- {name}: end -->'
        text, count = re.subn(
            f'{begin}.*?{end}',
            lambda _: f'{begin}\n{table.strip()}\n{end}',  # noqa: B023
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f'{README.name}: needs {begin} .. {end} once')
    return text


if __name__ == '__main__':
    README.write_text(with_tables(README.read_text('utf-8')), 'utf-8')
