"""One unit, one upright axis, one frame rate, and no single lost joints.

Zeros mean that nothing was seen. The rule for gaps: a frame in which all
joints of a body are zero stays absent; a joint that is zero inside a body
that is there is lost, and drawn on a straight line between the frames before
and behind it, if the gap is short and the body is there throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.io.reading import SequenceError
from mmsnip.io.recording import turn_y_up
from mmsnip.io.video_check import as_labels, as_segments
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.resample import map_segments, take_joints, tempo_map
from mmsnip.structures.errors import is_rate

__all__ = [
    'UNITS',
    'Hygiene',
    'clean',
    'fill_gaps',
    'mend_gaps',
    'resample',
    'to_metres',
    'unit_note',
    'unlikely_size',
]

UNITS = {'m': 1.0, 'cm': 0.01, 'mm': 0.001}
TALLEST_M = 10.0
LOOKED_AT = 20  # bodies of a recording are enough to tell its unit


@dataclass(frozen=True)
class Hygiene:
    """What is done to every recording of a conversion.

    Args:
        fps (float | None): Frame rate that all recordings are brought to;
            None keeps theirs.
        unit (str | None): Unit of the lengths in files that state none, 'm',
            'cm' or 'mm'; None leaves these as they are.
        up (str | None): Axis of the files that points up, see `turn_y_up`;
            None takes what each file says.
        max_gap (int): Most frames over which a lost joint is interpolated;
            0 interpolates none.

    Raises:
        ValueError: If a value is none of these.
    """

    fps: float | None = None
    unit: str | None = None
    up: str | None = None
    max_gap: int = 10

    def __post_init__(self) -> None:
        """Check every field."""
        if self.fps is not None and not is_rate(self.fps):
            raise ValueError(
                f'fps={self.fps!r} must be a positive number of frames a '
                'second, or None'
            )
        if self.unit is not None and self.unit not in UNITS:
            raise ValueError(
                f'unit={self.unit!r} is unknown; use one of {list(UNITS)}'
            )
        if self.up is not None:
            turn_y_up(np.zeros(3), self.up, 'up')
        if self.max_gap < 0:
            raise ValueError(f'max_gap={self.max_gap} must not be negative')


def clean(
    annotation: dict[str, Any],
    hygiene: Hygiene,
    unit: str | None = None,
    up: str | None = None,
    fps: float | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """A recording in metres, y up, with short gaps filled, at one rate.

    Args:
        annotation (dict[str, Any]): Entry of an annotation file; it is not
            changed.
        hygiene (Hygiene): What is wanted.
        unit (str | None): Unit that the file says it is in; it goes before
            that of `hygiene`.
        up (str | None): Axis that the file says points up.
        fps (float | None): Its frame rate where it has no ``fps`` itself.

    Returns:
        tuple[dict[str, Any], list[str]]: The new entry, and a sentence for
        each thing that changed data (unit and axis do not count).

    Raises:
        SequenceError: If a unit or an axis is asked for in two dimensions,
            or the rate is to change and is not known.
    """
    annotation = dict(annotation)
    name = str(annotation.get('frame_dir'))
    keypoint = annotation['keypoint']
    keypoint = to_metres(keypoint, unit or hygiene.unit, name)
    if hygiene.up is not None:
        up = hygiene.up
    elif keypoint.shape[-1] != 3:  # an image, its y points down as ever
        up = None
    if up is not None:
        keypoint = turn_y_up(keypoint, up, name)
    annotation['keypoint'], mended = mend_gaps(keypoint, hygiene.max_gap)
    if hygiene.fps is None:
        return annotation, mended
    rate = annotation.get('fps', fps)
    if rate is None:
        raise SequenceError(
            f'{name} states no frame rate, so that it cannot be brought to '
            f'{hygiene.fps:g} frames/s; state the rate of the files'
        )
    annotation, dropped = resample(annotation, float(rate), hygiene.fps)
    if dropped:
        mended.append(
            f'{dropped} segments were dropped, they have no frame at '
            f'{hygiene.fps:g} frames/s'
        )
    return annotation, mended


def to_metres(
    keypoint: np.ndarray, unit: str | None, name: str
) -> np.ndarray:
    """Lengths in metres.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        unit (str | None): Unit of `keypoint`; one that is no length in
            space (``pixel``, ``normalized``) or None changes nothing.
        name (str): Recording, for the message.

    Returns:
        np.ndarray: (M, T, V, C), the type of `keypoint`.

    Raises:
        SequenceError: If there are not three coordinates to a length.
    """
    if unit not in UNITS or unit == 'm':
        return keypoint
    if keypoint.shape[-1] != 3:
        raise SequenceError(
            f'{name}: unit {unit!r} needs x, y and z, but there are '
            f'{keypoint.shape[-1]} coordinates; leave the unit out'
        )
    return keypoint * keypoint.dtype.type(UNITS[unit])


def unit_note(stated: str | None, given: str | None) -> str:
    """What is said where a file and the user name different units.

    Args:
        stated (str | None): Unit in which the file's lengths are read.
        given (str | None): Unit of files that state none.

    Returns:
        str: One sentence, empty where they do not disagree.
    """
    if stated is None or given in (None, stated):
        return ''
    return (
        f'it states its own unit, its lengths are read in {stated}; unit '
        f'{given} is of files that state none and was not applied'
    )


def mend_gaps(
    keypoint: np.ndarray, max_gap: int
) -> tuple[np.ndarray, list[str]]:
    """`fill_gaps`, in words.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        max_gap (int): Most frames of a gap.

    Returns:
        tuple[np.ndarray, list[str]]: Keypoints; a sentence each on what was
        interpolated and on what stays lost, where there is any.
    """
    keypoint, filled, left = fill_gaps(keypoint, max_gap)
    mended = []
    if filled:
        mended.append(
            f'{filled} positions of lost joints were interpolated, over at '
            f'most {max_gap} frames each'
        )
    if left:
        mended.append(
            f'{left} positions of lost joints stay 0, in gaps of more than '
            f'{max_gap} frames or at an end'
        )
    return keypoint, mended


def fill_gaps(
    keypoint: np.ndarray, max_gap: int
) -> tuple[np.ndarray, int, int]:
    """Interpolate single lost joints; absent bodies stay absent.

    A joint that is zero in all frames of a body is no lost one: it is the
    origin, or a joint that the sensor does not have.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        max_gap (int): Most frames of a gap.

    Returns:
        tuple[np.ndarray, int, int]: Keypoints; positions (a joint in a
        frame) that were interpolated; positions that are lost and stay so.

    Examples:
        >>> walk = np.array([[[1.0, 1], [2, 0], [3, 3]]])[..., None]
        >>> fill_gaps(walk, 1)[0][0, :, 1, 0].tolist()
        [1.0, 2.0, 3.0]
    """
    found = (keypoint != 0).any(axis=-1)  # (M, T, V)
    there = found.any(axis=-1)
    lost = there[..., None] & ~found & found.any(axis=1, keepdims=True)
    if not lost.any():
        return keypoint, 0, 0
    keypoint = keypoint.copy()
    T = keypoint.shape[1]
    filled = 0
    edges = np.diff(
        np.pad(lost.astype(np.int8), ((0, 0), (1, 1), (0, 0))), axis=1
    ).transpose(0, 2, 1)  # (M, V, T + 1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    for (m, v, start), end in zip(starts, ends[:, 2]):
        inside = start > 0 and end < T
        if not inside or end - start > max_gap:
            continue
        if not (found[m, start - 1, v] and found[m, end, v]):
            continue  # the body leaves or enters
        share = np.arange(1, end - start + 1) / (end - start + 1)
        share = share[:, None].astype(keypoint.dtype)
        before, behind = keypoint[m, start - 1, v], keypoint[m, end, v]
        keypoint[m, start:end, v] = before * (1 - share) + behind * share
        filled += int(end - start)
    return keypoint, filled, int(lost.sum()) - filled


def resample(
    annotation: dict[str, Any], rate: float, fps: float
) -> tuple[dict[str, Any], int]:
    """A recording at another frame rate, its segments with it.

    New frame k shows the time k / fps. Joints lie on a straight line
    between the two old frames beside it; one that is zero in either takes
    the nearest. A new frame is in the segments of its nearest old frame.

    Args:
        annotation (dict[str, Any]): With ``keypoint`` (M, T, V, C) and
            maybe ``keypoint_score`` (M, T, V), ``segments`` and
            ``segment_labels``; it is not changed.
        rate (float): Its frames a second.
        fps (float): Wanted frames a second.

    Returns:
        tuple[dict[str, Any], int]: The new entry with ``total_frames`` and
        ``fps``; and how many segments were too short to show.
    """
    annotation = {**annotation, 'fps': float(fps)}
    if abs(rate / fps - 1) < 1e-9:
        return annotation, 0
    keypoint = annotation['keypoint']
    frame_map = tempo_map(keypoint.shape[1], rate / fps)
    found = (keypoint != 0).any(axis=-1)
    annotation['keypoint'] = take_joints(keypoint, found, frame_map)
    annotation['total_frames'] = len(frame_map)
    score = annotation.get('keypoint_score')
    if score is not None:
        score = take_joints(score[..., None], found, frame_map)
        annotation['keypoint_score'] = score[..., 0]
    segments = as_segments(annotation.get('segments', ()))
    labels = as_labels(annotation.get('segment_labels', ()))
    if annotation.get('segments') is None:
        return annotation, 0
    if segments is None or labels is None or len(segments) != len(labels):
        return annotation, 0  # the check of the annotation names it
    moved, which = map_segments(segments, frame_map)
    annotation['segments'] = moved
    annotation['segment_labels'] = labels[which]
    return annotation, len(segments) - len(which)


def unlikely_size(keypoint: np.ndarray) -> str:
    """A warning where bodies are far larger than people in metres.

    Args:
        keypoint (np.ndarray): (M, T, V, 3).

    Returns:
        str: One sentence, empty where the size may be right.
    """
    there = present_frames(keypoint)
    if keypoint.shape[-1] != 3 or not there.any():
        return ''
    bodies = keypoint[there]
    bodies = bodies[:: 1 + len(bodies) // LOOKED_AT]
    height = float(np.median(np.ptp(bodies, axis=1).max(axis=-1)))
    if height <= TALLEST_M:
        return ''
    return (
        f'bodies measure {height:.0f}, which is no size in metres; state '
        'the unit of the files, mm or cm'
    )
