"""MediaPipe's pose landmarks in the forms that people save them in.

Source:
    Pose Landmarker guide of MediaPipe: 33 landmarks; ``landmarks`` are in
    shares of the image, ``world_landmarks`` in metres around the middle of
    the hips, y down. The JSON forms are those of dumps found in public.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmsnip.io.pose_numbers import detection, numbers
from mmsnip.io.pose_tracks import Detection
from mmsnip.io.reading import SequenceError
from mmsnip.skeleton.layout import get_layout

__all__ = ['has_landmarks', 'has_world', 'is_landmark', 'read_landmarks']

_IMAGE_KEYS = ('pose_landmarks', 'poseLandmarks', 'landmarks', 'landmark')
_WORLD_KEYS = (
    *('pose_world_landmarks', 'poseWorldLandmarks', 'world_landmarks'),
    'worldLandmarks',
)


def is_landmark(value: Any) -> bool:
    """Whether a value is one landmark.

    Args:
        value (Any): Of a JSON document.

    Returns:
        bool: True where it has the coordinates x and y as numbers.
    """
    if not isinstance(value, Mapping) or not {'x', 'y'} <= set(value):
        return False
    return all(isinstance(value[k], (int, float, type(None))) for k in 'xy')


def has_landmarks(frame: Any) -> bool:
    """Whether a frame has landmarks under a key that says so.

    Args:
        frame (Any): Of a JSON document.

    Returns:
        bool: True where it is an object with such a key.
    """
    keys = (*_IMAGE_KEYS, *_WORLD_KEYS)
    return isinstance(frame, Mapping) and any(key in frame for key in keys)


def has_world(document: Any) -> bool:
    """Whether a document has world landmarks of anybody.

    Args:
        document (Any): Frames, or one frame.

    Returns:
        bool: True where some frame has.
    """
    frames = document if isinstance(document, list) else [document]
    return any(
        frame.get(key)
        for frame in frames
        if isinstance(frame, Mapping)
        for key in _WORLD_KEYS
    )


def read_landmarks(frame: Any, where: str, world: bool) -> list[Detection]:
    """Bodies of a frame.

    Args:
        frame (Any): 33 landmarks, several poses of 33, landmarks by name,
            or an object with one of these under ``landmarks`` or the like;
            null or empty where nobody was found.
        where (str): File and frame, for messages.
        world (bool): Take world landmarks, not those in the image.

    Returns:
        list[Detection]: Bodies of 33 joints with 2 or 3 coordinates.

    Raises:
        SequenceError: If it is anything else.
    """
    if has_landmarks(frame):
        keys = _WORLD_KEYS if world else _IMAGE_KEYS
        key = next((key for key in keys if frame.get(key)), None)
        if key is None:
            return []
        frame, where = frame[key], f'{where}, {key!r}'
    if isinstance(frame, Mapping) and 'landmark' in frame:
        frame = frame['landmark']  # as protobuf writes it
    if not frame:
        return []
    poses = [frame]
    if isinstance(frame, list) and not is_landmark(frame[0]):
        rows = isinstance(frame[0], list) and frame[0]
        flat = rows and isinstance(frame[0][0], (int, float, type(None)))
        poses = [frame] if flat else frame
    bodies = []
    for p, pose in enumerate(poses):
        if pose:
            found = _read_pose(pose, f'{where}, person {p}')
            if found is not None:
                bodies.append(found)
    return bodies


def _read_pose(pose: Any, where: str) -> Detection | None:
    names = get_layout('mediapipe').joint_names
    if isinstance(pose, Mapping):
        by_name = {str(k).lower(): v for k, v in pose.items()}
        if not set(by_name) & set(names):
            raise SequenceError(
                f'{where}: found the keys {list(by_name)[:5]}; expected 33 '
                f"landmarks, or names as 'nose' and 'left_hip'"
            )
        lost = {'x': None, 'y': None}
        pose = [by_name.get(name, lost) for name in names]
    if not isinstance(pose, list) or len(pose) != len(names):
        count = len(pose) if isinstance(pose, list) else 'no list of'
        raise SequenceError(
            f'{where}: found {count} landmarks; expected {len(names)}'
        )
    if all(is_landmark(landmark) for landmark in pose):
        deep = any('z' in landmark for landmark in pose)
        keys = ('x', 'y', 'z') if deep else ('x', 'y')
        points = numbers([[lm.get(k) for k in keys] for lm in pose], where)
        score = None
        for key in ('visibility', 'presence'):
            if any(key in landmark for landmark in pose):
                score = numbers([lm.get(key) for lm in pose], where)
                break
        score = None if score is not None and score.ndim != 1 else score
        return detection(points, score, None, where)
    rows = numbers(pose, where)
    if rows.ndim != 2 or rows.shape[1] not in (2, 3, 4, 5):
        raise SequenceError(
            f'{where}: found landmarks of shape {rows.shape}; expected '
            '(33, 3), or (33, 4) with the visibility last'
        )
    score = rows[:, 3] if rows.shape[1] > 3 else None
    return detection(np.array(rows[:, :3]), score, None, where)
