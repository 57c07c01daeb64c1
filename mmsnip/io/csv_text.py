"""A table of any delimiter, as columns of numbers or words."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass

import numpy as np

from mmsnip.io.reading import SequenceError, read_text

__all__ = ['DELIMITERS', 'Table', 'is_number', 'read_table']

DELIMITERS = {'tab': '\t', 'space': None, 'comma': ',', 'semicolon': ';'}
_MISSING = frozenset(('', '-', 'na', 'n/a', 'nan', 'null', 'none'))
_COMMENT = '#'


@dataclass
class Table:
    """Rows of one width.

    Args:
        path (str): File, for messages.
        header (list[str] | None): Names of the columns, if it has any.
        lines (list[int]): Line of the file of each row.
        delimiter (str | None): What parts the cells; None is white space.
        values (np.ndarray | None): (R, K) float64 where all cells are
            numbers.
        cells (list[tuple[str, ...]]): The columns as text where not.
    """

    path: str
    header: list[str] | None
    lines: list[int]
    delimiter: str | None
    values: np.ndarray | None
    cells: list[tuple[str, ...]]

    @property
    def num_rows(self) -> int:
        """R, the number of rows."""
        return len(self.lines)

    @property
    def num_columns(self) -> int:
        """K, the number of columns."""
        if self.values is not None:
            return self.values.shape[1]
        return len(self.cells)

    def name(self, column: int) -> str:
        """Text that tells a column, for messages."""
        if self.header is None:
            return str(column)
        return repr(self.header[column][:40])

    def numbers(self, column: int) -> np.ndarray:
        """A column as (R,) float64, NaN where a cell is empty.

        Args:
            column (int): Its index.

        Returns:
            np.ndarray: (R,) float64; what is not finite is NaN.

        Raises:
            SequenceError: If a cell is no number; the line is named.
        """
        if self.values is not None:
            numbers = self.values[:, column].copy()
        else:
            words = self.cells[column]
            try:
                numbers = np.array(words, dtype=np.float64)
            except ValueError:
                kept = [
                    'nan' if word.strip().lower() in _MISSING else word
                    for word in words
                ]
                try:
                    numbers = np.array(kept, dtype=np.float64)
                except ValueError:
                    row = next(
                        n for n, word in enumerate(kept) if not is_number(word)
                    )
                    raise SequenceError(
                        f'{self.path}, line {self.lines[row]}: column '
                        f'{self.name(column)} holds {kept[row][:40]!r}, which '
                        'is no number'
                    ) from None
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def words(self, column: int) -> list[str]:
        """A column as text without white space around it.

        Args:
            column (int): Its index.

        Returns:
            list[str]: R words; whole numbers lose their decimals.
        """
        if self.values is not None:
            return [f'{value:.17g}' for value in self.values[:, column]]
        return [
            re.sub(r'\.0+$', '', word.strip()) for word in self.cells[column]
        ]


def read_table(
    path: str | os.PathLike[str],
    delimiter: str | None = None,
    header: bool | None = None,
) -> Table:
    """Read a table; blank lines and lines that begin with # are left out.

    A delimiter that is not given is the first of semicolon, tab and comma
    that stands in most of the first 20 rows, else white space. Where it is
    semicolon or tab a comma between digits is a decimal comma. The first row
    is the header where at least half of its cells are no numbers.

    Args:
        path (str | os.PathLike[str]): File.
        delimiter (str, optional): A character, or ``tab``, ``space``,
            ``comma``, ``semicolon``.
        header (bool, optional): Whether the first row is a header.

    Returns:
        Table: At least one row and one column.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If there is no row, or rows differ in width; the line
            is named.
    """
    text = read_text(path)
    rows, lines = [], []
    for number, line in enumerate(re.split(r'\r\n?|\n', text), 1):
        if line.strip() and not line.lstrip().startswith(_COMMENT):
            rows.append(line)
            lines.append(number)
    if not rows:
        raise SequenceError(f'{path} holds comments only, no table')
    if delimiter is None:
        parting = _sniff(rows[:20])
    else:
        parting = DELIMITERS.get(delimiter, delimiter)
    if parting == ' ':
        parting = None
    quoted = '"' in text
    first = _cells(rows[0], parting, quoted, f'{path}, line {lines[0]}')
    names = None
    if header is None:
        words = [word for word in first if word.strip()]
        known = [_is_cell(word, parting) for word in words]
        header = 2 * sum(known) <= len(words)
    if header:
        names = [word.strip() for word in first]
        rows, lines = rows[1:], lines[1:]
        if not rows:
            raise SequenceError(f'{path} holds a header only, no rows')
    if parting in (';', '\t'):
        rows = _decimal_points(rows)
    values = None
    if not quoted:
        try:
            values = np.loadtxt(
                rows, np.float64, comments=None, delimiter=parting, ndmin=2
            )
        except Exception:  # words or empty cells; looked at below
            values = None
        if values is not None and values.shape != (len(rows), len(first)):
            values = None
    cells: list[tuple[str, ...]] = []
    if values is None:
        parted = [
            _cells(row, parting, quoted, f'{path}, line {line}')
            for row, line in zip(rows, lines)
        ]
        for row, line in zip(parted, lines):
            if len(row) != len(first):
                raise SequenceError(
                    f'{path}, line {line}: found {len(row)} cells, expected '
                    f'{len(first)} as in the first row; is the file cut off, '
                    'or its delimiter another?'
                )
        cells = list(zip(*parted))
        # A delimiter at the end of every row is no column.
        unnamed = names is None or not names[-1]
        if len(cells) > 1 and unnamed and not any(map(str.strip, cells[-1])):
            cells.pop()
            names = None if names is None else names[:-1]
    return Table(str(path), names, lines, parting, values, cells)


def is_number(word: str) -> bool:
    """Whether a word is a number, NaN and infinity among them."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_cell(word: str, parting: str | None) -> bool:
    word = word.strip()
    if parting in (';', '\t'):
        word = word.replace(',', '.')
    return is_number(word) or word.lower() in _MISSING


def _sniff(rows: list[str]) -> str | None:
    for parting in (';', '\t', ','):
        if 2 * sum(parting in row for row in rows) > len(rows):
            return parting
    return None


def _decimal_points(rows: list[str]) -> list[str]:
    joined = '\n'.join(rows)
    if re.search(r'\d,\d', joined):
        return re.sub(r'(?<=\d),(?=\d)', '.', joined).split('\n')
    return rows


def _cells(
    row: str, parting: str | None, quoted: bool, where: str
) -> list[str]:
    if parting is None:
        return (row.replace('"', '') if quoted else row).split()
    if not quoted:
        return row.split(parting)
    try:
        return next(csv.reader([row], delimiter=parting))
    except (csv.Error, StopIteration, TypeError, ValueError) as error:
        raise SequenceError(
            f'{where}: the quotes cannot be read ({error})'
        ) from None
