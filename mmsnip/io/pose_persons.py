"""One person of each estimator's JSON as a `Detection`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mmsnip.io.pose_numbers import MAX_NUMBER, describe, detection, numbers
from mmsnip.io.pose_tracks import Detection
from mmsnip.io.reading import SequenceError

__all__ = ['PERSONS', 'read_flat']

_TRACK_KEYS = ('track_id', 'instance_id', 'person_id', 'idx', 'track_ids')


def read_flat(
    flat: np.ndarray, width: int, person: Mapping, where: str
) -> Detection | None:
    """Body of numbers in one row.

    Args:
        flat (np.ndarray): (V * width,).
        width (int): Coordinates of a joint and its score.
        person (Mapping): Entry with the person's id, where there is one.
        where (str): File and place, for messages.

    Returns:
        Detection | None: The body; None where all its joints are lost.

    Raises:
        SequenceError: If the numbers are no whole number of joints.
    """
    if flat.ndim != 1 or flat.size % width:
        raise SequenceError(
            f'{where} holds {flat.size} numbers; expected {width} a joint, '
            'the last its score'
        )
    points = flat.reshape(-1, width)
    track = _track(person)
    return detection(points[:, :-1], points[:, -1], track, where)


def _track(person: Mapping) -> str | None:
    """Id of a person; negative numbers and empty lists mean none."""
    for key in _TRACK_KEYS:
        value = person.get(key)
        while isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str) and value.strip():
            return value[:80].encode('utf-8', 'replace').decode()
        if isinstance(value, (int, float)) and 0 <= value < MAX_NUMBER:
            return str(int(value))
    return None


def _squeeze(array: np.ndarray) -> np.ndarray:
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    return array


def _read_openpose(person: Mapping, where: str) -> Detection | None:
    for key, width in (
        ('pose_keypoints_3d', 4),
        ('pose_keypoints_2d', 3),
        ('pose_keypoints', 3),
    ):
        if person.get(key):
            flat = numbers(person[key], f'{where}, {key!r}')
            return read_flat(flat, width, person, f'{where}, {key!r}')
    if {'pose_keypoints_2d', 'pose_keypoints', 'pose_keypoints_3d'} & set(
        person
    ):
        return None  # hands or face without a body
    raise SequenceError(
        f'{where}: found {describe(person)}; expected pose_keypoints_2d or '
        'pose_keypoints_3d'
    )


def _read_mmpose(person: Mapping, where: str) -> Detection | None:
    points = _squeeze(numbers(person.get('keypoints'), where))
    score = person.get('keypoint_scores')
    if score is not None:
        score = numbers(score, where).reshape(-1)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise SequenceError(
            f"{where}: 'keypoints' has shape {points.shape}; expected (V, 2) "
            'or (V, 3)'
        )
    return detection(points, score, _track(person), where)


def _read_yolo(person: Mapping, where: str) -> Detection | None:
    points = person.get('keypoints')
    if points is None:
        return None  # a box of a detector without poses
    if not isinstance(points, Mapping) or not {'x', 'y'} <= set(points):
        raise SequenceError(
            f"{where}: 'keypoints' is {describe(points)}; expected the keys "
            'x, y and visible'
        )
    x, y = (numbers(points[k], f'{where}, {k!r}') for k in 'xy')
    if x.ndim != 1 or x.shape != y.shape:
        raise SequenceError(
            f'{where}: x has shape {x.shape} and y {y.shape}; expected as '
            'many of each'
        )
    score = points.get('visible')
    score = None if score is None else numbers(score, where).reshape(-1)
    return detection(np.stack((x, y), 1), score, _track(person), where)


# A reader takes a person and its place, for messages; None where no body is.
PERSONS: dict[str, Callable[[Mapping, str], Detection | None]] = {
    'openpose': _read_openpose,
    'mmpose': _read_mmpose,
    'yolo': _read_yolo,
}
