"""Segment labels as a table: video, label, start, end."""

from __future__ import annotations

import csv
import os
import re

from mmsnip.io.label_columns import (
    UNITS,
    LabelColumns,
    choose_columns,
    split_row,
)
from mmsnip.io.label_set import (
    LabelError,
    LabelRow,
    LabelSet,
    build_label_set,
)
from mmsnip.io.reading import read_text, safe_name

__all__ = ['read_label_table']

MAX_TEXT = 2**28


def read_label_table(
    path: str | os.PathLike[str],
    unit: str | None = None,
    end_inclusive: bool = False,
) -> LabelSet:
    """Read rows of video, label, start and end.

    Columns are told by a header or stand in this order, see
    `choose_columns`; others are left out, but ``split`` or ``subset`` says
    the part of a video. Frames count from 0 and are whole. Beside another
    delimiter than a comma, a comma in a time is a decimal comma. Blank lines
    are skipped. A row whose label, start and end are all empty names a video
    without a segment.

    Args:
        path (str | os.PathLike[str]): File.
        unit (str, optional): 'frames', 's' or 'ms'; needed where no name of
            a column says it, and where several do.
        end_inclusive (bool): Whether the frame `end` belongs to the segment;
            only of frames. Defaults to False, half-open.

    Returns:
        LabelSet: In 's' (of ms too) or 'frames'.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If a row cannot be read, or the unit is not clear; the
            line is named.
        ValueError: If `unit` is unknown, or `end_inclusive` is given for
            seconds.
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
    number, first = lines[0]
    columns = choose_columns(first, unit, f'{path}, line {number}')
    if end_inclusive and columns.unit != 'frames':
        raise ValueError(
            f'end_inclusive is for frames, but the times of {path} are in '
            f'{columns.unit!r}'
        )
    rows: dict[str, list[LabelRow]] = {}
    part_of: dict[str, str] = {}
    for number, line in lines[columns.header :]:
        place = f'{path}, line {number}'
        cells = _cells(line, columns, place)
        video = safe_name(cells[columns.video], place)
        own = rows.setdefault(video, [])
        row = _row(cells, columns, place, f'line {number}')
        if row is not None:
            own.append(row._replace(end=row.end + end_inclusive))
        if columns.part is not None and cells[columns.part].isprintable():
            part = cells[columns.part] or part_of.get(video, '')
            if part_of.setdefault(video, part) != part:
                raise LabelError(
                    f'{place}: video {video!r} is in {part!r}, but in '
                    f'{part_of[video]!r} above'
                )
    splits: dict[str, list[str]] = {}
    for video, part in part_of.items():
        if part:
            splits.setdefault(part, []).append(video)
    found = 'frames' if columns.unit == 'frames' else 's'
    return build_label_set(rows, found, path, splits=splits)


def _cells(line: str, columns: LabelColumns, place: str) -> list[str]:
    try:
        cells = split_row(line, columns.delimiter)
    except csv.Error as error:
        raise LabelError(
            f'{place}: the quotes cannot be read ({error})'
        ) from None
    last = max(columns.video, columns.label, columns.start, columns.end)
    if columns.part is not None:
        last = max(last, columns.part)
    if len(cells) <= last:
        raise LabelError(
            f'{place}: found {len(cells)} cells, expected at least '
            f'{last + 1}; is the file cut off, or its delimiter another?'
        )
    return cells


def _row(
    cells: list[str], columns: LabelColumns, place: str, line: str
) -> LabelRow | None:
    name = cells[columns.label]
    words = cells[columns.start], cells[columns.end]
    if not name and not any(words):
        return None
    times = []
    for word in words:
        try:
            if columns.delimiter != ',':
                word = word.replace(',', '.')
            times.append(float(word))
        except ValueError:
            raise LabelError(
                f'{place}: {word[:40]!r} is no number; expected start and '
                f'end in {columns.unit}'
            ) from None
        if columns.unit == 'frames' and not times[-1].is_integer():
            raise LabelError(
                f'{place}: {word[:40]!r} is no whole frame; are the times '
                "in seconds? then pass unit='s'"
            )
    start, end = times
    if columns.unit == 'ms':
        start, end = start / 1000, end / 1000
    return LabelRow(name, start, end, line)
