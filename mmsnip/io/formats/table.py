"""Numbers in text, and tables of any delimiter."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.structures import DataError
from mmsnip.structures.files import read_text

__all__ = [
    'DELIMITERS',
    'Table',
    'is_number',
    'read_numbers',
    'read_table',
]

DELIMITERS = {'tab': '\t', 'space': None, 'comma': ',', 'semicolon': ';'}
_MISSING = frozenset(('', '-', 'na', 'n/a', 'nan', 'null', 'none'))
_NA = [f(word) for word in _MISSING for f in (str, str.upper, str.title)]
_CELL = '\x1f'  # between cells that were parted here


@dataclass
class Table:
    """Rows of one width."""

    path: str
    header: list[str] | None
    lines: list[int]  # of the file, of each row
    by_space: bool
    frame: Any  # pandas.DataFrame (R, K), NaN where a cell is empty

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self.lines)

    @property
    def num_columns(self) -> int:
        """K."""
        return self.frame.shape[1]

    def name(self, column: int) -> str:
        """Text that tells a column, for messages."""
        if self.header is None:
            return str(column)
        return repr(self.header[column][:40])

    def numbers(self, column: int) -> np.ndarray:
        """A column as (R,) float64; what is not finite is NaN."""
        cells = self.frame[column]
        if cells.dtype.kind not in 'iuf':
            words = ['' if c != c else str(c).strip() for c in cells]
            kept = [w if w.lower() not in _MISSING else 'nan' for w in words]
            try:
                cells = np.array(kept, np.float64)
            except ValueError:
                row = next(n for n, w in enumerate(kept) if not is_number(w))
                raise DataError(
                    f'{self.path}, line {self.lines[row]}: column '
                    f'{self.name(column)} holds {kept[row][:40]!r}, which is '
                    'no number'
                ) from None
        numbers = np.array(cells, np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def words(self, column: int) -> list[str]:
        """A column as text; whole numbers without decimals, '' for none."""
        cells = self.frame[column]
        if cells.dtype.kind in 'iuf':
            return ['' if c != c else f'{c:.17g}' for c in cells.tolist()]
        words = ('' if c != c else str(c).strip() for c in cells)
        return [re.sub(r'\.0{1,20}$', '', word) for word in words]


def read_table(
    path: Path,
    delimiter: str | None = None,
    header: bool | None = None,
    header_rows: Sequence[int] = (),
    last_line: int | None = None,
) -> Table:
    """Read a table; blank lines and lines that begin with # are left out.

    A delimiter that is not given is the first of semicolon, tab and comma
    that stands in most of the first 20 rows, else white space. Where it is
    semicolon or tab a comma between digits is a decimal comma. The first row
    is the header where at least half of its cells are no numbers.
    """
    text = read_text(path)
    if _CELL in text:
        raise DataError(f'{path} holds control characters; is it a table?')
    quoted = '"' in text
    last = max(header_rows, default=0)
    above: dict[int, str] = {}
    rows, lines = [], []
    found = text.splitlines()[:last_line]
    for number, line in enumerate(found, 1):
        if number in header_rows:
            above[number] = line
        elif number > last and line.strip() and line.lstrip()[0] != '#':
            rows.append(line)
            lines.append(number)
    if not rows:
        what = 'a header only, no rows' if above else 'comments only, no table'
        raise DataError(f'{path} holds {what}')
    if delimiter is None:
        parting = next(
            (
                sign
                for sign in (';', '\t', ',')
                if 2 * sum(sign in row for row in rows[:20]) > len(rows[:20])
            ),
            None,
        )
    else:
        parting = DELIMITERS.get(delimiter, delimiter)
    parting = None if parting == ' ' else parting

    def cells(line: str, number: int) -> list[str]:
        if parting is None:
            return line.replace('"', '').split()
        if not quoted:
            return line.split(parting)
        try:
            return next(csv.reader([line], delimiter=parting))
        except (csv.Error, StopIteration, TypeError, ValueError) as error:
            raise DataError(
                f'{path}, line {number}: the quotes cannot be read ({error})'
            ) from None

    first = cells(rows[0], lines[0])
    names = None
    if header_rows:
        heads = [cells(above.get(n, ''), n) for n in sorted(header_rows)]
        names = _joined(heads, len(first))
    else:
        words = [word.strip() for word in first if word.strip()]
        if header is None:
            header = 2 * sum(_is_cell(w, parting) for w in words) <= len(words)
        if header:
            names = [word.strip() for word in first]
            rows, lines = rows[1:], lines[1:]
            if not rows:
                raise DataError(f'{path} holds a header only, no rows')
    if parting in (';', '\t') and re.search(r'\d,\d', text):
        rows = [re.sub(r'(?<=\d),(?=\d)', '.', row) for row in rows]
    sign = parting
    if sign is None or quoted:
        rows = [_CELL.join(cells(r, n)) for r, n in zip(rows, lines)]
        sign = _CELL
    for row, number in zip(rows, lines):
        if row.count(sign) + 1 != len(first):
            raise DataError(
                f'{path}, line {number}: found {row.count(sign) + 1} cells, '
                f'expected {len(first)} as in the first row; is the file cut '
                'off, its delimiter another, or are its first lines a header '
                'of several rows (header_rows in a column map)?'
            )
    content = '\n'.join(rows).encode()
    del text, rows, found  # an hour of poses is large
    import pandas as pd

    frame = pd.read_csv(
        io.BytesIO(content),
        sep=sign,
        header=None,
        names=list(range(len(first))),
        index_col=False,
        quoting=csv.QUOTE_NONE,
        na_values=_NA,
        keep_default_na=False,
        skipinitialspace=True,
        skip_blank_lines=False,
        low_memory=False,
    )
    # A delimiter at the end of every row is no column.
    unnamed = frame.shape[1] > 1 and not (names and names[-1])
    if unnamed and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]
        names = None if names is None else names[:-1]
    return Table(str(path), names, lines, parting is None, frame)


def _joined(rows: list[list[str]], width: int) -> list[str]:
    """Names of the columns of a header of several rows."""
    parts: list[list[str]] = [[] for _ in range(width)]
    for n, row in enumerate(rows):
        left = ''
        for k in range(width):
            cell = row[k].strip() if k < len(row) else ''
            # A name stands over the first of its columns only.
            left = cell or (left if n + 1 < len(rows) else '')
            if left and left not in parts[k]:
                parts[k].append(left)
    return ['_'.join(words) for words in parts]


def read_numbers(
    lines: Sequence[str],
    path: Path,
    numbers: Sequence[int],
    columns: int | None = None,
) -> np.ndarray:
    """Rows of finite numbers between white space, (R, columns) float64."""
    columns = columns or len(lines[0].split())
    try:
        values = np.loadtxt(lines, np.float64, comments=None, ndmin=2)
        if values.shape == (len(lines), columns) and np.isfinite(values).all():
            return values
    except ValueError:
        pass
    for line, number in zip(lines, numbers):
        words = line.split()
        if len(words) != columns:
            raise DataError(
                f'{path}, line {number}: found {len(words)} values, expected '
                f'{columns}; is the file cut off, or its delimiter another?'
            )
        for n, word in enumerate(words):
            if not is_number(word) or not np.isfinite(float(word)):
                raise DataError(
                    f'{path}, line {number}: value {n} is {word[:40]!r}, '
                    'which is no finite number'
                )
    return np.array([line.split() for line in lines], np.float64)


def is_number(word: str) -> bool:
    """Whether a word is a number, NaN and infinity among them."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_cell(word: str, parting: str | None) -> bool:
    if parting in (';', '\t'):
        word = word.replace(',', '.')
    return is_number(word) or word.lower() in _MISSING
