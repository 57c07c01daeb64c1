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
from mmsnip.io.formats.columns import Columns
from mmsnip.io.formats.csv_table import (
    column_map,
    read_known,
    table_recording,
)
from mmsnip.io.formats.registry import reader, with_notes
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
    lines = read_text(path).splitlines()
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
    found = Columns(frame=0)
    for k in range(1, width):
        axis = header['coords'][k].lower()
        if axis in ('x', 'y', 'z', 'likelihood'):
            person = header.get('individuals', [''] * width)[k]
            at = found.joints.setdefault((person, header['bodyparts'][k]), {})
            at['score' if axis == 'likelihood' else axis] = k
    notes = []
    if table.frame[0].dtype.kind not in 'iuf':
        stems = [PurePath(word).stem for word in table.words(0)]
        numbers, notes = name_numbers(stems)
        found.frame = None
        if None not in numbers:
            table.frame[0] = numbers
            found.frame = 0
    flat = not any('z' in at for at in found.joints.values())
    facts = dict(unit='pixel', up='-y', of_film=True) if flat else {}
    return with_notes(
        table_recording(path, table, columns, found, **facts), notes
    )
