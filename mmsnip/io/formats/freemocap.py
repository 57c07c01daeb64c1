"""FreeMoCap: the body of a recording session, .npy or .csv.

Source:
    FreeMoCap ``output_data``: ``mediapipe_body_3d_xyz.npy`` and ``.csv``,
    ``skeleton_3d.npy``, ``mediaPipeSkel_3d_body_hands_face.npy``;
    millimetres, z up once the skeleton is aligned with the ground.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mmsnip.io.formats.arrays import read_npy
from mmsnip.io.formats.csv_table import read_known
from mmsnip.io.formats.registry import reader
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, Recording

__all__ = ['read_freemocap', 'read_freemocap_csv']

_NAME = re.compile(
    r'(\w*_)?(body_3d_xyz|skeleton_3d|skel_3d_body_hands_face'
    r'|skel_3d_origin_aligned|body_rigid_bones_3d)|'
    r'mediapipeskel_3d_(body_hands_face|origin_aligned)',
    re.IGNORECASE,
)
V = 33


def _is_freemocap(path: Path, head: str) -> bool:
    return _NAME.fullmatch(path.stem[:200]) is not None


@reader(
    '.npy',
    title='FreeMoCap',
    note='`mediapipe_body_3d_xyz` as .npy or .csv, and older names; '
    "MediaPipe's body, millimetres, z up",
    sniff=_is_freemocap,
)
def read_freemocap(path: Path) -> Recording:
    """The body's 33 joints; hands and face behind them are left out."""
    recording = read_npy(path)
    M, _, joints, C = recording.keypoint.shape
    if M != 1 or joints < V or C != 3:
        raise DataError(
            f'{path} has shape {recording.keypoint.shape[1:]}; its name is '
            f"one of FreeMoCap's, expected (T, {V}, 3) or more joints; call "
            'it otherwise if it is not'
        )
    recording = Recording(
        path.stem,
        recording.keypoint[:, :, :V],
        present=recording.present[:, :, :V],
        layout=get_layout('mediapipe'),
        unit='mm',
        up='z',
        source=str(path),
    )
    if joints > V:
        recording = recording.noted(
            f'hands and face were left out: joints {V}..{joints - 1}'
        )
    return recording


@reader('.csv', title='FreeMoCap', note='', sniff=_is_freemocap)
def read_freemocap_csv(path: Path, columns: Any = None) -> Recording:
    """The same as a table, a row a frame; the header names the joints."""
    names = get_layout('mediapipe').joint_names
    with path.open(encoding='utf-8-sig', errors='replace') as stream:
        head = stream.readline(2**16).replace('"', '').strip().split(',')
    cells = {cell.strip().lower(): cell.strip() for cell in head}
    for prefix in ('', 'body_'):
        wanted = {
            name: [f'{prefix}{name}_{axis}' for axis in 'xyz']
            for name in names
        }
        if all(c in cells for places in wanted.values() for c in places):
            known = {
                name: [cells[c] for c in places]
                for name, places in wanted.items()
            }
            facts = dict(layout='mediapipe', unit='mm', up='z')
            return read_known(path, columns, joints=known, **facts)
    return read_known(path, columns, unit='mm', up='z')
