"""DeepLabCut: CSV of one animal or person, or of several.

Source:
    DeepLabCut documentation, analyze_videos(save_as_csv=True): header rows
    scorer, (individuals,) bodyparts, coords.
"""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from mmsnip.io.formats.clock import name_numbers
from mmsnip.io.formats.csv_table import (
    column_map,
    marker_recording,
    read_known,
    split_lines,
)
from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_table
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text

__all__ = ['read_deeplabcut']

_ROWS = ('scorer', 'individuals', 'bodyparts', 'coords')


def _is_deeplabcut(path: Path, head: str) -> bool:
    lines = [line.split(',')[0].strip() for line in head.split('\n')[:4]]
    return lines[:1] == ['scorer'] and 'coords' in lines


@reader(
    '.csv',
    title='DeepLabCut',
    note='CSV of one or of several individuals, 2D or 3D',
    sniff=_is_deeplabcut,
)
def read_deeplabcut(path: Path, columns: Any = None) -> Recording:
    """Body parts of DeepLabCut; the likelihood is the score."""
    lines = split_lines(read_text(path))
    header: dict[str, list[str]] = {}
    for line in islice(lines, len(_ROWS)):
        cells = [cell.strip() for cell in next(csv.reader([line]), [''])]
        if cells[:1] and cells[0] in _ROWS:
            header[cells[0]] = cells
    rows = list(range(1, len(header) + 1))
    columns = column_map(columns, path)
    if columns.names_columns:
        return read_known(path, columns, header_rows=rows, unit='pixel')
    if not {'bodyparts', 'coords'} <= set(header):
        raise DataError(f"{path}: its header lacks 'bodyparts' or 'coords'")
    table = read_table(path, 'comma', header_rows=rows)
    width = min(table.num_columns, *(len(row) for row in header.values()))
    persons: dict[str, dict[str, dict[str, int]]] = {}
    for k in range(1, width):
        axis = header['coords'][k].lower()
        if axis in ('x', 'y', 'z', 'likelihood'):
            person = header.get('individuals', [''] * width)[k]
            body = persons.setdefault(person, {})
            body.setdefault(header['bodyparts'][k], {})[axis] = k
    first = next((b for p in persons.values() for b in p.values()), {})
    axes = [axis for axis in 'xyz' if axis in first]
    scored = all(
        'likelihood' in part for p in persons.values() for part in p.values()
    )
    for name, body in persons.items():
        for part, found in body.items():
            if [axis for axis in 'xyz' if axis in found] != axes:
                raise DataError(
                    f'{path}: {name} {part} has the coordinates '
                    f'{sorted(found)}, the first body part {axes}'
                )
    if not {'x', 'y'} <= set(axes):
        raise DataError(f'{path}: no body part has x and y')
    frame: int | None = 0
    note = None
    if table.frame[0].dtype.kind not in 'iuf':
        stems = [PurePath(word).stem for word in table.words(0)]
        numbers, note = name_numbers(stems)
        frame = None
        if None not in numbers:
            table.frame[0] = numbers
            frame = 0
    flat = len(axes) == 2
    recording = marker_recording(
        path,
        table,
        columns,
        {
            name: {j: [at[a] for a in axes] for j, at in body.items()}
            for name, body in persons.items()
        },
        frame,
        scores={
            (name, part): at['likelihood']
            for name, body in persons.items()
            for part, at in body.items()
        }
        if scored
        else None,
        unit='pixel' if flat else None,
        up='-y' if flat else None,
        of_film=flat,
    )
    return recording.noted(*note) if note else recording
