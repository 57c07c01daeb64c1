"""NTU RGB+D skeletons: the ``.skeleton`` text of Kinect v2."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from mmsnip.io.ntu_bodies import Body, select_bodies
from mmsnip.io.reading import MAX_PERSONS, SequenceError, read_text

__all__ = ['read_ntu']

NUM_JOINTS = 25
NUM_VALUES = 12  # numbers of a joint's line
NUM_INFO = 10  # words of a body's line
BODY_LINES = 2 + NUM_JOINTS
MAX_TEXT = 2**30
MAX_VALUES = 2**28  # of the dense array: 1 GiB of float32


def read_ntu(
    path: str | os.PathLike[str],
    max_persons: int | None = 2,
    *,
    motion_rule: bool = False,
    tracking: bool = False,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Read a ``.skeleton`` file.

    Bodies are followed by the id that the sensor gave them, never by their
    place in a frame. Frames without a body stay, as zeros: T is the number
    of frames that the file declares. Of the 12 numbers of a joint (x y z,
    depth x y, colour x y, quaternion w x y z, tracking state) x, y, z and,
    on request, the state are looked at; the projections may be infinite.

    Args:
        path (str | os.PathLike[str]): File.
        max_persons (int, optional): Most persons, at least 1, chosen by
            `select_bodies`; None gives every body, in order of appearance.
            Defaults to 2.
        motion_rule (bool): Also drop bodies by their amount of motion, see
            `select_bodies`. Defaults to False.
        tracking (bool): Whether to return the tracking states. Defaults to
            False.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, 25, 3) float32
        in metres, camera axes (y up, z away from the camera), zeros where a
        person is absent; and

        - ``fps`` 30.0, ``layout`` 'nturgb+d-official', ``unit`` 'm',
            ``up`` 'y';
        - ``track_ids`` (list[str]): sensor ids of each person, joined by
            '+' where the person was lost and found again under another id;
        - ``tracking_state`` (M, T, 25) int8, if asked for: 0 absent or not
            tracked, 1 inferred, 2 tracked;
        - ``mended`` (list[str]): what was dropped or joined.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If the file is not of this format, is cut off, goes
            on after its last frame, has another number of joints, a joint
            that is not finite, or no body at all; the line is named.
        ValueError: If `max_persons` is below 1.

    Source:
        Layout: ``Matlab/read_skeleton_file.m`` of shahroudy/NTURGB-D.
    """
    if max_persons is not None and max_persons < 1:
        raise ValueError(
            f'max_persons={max_persons} must be at least 1, or None for all'
        )
    columns = [0, 1, 2, NUM_VALUES - 1] if tracking else [0, 1, 2]
    num_frames, ids, frames, values = _parse(path, columns)
    bodies, mended = _follow(ids, frames, values)
    if max_persons is None:
        persons = [[body] for body in bodies]
    else:
        persons, dropped = select_bodies(
            bodies, max_persons, motion_rule=motion_rule
        )
        mended += dropped
    array = _fill(persons, num_frames, path)
    metadata = dict(
        fps=30.0,
        layout='nturgb+d-official',
        unit='m',
        up='y',
        track_ids=[
            '+'.join(body.track_id for body in person) for person in persons
        ],
        mended=mended,
    )
    if tracking:
        metadata['tracking_state'] = array[..., 3].astype(np.int8)
        array = np.ascontiguousarray(array[..., :3])
    return array, metadata


def _parse(
    path: str | os.PathLike[str], columns: list[int]
) -> tuple[int, list[str], list[int], np.ndarray]:
    """Number of frames; of each listing id, frame and joints (25, C)."""
    text = read_text(path, MAX_TEXT).rstrip()
    if '\r' in text:
        text = text.replace('\r\n', '\n')
    lines = text.split('\n')
    try:
        num_frames, ids, frames, starts = _find_bodies(lines, path)
        values = _read_joints(lines, starts, columns, path)
    except SequenceError:
        # Perhaps only the white space is unusual.
        plain = [' '.join(line.split()) for line in lines]
        if plain == lines:
            raise
        num_frames, ids, frames, starts = _find_bodies(plain, path)
        values = _read_joints(plain, starts, columns, path)
    return num_frames, ids, frames, values


