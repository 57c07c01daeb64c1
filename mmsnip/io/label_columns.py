"""Which column of a table of labels is which, and what parts its cells."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from mmsnip.io.label_set import LabelError

__all__ = ['UNITS', 'LabelColumns', 'choose_columns', 'split_row']

DELIMITERS = ('\t', ';', ',', '|', ' ')
UNITS = ('frames', 's', 'ms')
_VIDEO = (
    *('video', 'video_id', 'videoid', 'video_name', 'videoname', 'vid'),
    *('file', 'file_name', 'filename', 'recording', 'sequence'),
    *('frame_dir', 'sid'),
)
_LABEL = (
    *('label', 'label_name', 'class', 'class_name', 'action', 'activity'),
)
_PART = ('split', 'subset')
_START = ('start', 'begin', 'from', 'onset')
_END = ('end', 'stop', 'to', 'offset')
_UNIT_WORDS = {
    'frames': ('frame', 'frames', 'f'),
    's': ('s', 'sec', 'secs', 'second', 'seconds'),
    'ms': ('ms', 'msec', 'millisecond', 'milliseconds'),
}
_CHOOSE = (
    "pass unit='frames', unit='s' or unit='ms', or name the columns "
    'start_frame and end_frame, or start_s and end_s'
)


class LabelColumns(NamedTuple):
    """Where everything stands; indices from 0.

    Args:
        delimiter (str): Between cells; a space is any white space.
        header (bool): Whether the first row names the columns.
        video (int): Name of the recording.
        label (int): Class.
        start (int): Start of the segment.
        end (int): Its end.
        unit (str): Of both, one of `UNITS`.
        part (int | None): Split of the recording.
    """

    delimiter: str
    header: bool
    video: int
    label: int
    start: int
    end: int
    unit: str
    part: int | None


def split_row(row: str, delimiter: str) -> list[str]:
    """Cells of a row, without white space around them.

    Args:
        row (str): Text of one line.
        delimiter (str): Between cells; a space is any white space. Quotes
            keep a delimiter inside a cell.

    Returns:
        list[str]: At least one cell.

    Raises:
        csv.Error: If the quotes cannot be read.

    Examples:
        >>> split_row('v1, "sit, then stand" ,0,9', ',')
        ['v1', 'sit, then stand', '0', '9']
    """
    if delimiter == ' ':
        return row.split() if '"' not in row else _quoted(row, ' ')
    if '"' not in row:
        return [cell.strip() for cell in row.split(delimiter)]
    return _quoted(row, delimiter)


def _quoted(row: str, delimiter: str) -> list[str]:
    if delimiter == ' ':
        row = ' '.join(row.split())
    reader = csv.reader(
        [row], delimiter=delimiter, skipinitialspace=True, strict=False
    )
    return [cell.strip() for cell in next(reader)]


def choose_columns(row: str, unit: str | None, place: str) -> LabelColumns:
    """Delimiter and columns, from the first row.

    The delimiter is the first of tab, semicolon, comma, bar and white space
    by which the row is a header that names video, label, start and end, or
    by which it has four cells or more, the third and fourth of them numbers
    or both empty: ``video,label,start,end``. In names neither letter case
    nor brackets matter.

    Args:
        row (str): Text of the first line.
        unit (str | None): Of the times, one of `UNITS`. None takes what the
            names say.
        place (str): File and line, for messages.

    Returns:
        LabelColumns: Indices of the columns.

    Raises:
        LabelError: If no delimiter fits, a column stands twice, or neither
            `unit` nor the names say the unit, or the names say several.

    Examples:
        >>> choose_columns('video;label;end_s;start_s', None, 'a.csv').start
        3
    """
    for delimiter in DELIMITERS:
        try:
            cells = split_row(row, delimiter)
        except csv.Error:
            continue
        names = [re.sub(r'[\W_]+', '_', cell).strip('_') for cell in cells]
        names = [name.lower() for name in names]
        video, label, part = (
            _place(names, words, place) for words in (_VIDEO, _LABEL, _PART)
        )
        if video is None or label is None:
            if _is_row(cells):
                return _plain(delimiter, unit, place)
            continue
        times = _times(names, unit, place)
        if times is not None:
            return LabelColumns(delimiter, True, video, label, *times, part)
    raise LabelError(
        f'{place}: {row[:80]!r} is neither a header with video, label, start '
        'and end, nor a row video,label,start,end with two numbers; what '
        'parts its cells?'
    )


def _plain(delimiter: str, unit: str | None, place: str) -> LabelColumns:
    if unit is None:
        raise LabelError(
            f'{place}: no header says whether start and end count frames or '
            f'seconds; {_CHOOSE}'
        )
    return LabelColumns(delimiter, False, 0, 1, 2, 3, unit, None)


def _times(
    names: Sequence[str], unit: str | None, place: str
) -> tuple[int, int, str] | None:
    """Start, end and unit; None where the row has no such pair."""
    found = {}
    for key, words in _UNIT_WORDS.items():
        start, end = (
            _place(names, _joined(sides, words), place)
            for sides in (_START, _END)
        )
        if start is not None and end is not None:
            found[key] = (start, end, key)
    start, end = (
        _place(names, (*sides, *_joined(sides, ('time', 't'))), place)
        for sides in (_START, _END)
    )
    if unit in found:
        return found[unit]
    bare = start is not None and end is not None
    if bare and unit is not None:
        return start, end, unit
    if unit is None and len(found) == 1:
        return next(iter(found.values()))
    if found and unit is not None:
        raise LabelError(
            f'{place}: the columns of start and end are in {sorted(found)}, '
            f'not in {unit!r}; leave unit away or name one of them'
        )
    if found or bare:
        said = f'{len(found)} units, {sorted(found)}' if found else 'no unit'
        raise LabelError(
            f'{place}: the names of the columns start and end say {said}; '
            f'{_CHOOSE}'
        )
    return None


def _joined(sides: Sequence[str], words: Sequence[str]) -> list[str]:
    return [
        name
        for side in sides
        for word in words
        for first, last in ((side, word), (word, side))
        # 'starts' is no start_s
        for name in (f'{first}_{last}', first + last)[: 1 + (len(word) > 2)]
    ]


def _place(
    names: Sequence[str], words: Sequence[str], place: str
) -> int | None:
    """Where the first of the words stands that is there."""
    for word in words:
        count = names.count(word)
        if count > 1:
            raise LabelError(
                f'{place}: {count} columns are named {word!r}; expected one'
            )
        if count:
            return names.index(word)
    return None


def _is_row(cells: Sequence[str]) -> bool:
    if len(cells) < 4 or not cells[0]:
        return False
    if not any(cells[2:4]):
        return True
    try:
        times = [float(cell.replace(',', '.')) for cell in cells[2:4]]
    except ValueError:
        return False
    return all(map(math.isfinite, times))
