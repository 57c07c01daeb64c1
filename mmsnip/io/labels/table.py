"""Segment labels as a table: video, label, start, end; exports of BORIS."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Collection, Sequence
from pathlib import PureWindowsPath
from typing import NamedTuple

from mmsnip.io.labels.label_set import LabelRow, LabelSet, build_label_set
from mmsnip.structures.errors import DataError
from mmsnip.structures.files import is_text, read_text, safe_name

__all__ = ['LabelColumns', 'choose_columns', 'read_label_table']

MAX_TEXT = 2**28
MAX_HEADER = 50  # lines within which the names of the columns stand
UNITS = ('frames', 's', 'ms')
DELIMITERS = ('\t', ';', ',', '|', ' ')
# Of several the first that is there.
_VIDEO = (
    *('video', 'video_id', 'videoid', 'video_name', 'videoname', 'vid'),
    *('file', 'file_name', 'filename', 'recording', 'sequence'),
    *('frame_dir', 'sid', 'media_file_name', 'media_file'),
    *('media_file_path', 'observation_id', 'path'),
)
_LABEL = (
    *('label', 'label_name', 'class', 'class_name', 'action', 'activity'),
    *('behavior', 'behaviour'),
)
_PART = ('split', 'subset')
_SUBJECT = ('subject',)
_EVENT = ('behavior_type', 'behaviour_type', 'status', 'event')
_START = ('start', 'begin', 'from', 'onset')
_END = ('end', 'stop', 'to', 'offset')
_UNIT_WORDS = {
    'frames': ('frame', 'frames', 'f'),
    's': ('s', 'sec', 'secs', 'second', 'seconds'),
    'ms': ('ms', 'msec', 'millisecond', 'milliseconds'),
}
_CHOOSE = (
    'say the unit (--labels-unit): frames, s or ms; or name the columns '
    'start_frame and end_frame, or start_s and end_s'
)
_CLOCK = re.compile(r'(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)')


class LabelColumns(NamedTuple):
    """Where everything stands; indices from 0."""

    delimiter: str
    header: bool
    video: int
    label: int
    start: int
    end: int
    unit: str
    part: int | None = None
    subject: int | None = None
    events: bool = False


def read_label_table(
    path: str | os.PathLike[str],
    unit: str | None = None,
    background: Collection[str] | str | None = None,
) -> LabelSet:
    """Read rows of video, label, start and end.

    Columns are told by a header or stand in this order, see
    `choose_columns`; others are left out, but ``split`` or ``subset`` says
    the part of a video. Frames count from 0 and are whole; hh:mm:ss is
    seconds. Beside another delimiter than a comma, a comma in a time is a
    decimal comma. Of a path that is absolute the last part is the video.
    Blank lines are skipped. A row whose label, start and end are all empty
    names a video without a segment.

    Exports of BORIS are such tables, too: of aggregated events, and of
    tabular ones, whose rows START and STOP are paired by subject.

    Args:
        path (str | os.PathLike[str]): File.
        unit (str, optional): 'frames', 's' or 'ms'; needed where no name of
            a column says it, and where several do.
        background (Collection[str] | str, optional): Labels of no action.

    Returns:
        LabelSet: In 's' (of ms too) or 'frames'.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If a row cannot be read, or the unit is not clear; the
            line is named.
        ValueError: If `unit` is unknown.
    """
    if unit is not None and unit not in UNITS:
        raise ValueError(f'unit={unit!r} is unknown; use one of {UNITS}')
    lines = [
        (number, line)
        for number, line in enumerate(
            re.split(r'\r\n?|\n', read_text(path, MAX_TEXT)), start=1
        )
        if line.strip()
    ]
    head, columns = _find_columns(lines, unit, str(path))
    rows: dict[str, list[LabelRow]] = {}
    part_of: dict[str, str] = {}
    path_of: dict[str, str] = {}
    mended: list[str] = []
    running: dict[tuple[str, ...], tuple[float, str]] = {}
    for number, line in lines[head + columns.header :]:
        place = f'{path}, line {number}'
        cells = _cells(line, columns, place)
        video = _video(cells[columns.video], path_of, place)
        own = rows.setdefault(video, [])
        if columns.events:
            row = _event(cells, columns, place, number, running, mended)
        else:
            row = _row(cells, columns, place, number, mended)
        if row is not None:
            own.append(row)
        part = '' if columns.part is None else cells[columns.part]
        if part and is_text(part) and part_of.setdefault(video, part) != part:
            raise DataError(
                f'{place}: video {video!r} is in {part!r}, but in '
                f'{part_of[video]!r} above'
            )
    mended += [
        f'{place}: dropped, {key[1]!r} starts and never stops'
        for key, (_, place) in running.items()
    ]
    splits: dict[str, list[str]] = {}
    for video, part in part_of.items():
        splits.setdefault(part, []).append(video)
    found = 'frames' if columns.unit == 'frames' else 's'
    return build_label_set(
        rows, found, path, None, splits, {}, mended, background
    )


def _find_columns(
    lines: Sequence[tuple[int, str]], unit: str | None, path: str
) -> tuple[int, LabelColumns]:
    """Columns, and the line that tells them; BORIS has others above it."""
    for head, (number, line) in enumerate(lines[:MAX_HEADER]):
        both = ' '.join(text for _, text in lines[head : head + 2])
        clock = any(map(_CLOCK.fullmatch, re.split(r'[\t;,| ]+', both)))
        columns = _match(
            line, unit, f'{path}, line {number}', 's' * clock, head == 0
        )
        if columns is not None:
            return head, columns
    return 0, choose_columns(lines[0][1], unit, f'{path}, line {lines[0][0]}')


def choose_columns(row: str, unit: str | None, place: str) -> LabelColumns:
    """Delimiter and columns of a table, from its first row."""
    columns = _match(row, unit, place)
    if columns is None:
        raise DataError(
            f'{place}: {row[:80]!r} is neither a header with video, label, '
            'start and end, nor a row video,label,start,end with two times. '
            f'Known names are, for the video {", ".join(_VIDEO)}; for the '
            f'label {", ".join(_LABEL)}; for the start {", ".join(_START)} '
            f'and for the end {", ".join(_END)}, with _s, _ms or _frame; or '
            f'time and {", ".join(_EVENT)}'
        )
    return columns


def _match(
    row: str,
    unit: str | None,
    place: str,
    default: str = '',
    bare: bool = True,
) -> LabelColumns | None:
    """Columns of a header or, where `bare`, of a row without one, or None."""
    for delimiter in DELIMITERS:
        try:
            cells = _split(row, delimiter)
        except csv.Error:
            continue
        names = [re.sub(r'[\W_]+', '_', c).strip('_').lower() for c in cells]
        video, label, part, subject, event = (
            _place(names, words, place)
            for words in (_VIDEO, _LABEL, _PART, _SUBJECT, _EVENT)
        )
        if video is None or label is None:
            numbers = map(_seconds, (c.replace(',', '.') for c in cells[2:4]))
            if not bare or len(cells) < 4 or not cells[0]:
                continue
            if any(cells[2:4]) and None in numbers:
                continue
            if not (unit or default):
                raise DataError(
                    f'{place}: no header says whether start and end count '
                    f'frames or seconds; {_CHOOSE}'
                )
            return LabelColumns(delimiter, False, 0, 1, 2, 3, unit or default)
        times = _times(names, unit, place, default)
        if times is not None:
            return LabelColumns(
                delimiter, True, video, label, *times, part, subject
            )
        time = _place(names, ('time', 'time_s'), place)
        if time is not None and event is not None:
            facts = delimiter, True, video, label, time, event, 's'
            return LabelColumns(*facts, part, subject, True)
    return None


def _split(row: str, delimiter: str) -> list[str]:
    """Cells without white space around them; quotes keep a delimiter."""
    if delimiter == ' ':
        row = ' '.join(row.split())
    if '"' not in row:
        return [cell.strip() for cell in row.split(delimiter)]
    reader = csv.reader([row], delimiter=delimiter, skipinitialspace=True)
    return [cell.strip() for cell in next(reader)]


def _times(
    names: Sequence[str], unit: str | None, place: str, default: str
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
    if unit is None and len(found) == 1:
        return next(iter(found.values()))
    if bare and (unit or (default and not found)):
        return start, end, unit or default
    if found and unit is not None:
        raise DataError(
            f'{place}: the columns of start and end are in {sorted(found)}, '
            f'not in {unit!r}; leave the unit away or name one of them'
        )
    if found or bare:
        said = f'{len(found)} units, {sorted(found)}' if found else 'no unit'
        raise DataError(
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
            raise DataError(
                f'{place}: {count} columns are named {word!r}; expected one'
            )
        if count:
            return names.index(word)
    return None


def _cells(line: str, columns: LabelColumns, place: str) -> list[str]:
    try:
        cells = _split(line, columns.delimiter)
    except csv.Error as error:
        raise DataError(
            f'{place}: the quotes cannot be read ({error})'
        ) from None
    last = max(n for n in columns[2:6] + columns[7:9] if type(n) is int)
    if len(cells) <= last:
        raise DataError(
            f'{place}: found {len(cells)} cells, expected at least '
            f'{last + 1}; is the file cut off, or its delimiter another?'
        )
    return cells


def _video(cell: str, path_of: dict[str, str], place: str) -> str:
    """Name of a video; of an absolute path it is the last part."""
    try:
        name = safe_name(cell, place)
    except DataError:
        name = safe_name(PureWindowsPath(cell).name, place)
    if path_of.setdefault(name, cell) != cell:
        raise DataError(
            f'{place}: {cell[:80]!r} and {path_of[name][:80]!r} are called '
            f'{name!r} both; write paths below the folder of recordings'
        )
    return name


def _seconds(word: str) -> float | None:
    """A finite number, or hh:mm:ss and mm:ss in seconds."""
    clock = _CLOCK.fullmatch(word)
    if clock:
        hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return hours * 3600 + minutes * 60 + seconds
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _time(word: str, columns: LabelColumns, place: str) -> float:
    """A time of a row in 's' or 'frames'."""
    plain = word if columns.delimiter == ',' else word.replace(',', '.')
    time = _seconds(plain)
    if time is None:
        raise DataError(
            f'{place}: {word[:40]!r} is no number; expected start and end in '
            f'{columns.unit}, or as hh:mm:ss'
        )
    if columns.unit == 'frames' and (':' in word or not time.is_integer()):
        raise DataError(
            f'{place}: {word[:40]!r} is no whole frame; are the times in '
            "seconds? then the unit is 's'"
        )
    return time / 1000 if columns.unit == 'ms' and ':' not in word else time


def _row(
    cells: list[str],
    columns: LabelColumns,
    place: str,
    number: int,
    mended: list[str],
) -> LabelRow | None:
    name, start, end = (cells[n] for n in columns[3:6])
    if not (name or start or end):
        return None
    if start and end.lower() in ('', 'na', 'nan'):  # BORIS, of what goes on
        mended.append(f'line {number}: dropped, {name!r} has no end')
        return None
    times = (_time(word, columns, place) for word in (start, end))
    return LabelRow(name, *times, f'line {number}')


def _event(
    cells: list[str],
    columns: LabelColumns,
    place: str,
    number: int,
    running: dict[tuple[str, ...], tuple[float, str]],
    mended: list[str],
) -> LabelRow | None:
    """The segment that a row STOP ends."""
    name, what = cells[columns.label], cells[columns.end].upper()
    time = _time(cells[columns.start], columns, place)
    who = '' if columns.subject is None else cells[columns.subject]
    key = cells[columns.video], name, who
    line = f'line {number}'
    if what == 'POINT':
        mended.append(f'{line}: dropped, {name!r} is a point without length')
    elif what == 'START':
        if key in running:
            mended.append(f'{line}: dropped, {name!r} has started already')
        running.setdefault(key, (time, line))
    elif what == 'STOP' and key in running:
        start, line = running.pop(key)
        return LabelRow(name, start, time, line)
    elif what == 'STOP':
        mended.append(f'{line}: dropped, {name!r} stops and never started')
    else:
        raise DataError(
            f'{place}: {what[:40]!r} is no event; expected START, STOP or '
            'POINT'
        )
    return None
