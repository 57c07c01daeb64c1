"""Numbers of a pose JSON: lists, frame numbers, bodies with lost joints."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from mmsnip.io.pose_tracks import Detection
from mmsnip.io.reading import SequenceError

__all__ = ['MAX_NUMBER', 'describe', 'detection', 'frame_number', 'numbers']

MAX_NUMBER = 10**12  # a frame number has fewer digits than a time stamp


def numbers(value: Any, where: str) -> np.ndarray:
    """Array of a JSON list; null is NaN.

    Args:
        value (Any): List, nested or not.
        where (str): File and place, for the message.

    Returns:
        np.ndarray: float64, at least one axis.

    Raises:
        SequenceError: If it is not a list of numbers, or ragged.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise SequenceError(
            f'{where}: expected a list of numbers ({error})'
        ) from None
    if array.ndim == 0 or array.size == 0:
        raise SequenceError(
            f'{where}: expected a list of numbers, found '
            f'{"nothing" if value is None else repr(value)[:40]}'
        )
    return array


def frame_number(name: Any) -> int | None:
    """Number of a frame in the name of its file or image.

    Args:
        name (Any): ``walk_000012_keypoints.json``, ``12.jpg`` or 12.

    Returns:
        int | None: The last number of the stem, None where there is none.

    Examples:
        >>> frame_number('cam2_walk_000012_keypoints.json')
        12
    """
    if isinstance(name, int):
        return int(name) if abs(name) < MAX_NUMBER else None
    found = re.findall('[0-9]+', PurePath(str(name)).stem)
    if not found or len(found[-1].lstrip('0')) > len(str(MAX_NUMBER)) - 1:
        return None
    return int(found[-1])


def detection(
    points: np.ndarray, score: np.ndarray | None, track: str | None, where: str
) -> Detection | None:
    """A body whose lost joints are zero.

    Lost are joints with a coordinate that is NaN, infinite or null, and
    those at exactly zero in all coordinates with a score of zero.

    Args:
        points (np.ndarray): (V, D).
        score (np.ndarray | None): (V,); None counts as 1.
        track (str | None): The person's id.
        where (str): File and place, for the message.

    Returns:
        Detection | None: The body; None where all its joints are lost or
            zero.

    Raises:
        SequenceError: If there are not as many scores as joints.
    """
    if score is None:
        score = np.ones(len(points))
    if score.shape != points.shape[:1]:
        raise SequenceError(
            f'{where}: found {len(points)} joints and {score.size} scores; '
            'expected as many'
        )
    with np.errstate(over='ignore'):
        points = points.astype(np.float32)
        score = score.astype(np.float32)
    lost = ~np.isfinite(points).all(axis=1)
    points = np.where(lost[:, None], np.float32(0), points)
    score = np.where(lost | ~np.isfinite(score), np.float32(0), score)
    return Detection(points, score, track) if points.any() else None


def describe(value: Any) -> str:
    """What a JSON value is, for messages.

    Args:
        value (Any): Of a JSON document.

    Returns:
        str: Its type; keys of an object, length of a list.
    """
    if isinstance(value, Mapping):
        keys = reprlib.repr([str(key)[:30] for key in value])
        return f'an object with the keys {keys}'
    if isinstance(value, list):
        if not value:
            return 'an empty list'
        first = value[0]
        inner = f'; the first is {describe(first)}'
        nested = isinstance(first, Mapping)
        return f'a list of {len(value)} entries' + (inner if nested else '')
    return f'a {type(value).__name__}'
