"""Ultralytics YOLO-pose, ``save_txt``: a folder with a text file a frame.

Source:
    Ultralytics ``Results.save_txt``: class, box (x y w h), keypoints (x y
    and, maybe, a confidence each), maybe a confidence, maybe a track id; all
    lengths are shares of the image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmsnip.io.formats.clock import name_numbers
from mmsnip.io.formats.pose_dialects import Frame
from mmsnip.io.formats.pose_json import film_recording
from mmsnip.io.formats.registry import frames_in, reader, with_notes
from mmsnip.io.formats.table import read_numbers
from mmsnip.io.formats.tracks import Body
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text

__all__ = ['read_ultralytics']

BOX = 5  # class and box
MAX_FRAME = 2**20  # bytes of a file
_WIDTHS = {  # numbers of a row: coordinates a joint, confidence, id
    BOX + 17 * width + more: (17, width, more)
    for width in (2, 3)
    for more in (0, 1, 2)
}


def _holds_frames(files: Sequence[Path]) -> bool:
    """Whether they differ in numbers of the name only, and hold such rows."""
    files = [path for path in files if path.stat().st_size]
    kinds = {re.sub('[0-9]+', '#', path.stem) for path in files}
    if len(files) < 2 or len(kinds) > 1 or '#' not in kinds.pop():
        return False
    for path in {files[0], files[len(files) // 2], files[-1]}:
        try:
            words = read_text(path, MAX_FRAME).split('\n')[0].split()
            low, high = min(map(float, words[:BOX])), max(map(float, words))
        except (DataError, ValueError):
            return False
        if len(words) not in _WIDTHS or low < 0 or not high < 1e9:
            return False
    return True


@reader(
    '.txt',
    title='Ultralytics',
    note='a folder of YOLO-pose `save_txt`, a file a frame, 17 joints',
    sniff=lambda path, head: path.is_dir(),
    holds_frames=_holds_frames,
)
def read_ultralytics(path: Path) -> Recording:
    """Persons of a folder of ``save_txt``; frames without a file are empty."""
    files = frames_in(path, '.txt')
    tables: list[np.ndarray] = []
    for file in files:
        table = np.zeros((0, BOX))
        if file.stat().st_size:  # else nobody is there
            lines = read_text(file, MAX_FRAME).splitlines()
            rows = [n for n, line in enumerate(lines, 1) if line.strip()]
            table = read_numbers([lines[n - 1] for n in rows], file, rows)
            if table.shape[1] not in _WIDTHS:
                raise DataError(
                    f'{file}: found {table.shape[1]} numbers a row; expected '
                    f'class, box and 17 joints, {sorted(_WIDTHS)}'
                )
        tables.append(table)
    full = [t for t in tables if len(t)]
    one = [t[:, -1] for t in full if _WIDTHS[t.shape[1]][2] == 1]
    # A single number more is an id where it is whole in all rows.
    whole = bool(one) and all((np.mod(last, 1) == 0).all() for last in one)
    numbers, notes = name_numbers([file.stem for file in files])
    if None in numbers:
        numbers = list(range(len(files)))
    frames = []
    for number, table in zip(numbers, tables):
        bodies = []
        for row in table:
            V, width, more = _WIDTHS[len(row)]
            points = row[BOX : BOX + V * width].reshape(V, width)
            score = points[:, 2] if width == 3 else np.ones(V)
            seen = (points[:, :2] != 0).any(axis=1)
            known = (more == 2 or (more == 1 and whole)) and row[-1] >= 0
            body = Body(
                np.where(seen[:, None], points[:, :2], 0).astype(np.float32),
                np.where(seen, score, 0).astype(np.float32),
                str(int(row[-1])) if known else None,
            )
            bodies += [body] if seen.any() else []
        frames.append(Frame(bodies, number))
    recording = film_recording(
        frames, path, layout=get_layout('coco'), unit='normalized', up='-y'
    )
    return with_notes(recording, notes)
