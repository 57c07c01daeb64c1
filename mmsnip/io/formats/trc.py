"""OpenSim's TRC: marker trajectories.

Source:
    OpenSim documentation, Marker (.trc) Files: three header lines, two rows
    of names, tabs between the cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmsnip.io.formats.columns import Columns
from mmsnip.io.formats.csv_table import (
    column_map,
    rate_of,
    table_recording,
)
from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_table
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text

__all__ = ['read_trc']

_UNITS = {'m': 'm', 'mm': 'mm', 'cm': 'cm', 'meters': 'm'}


@reader('.trc', title='OpenSim TRC', note='marker trajectories; y up')
def read_trc(path: Path, columns: Any = None) -> Recording:
    """Markers of a TRC file; an empty cell is a lost marker."""
    lines = read_text(path).splitlines()
    if not lines[0].lower().startswith('pathfiletype') or len(lines) < 6:
        raise DataError(
            f'{path}, line 1: found {lines[0][:40]!r}; expected '
            "'PathFileType', four more header lines and rows"
        )
    facts = dict(zip(lines[1].split(), lines[2].split()))
    where = f'{path}, line 3'
    fps = rate_of(facts.get('DataRate', ''), where)
    unit = facts.get('Units', '').lower()
    tabbed = '\t' in lines[3]
    cells = lines[3].rstrip().split('\t') if tabbed else lines[3].split()
    first = cells[0].strip().lower()
    if first not in ('frame#', 'frame') or len(cells) < 3:
        raise DataError(
            f"{path}, line 4: found {lines[3][:40]!r}; expected 'Frame#', "
            "'Time' and the names of markers"
        )
    names = [cell.strip() for cell in cells[2:] if cell.strip()]
    table = read_table(path, 'tab' if tabbed else 'space', header_rows=[4, 5])
    if table.num_columns < 2 + 3 * len(names):
        raise DataError(
            f'{path}: {len(names)} markers need {2 + 3 * len(names)} columns, '
            f'its rows have {table.num_columns}'
        )
    if len(set(names)) < len(names):
        raise DataError(f'{path}, line 4: a marker is named twice')
    found = Columns(frame=0, time=None if fps else 1, time_unit='s')
    for v, name in enumerate(names):
        at = range(2 + 3 * v, 5 + 3 * v)
        found.joints['', name] = dict(zip('xyz', at))
    recording = table_recording(
        path,
        table,
        column_map(columns, path),
        found,
        fps=fps,
        unit=_UNITS.get(unit),
        up='y',
    )
    declared = facts.get('NumFrames', '')
    if declared.isdecimal() and declared[:12].lstrip('0') != str(
        table.num_rows
    ):
        recording = recording.noted(
            f'{declared[:12]} frames are announced and {table.num_rows} '
            'follow; all were read',
            abs(int(declared[:12]) - table.num_rows),
        )
    return recording
