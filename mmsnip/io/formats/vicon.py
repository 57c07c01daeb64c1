"""Vicon Nexus: ASCII export of trajectories.

Source:
    Vicon Nexus user guide, Export to ASCII: a section's name, its rate, the
    markers, ``Frame, Sub Frame, X, Y, Z, ..``, units, rows.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from mmsnip.io.formats.columns import Columns
from mmsnip.io.formats.csv_table import (
    column_map,
    filled,
    rate_of,
    read_known,
    table_recording,
)
from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_table
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text

__all__ = ['read_vicon']

_SECTIONS = ('Trajectories', 'Devices', 'Model Outputs', 'Joints', 'Segments')
SECTION = 'Trajectories'


def _is_vicon(path: Path, head: str) -> bool:
    first = head.lstrip().split('\n')[0].strip(' \t\r,;"')
    return first in _SECTIONS


@reader(
    *('.csv', '.txt'),
    title='Vicon Nexus',
    note='CSV export, the section Trajectories; a subject is a person; z up',
    sniff=_is_vicon,
)
def read_vicon(path: Path, columns: Any = None) -> Recording:
    """Trajectories of a Nexus export; other sections are left out."""
    lines = read_text(path).splitlines()
    begin = next(
        (n for n, x in enumerate(lines) if x.strip(' \t,;"') == SECTION), None
    )
    if begin is None:
        raise DataError(
            f'{path} has no section {SECTION!r}; export trajectories, or '
            'tell the columns in a column map'
        )
    end = begin + 4
    while end < len(lines) and lines[end].strip(' \t,;"'):
        end += 1
    if end <= begin + 5:
        raise DataError(f'{path}, line {begin + 1}: the section has no rows')
    sign = max(',;\t', key=lines[begin + 3].count)
    rate, names, axes, units = (
        [cell.strip() for cell in next(csv.reader([x], delimiter=sign), [])]
        for x in lines[begin + 1 : begin + 5]
    )
    fps = rate_of(rate[0] if rate else '', f'{path}, line {begin + 2}')
    unit = next((u for u in units if u in ('mm', 'cm', 'm')), None)
    known = dict(delimiter=sign, header_rows=[begin + 3, begin + 4, begin + 5])
    columns = column_map(columns, path)
    if columns.names_columns:
        more = dict(unit=unit, up='z', fps=fps)
        return read_known(path, columns, **known, **more)
    table = read_table(path, **known, last_line=end)
    found = Columns(frame=0)
    for k, name in enumerate(filled(names[: table.num_columns])):
        axis = axes[k].lower() if k < len(axes) else ''
        if name and axis in ('x', 'y', 'z'):
            person, _, joint = name.rpartition(':')
            found.joints.setdefault((person, joint), {})[axis] = k
    found.joints = {j: at for j, at in found.joints.items() if len(at) == 3}
    return table_recording(
        path, table, columns, found, fps=fps, unit=unit, up='z'
    )
