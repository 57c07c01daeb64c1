"""OptiTrack Motive: CSV export of bones, rigid bodies or markers.

Source:
    OptiTrack documentation, Data Export: CSV; format versions 1.2 to 1.25.
"""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path
from typing import Any

from mmsnip.io.formats.columns import Columns
from mmsnip.io.formats.csv_table import (
    column_map,
    rate_of,
    read_known,
    table_recording,
)
from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_table
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text

__all__ = ['read_motive']

_LABELS = ('Type', 'Name', 'ID', 'Parent')
_UNITS = {'meters': 'm', 'centimeters': 'cm', 'millimeters': 'mm'}
# What is taken for the body, the first that is there.
_TYPES = ('Bone', 'Joint', 'Marker', 'Rigid Body', 'Bone Marker')
HEADER = 20  # lines within which the data begin


def _is_motive(path: Path, head: str) -> bool:
    return head.startswith('Format Version,')


@reader(
    '.csv',
    title='OptiTrack Motive',
    note='CSV export; bones of each skeleton, else markers; y up',
    sniff=_is_motive,
)
def read_motive(path: Path, columns: Any = None) -> Recording:
    """Bones of a Motive export, or its markers where there are none."""
    lines = read_text(path).splitlines()
    rows = [next(csv.reader([x]), []) for x in islice(lines, HEADER)]
    last = next((n for n, r in enumerate(rows) if r[:1] == ['Frame']), None)
    if last is None:
        raise DataError(
            f"{path}: no row of its first {HEADER} begins with 'Frame'; is "
            'it an export of Motive?'
        )
    facts = dict(zip(rows[0][::2], rows[0][1::2]))
    where = f'{path}, line 1'
    rate = facts.get('Export Frame Rate') or facts.get('Capture Frame Rate')
    fps = rate_of(rate, where) if rate else None
    unit = _UNITS.get(facts.get('Length Units', '').strip().lower())
    columns = column_map(columns, path)
    if columns.names_columns:
        known = dict(header_rows=[last + 1], unit=unit, up='y', fps=fps)
        return read_known(path, columns, **known)
    table = read_table(path, 'comma', header_rows=[last + 1])
    width = table.num_columns - 2  # frame and time stand first
    header: dict[str, list[str]] = {}
    for row in rows[1:last]:
        cells = [cell.strip() for cell in row]
        label = next((x for x in _LABELS if x in cells[:4]), None)
        if label is not None:
            cells = cells[cells.index(label) + 1 :]
        if len(cells) >= width:
            # Some versions put a column more before the data.
            header[label or 'Channel'] = cells[-width:] if width > 0 else []
    axes = [cell.strip().upper() for cell in table.header or []][2:]
    if 'Name' not in header or not axes:
        raise DataError(f"{path}: its header has no row 'Name' that fits")
    types = header.get('Type', ['Bone'] * width)
    wanted = next((kind for kind in _TYPES if kind in types), None)
    found = Columns(frame=0, time=None if fps else 1, time_unit='s')
    above: dict[str, str] = {}
    names_of = dict(zip(header.get('ID', []), header['Name']))
    for k in range(width):
        position = header.get('Channel', ['Position'] * width)[k] == 'Position'
        if types[k] != wanted or not position or axes[k] not in list('XYZ'):
            continue
        person, _, joint = header['Name'][k].rpartition(':')
        at = found.joints.setdefault((person, joint), {})
        at[axes[k].lower()] = k + 2
        parent = header.get('Parent', [''] * width)[k]
        above[joint] = names_of.get(parent, parent).rpartition(':')[2]
    found.joints = {j: at for j, at in found.joints.items() if len(at) == 3}
    joints = list(dict.fromkeys(joint for _, joint in found.joints))
    parents = [
        joints.index(above[j]) if above[j] in joints else -1 for j in joints
    ]
    if parents.count(-1) == 1 and len(joints) > 1:
        found.layout = dict(joint_names=joints, parents=parents)
    return table_recording(
        path, table, columns, found, fps=fps, unit=unit, up='y'
    )