def _find_bodies(
    lines: list[str], path: str | os.PathLike[str]
) -> tuple[int, list[str], list[int], list[int]]:
    """Walk the counts: frames, then of each body id, frame, first line."""
    num_frames = _count(lines, 0, path, 'the number of frames')
    if not 1 <= num_frames < len(lines):
        raise SequenceError(
            f'{path}, line 1: declares {num_frames} frames, but '
            f'{len(lines) - 1} lines follow; expected at least one frame and '
            'a line for each, is the file cut off?'
        )
    ids: list[str] = []
    frames: list[int] = []
    starts: list[int] = []
    position = 1
    for frame in range(num_frames):
        num_bodies = _count(lines, position, path, 'the number of bodies')
        position += 1
        left = len(lines) - position
        if not 0 <= num_bodies <= MAX_PERSONS:
            raise SequenceError(
                f'{path}, line {position}: frame {frame} declares '
                f'{num_bodies} bodies; expected 0 to {MAX_PERSONS}'
            )
        if num_bodies * BODY_LINES > left:
            raise SequenceError(
                f'{path}, line {position}: frame {frame} declares '
                f'{num_bodies} bodies of {BODY_LINES} lines, but {left} '
                'lines follow; is the file cut off, or has a body other than '
                f'{NUM_JOINTS} joints?'
            )
        for _ in range(num_bodies):
            info = lines[position]
            if info.count(' ') != NUM_INFO - 1:
                raise SequenceError(
                    f'{path}, line {position + 1}: found '
                    f"{len(info.split())} values in a body's line, expected "
                    f'{NUM_INFO} (id, hand states, lean, tracking state)'
                )
            if lines[position + 1] != '25':
                found = _count(lines, position + 1, path, 'a joint count')
                if found != NUM_JOINTS:
                    raise SequenceError(
                        f'{path}, line {position + 2}: a body has {found} '
                        f'joints, expected {NUM_JOINTS} (Kinect v2)'
                    )
            ids.append(info[: info.index(' ')])
            frames.append(frame)
            starts.append(position + 2)
            position += BODY_LINES
    if position < len(lines):
        raise SequenceError(
            f'{path}, line {position + 1}: text goes on after the '
            f'{num_frames} frames that line 1 declares; correct the count or '
            'remove the rest'
        )
    if not ids:
        raise SequenceError(
            f'{path} has no body in any of its {num_frames} frames; leave '
            'it out, as the missing-skeleton list of the data set does'
        )
    return num_frames, ids, frames, starts


def _count(
    lines: list[str], index: int, path: str | os.PathLike[str], what: str
) -> int:
    if index >= len(lines):
        raise SequenceError(
            f'{path}, line {index + 1}: the file ends where {what} is '
            'expected; it is cut off'
        )
    try:
        return int(lines[index])
    except ValueError:
        raise SequenceError(
            f'{path}, line {index + 1}: found {lines[index][:40]!r}, '
            f'expected {what}'
        ) from None


def _read_joints(
    lines: list[str],
    starts: list[int],
    columns: list[int],
    path: str | os.PathLike[str],
) -> np.ndarray:
    """Columns of all joints' lines, (B, 25, C) float32, finite."""
    rows: list[str] = []
    for start in starts:
        rows += lines[start : start + NUM_JOINTS]
    wrong = None
    widths = [row.count(' ') for row in rows]
    if widths.count(NUM_VALUES - 1) != len(rows):
        wrong = next(
            index
            for index, width in enumerate(widths)
            if width != NUM_VALUES - 1
        )
        found = f'found {len(rows[wrong].split())} values'
    else:
        try:
            values = np.loadtxt(
                rows, delimiter=' ', usecols=columns, comments=None, ndmin=2
            )
            values = values.reshape(len(rows), len(columns))
        except ValueError:
            wrong, word = _first_non_number(rows, columns)
            found = f'{word[:40]!r} is no number'
        else:
            with np.errstate(over='ignore'):
                values = values.astype(np.float32)
            if not np.isfinite(values).all():
                wrong = int(np.argmin(np.isfinite(values).all(axis=1)))
                found = 'a coordinate is not finite in float32'
    if wrong is not None:
        body, joint = divmod(wrong, NUM_JOINTS)
        raise SequenceError(
            f'{path}, line {starts[body] + joint + 1}: {found}; expected the '
            f'{NUM_VALUES} numbers of joint {joint}'
        )
    return values.reshape(len(starts), NUM_JOINTS, len(columns))


def _first_non_number(rows: list[str], columns: list[int]) -> tuple[int, str]:
    for index, row in enumerate(rows):
        words = row.split(' ')
        for column in columns:
            try:
                float(words[column])
            except ValueError:
                return index, words[column]
    return 0, rows[0]


def _follow(
    ids: list[str], frames: list[int], values: np.ndarray
) -> tuple[list[Body], list[str]]:
    """Bodies by id, in order of appearance; a second listing is dropped."""
    where: dict[str, list[int]] = {}
    mended = []
    for index, (track_id, frame) in enumerate(zip(ids, frames)):
        seen = where.setdefault(track_id, [])
        if seen and frames[seen[-1]] == frame:
            mended.append(
                f'frame {frame}: body {track_id} is listed again; its first '
                'listing is kept'
            )
        else:
            seen.append(index)
    times = np.array(frames, dtype=np.int64)
    bodies = [
        Body(track_id, times[rows], values[rows])
        for track_id, rows in where.items()
    ]
    return bodies, mended


def _fill(
    persons: list[list[Body]], num_frames: int, path: str | os.PathLike[str]
) -> np.ndarray:
    """Dense (M, T, 25, C) of persons, a later body over an earlier one."""
    V, C = persons[0][0].values.shape[1:]
    if len(persons) > MAX_PERSONS or (
        len(persons) * num_frames * V * C > MAX_VALUES
    ):
        raise SequenceError(
            f'{path} has {len(persons)} bodies in {num_frames} frames, more '
            'than is held at once; read it with max_persons=2'
        )
    array = np.zeros((len(persons), num_frames, V, C), dtype=np.float32)
    for person, bodies in enumerate(persons):
        for body in bodies:
            array[person, body.frames] = body.values
    return array
