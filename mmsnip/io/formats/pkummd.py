"""PKU-MMD: skeleton rows, label rows and the 51 classes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_numbers
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text

__all__ = ['PKUMMD_CLASSES', 'read_pkummd', 'read_pkummd_labels']

MAX_TEXT = 2**30
MAX_FRAME = 10**9
NUM_COLUMNS = 2 * 25 * 3

# In the order of the ids 1 to 51 of the data set's list of actions.
_TEXT = """
bow; brushing hair; brushing teeth; check time (from watch); cheer up;
clapping; cross hands in front (say stop); drink water; drop; eat meal/snack;
falling; giving something to other person; hand waving; handshaking; hopping
(one foot jumping); hugging other person; jump up; kicking other person;
kicking something; make a phone call/answer phone; pat on back of other
person; pickup; playing with phone/tablet; point finger at the other person;
pointing to something with finger; punching/slapping other person; pushing
other person; put on a hat/cap; put something inside pocket; reading; rub two
hands together; salute; sitting down; standing up; take off a hat/cap; take
off glasses; take off jacket; take out something from pocket; taking a
selfie; tear up paper; throw; touch back (backache); touch chest
(stomachache/heart pain); touch head (headache); touch neck (neckache);
typing on a keyboard; use a fan (with hand or paper)/feeling warm; wear
jacket; wear on glasses; wipe face; writing
"""
PKUMMD_CLASSES = tuple(re.sub(r'\s+', ' ', _TEXT).strip().split('; '))


def _is_pkummd(path: Path, head: str) -> bool:
    """Whether the first row has about as many numbers as a frame."""
    return len(head.lstrip().split('\n')[0].replace(',', ' ').split()) >= 100


@reader(
    '.txt',
    title='PKU-MMD',
    note='150 numbers a row: two persons of Kinect v2',
    sniff=_is_pkummd,
)
def read_pkummd(path: Path) -> Recording:
    """Read a skeleton file of PKU-MMD, phase I (`0002-L`) or II (`A01N01-L`).

    A row is a frame of 150 numbers, 25 joints x (x, y, z) of person 0, then
    of person 1, all zeros where a person is absent; white space or commas
    lie between them.

    Args:
        path (Path): File.

    Returns:
        Recording: (M, T, 25, 3) in metres, camera axes (y up, z away from
        the camera), 30 frames/s; M is 2, or 1 where nobody else is ever
        seen; ``tracks`` are the persons' places in the file.

    Raises:
        DataError: If a row has other than 150 finite numbers, or no frame
            has a body; the line is named.

    Source:
        Readme of the data set, arXiv 1703.07475.
    """
    text = read_text(path, MAX_TEXT).replace(',', ' ')
    lines = text.rstrip().split('\n')
    values = read_numbers(lines, path, range(1, len(lines) + 1), NUM_COLUMNS)
    keypoint = values.reshape(-1, 2, 25, 3).transpose(1, 0, 2, 3)
    seen = [person for person in range(2) if keypoint[person].any()]
    if not seen:
        raise DataError(
            f'{path} has no body in any of its {len(lines)} frames; leave '
            'it out'
        )
    recording = Recording(
        name=path.stem,
        source=str(path),
        keypoint=np.ascontiguousarray(keypoint[seen]),
        layout=get_layout('nturgb+d-official'),
        fps=30.0,
        unit='m',
        up='y',
        tracks=tuple(map(str, seen)),
    )
    if seen == [1]:
        note = 'person 0 is never seen; person 1 comes first'
        recording = recording.noted(note)
    return recording


def read_pkummd_labels(
    path: str | os.PathLike[str], num_frames: int | None = None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read a label file of PKU-MMD: rows ``label,start,end,confidence``.

    Frames count from 0. A segment is read as half-open ``[start, end)``:
    the data set's own evaluation takes ``end - start`` for its length, and
    the common preparations slice rows the same way. The confidence, the
    annotator's note on how well an action was performed, is not used.

    Mended, in this order: ``start > end`` is swapped; what lies outside
    0 to `num_frames` is cut off; a segment without a frame left is dropped;
    so is a row that repeats the label and the segment of another.

    Args:
        path (str | os.PathLike[str]): File.
        num_frames (int, optional): T of the skeleton file, at least 1; None
            cuts only below 0.

    Returns:
        tuple[np.ndarray, np.ndarray, list[str]]: Segments (num_segments, 2)
        int64; labels (num_segments,) int64, 0 to 50, indices of
        `PKUMMD_CLASSES`; a sentence for each mended row. Rows keep the
        file's order and may overlap.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If a row is malformed; the line is named.

    Source:
        Readme of the data set; ``evaluate.py`` of ECHO960/PKU-MMD.
    """
    kept: dict[tuple[int, int, int], int] = {}  # and the line of each
    mended: list[str] = []
    text = read_text(path, MAX_TEXT).replace(',', ' ')
    for number, line in enumerate(text.split('\n'), start=1):
        words = line.split()
        if not words:
            continue
        try:
            label, start, end = map(float, words[:3])
        except ValueError:
            label = start = end = np.nan
        frames = abs(start) <= MAX_FRAME and abs(end) <= MAX_FRAME
        whole = frames and start == int(start) and end == int(end)
        if not whole or label not in range(1, 52) or len(words) > 4:
            raise DataError(
                f'{path}, line {number}: found {line.strip()[:60]!r}; '
                'expected label,start,end,confidence: whole numbers, the '
                f'label 1 to {len(PKUMMD_CLASSES)}'
            )
        label, start, end = int(label), int(start), int(end)
        row = f'line {number} (label {label}, frames {start} to {end})'
        if start > end:
            start, end = end, start
            mended.append(f'{row}: start and end are swapped')
        limit = MAX_FRAME if num_frames is None else num_frames
        inside = max(start, 0), min(end, limit)
        if inside[0] >= inside[1]:
            mended.append(f'{row}: dropped, it has no frame among the {limit}')
            continue
        if inside != (start, end):
            mended.append(f'{row}: cut to frames {inside[0]} to {inside[1]}')
        first = kept.setdefault((label, *inside), number)
        if first != number:
            mended.append(f'{row}: dropped, it repeats line {first}')
    rows = np.array(list(kept), dtype=np.int64).reshape(-1, 3)
    return np.ascontiguousarray(rows[:, 1:]), rows[:, 0] - 1, mended
