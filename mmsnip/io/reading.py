"""Arrays in memory as a sequence; the rest lies in `mmsnip.structures`."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.structures import DataError, show
from mmsnip.structures.files import (
    MAX_BYTES,
    check_size,
    read_text,
    safe_name,
)

__all__ = [
    'MAX_BYTES',
    'SequenceError',
    'as_sequence',
    'check_size',
    'read_text',
    'safe_name',
]

SequenceError = DataError  # until all rooms say DataError


def as_sequence(keypoint: Any, name: str) -> np.ndarray:
    """Checked float32 copy or view of a sequence.

    Args:
        keypoint (Any): Array-like of numbers, (T, V, C) for one person or
            (M, T, V, C); all zeros where a person is absent.
        name (str): File or video, for messages.

    Returns:
        np.ndarray: (M, T, V, C) float32, finite, no axis empty.

    Raises:
        SequenceError: If it is anything else.

    Examples:
        >>> as_sequence(np.zeros((13, 5, 3)), 'still').shape
        (1, 13, 5, 3)
    """
    expected = '(T, V, C) of one person or (M, T, V, C)'
    try:
        array = np.asarray(keypoint)
    except (ValueError, TypeError) as error:  # ragged, or on another device
        raise SequenceError(
            f'{name} is a {type(keypoint).__name__} that is no array '
            f'({error}); expected numbers of shape {expected}'
        ) from None
    if array.dtype.kind not in 'fiu':
        raise SequenceError(
            f'{name} is a {show(array)}; expected numbers of shape {expected}'
        )
    if array.ndim not in (3, 4):
        raise SequenceError(
            f'{name} has shape {array.shape}; expected {expected}'
        )
    if 0 in array.shape:
        raise SequenceError(
            f'{name} is empty, its shape is {array.shape}; expected at least '
            'one person, frame, joint and channel'
        )
    array = array if array.ndim == 4 else array[None]
    with np.errstate(over='ignore'):
        array = array.astype(np.float32, copy=False)
    lost = ~np.isfinite(array)
    if lost.any():
        m, t, v, c = np.unravel_index(int(lost.argmax()), lost.shape)
        raise SequenceError(
            f'{name} holds NaN or infinity in {int(lost.sum())} values, '
            f'first at person {m}, frame {t}, joint {v}, channel {c}; '
            'expected finite float32: fill lost joints, or set all joints of '
            'a frame to 0 where the person is absent'
        )
    return array
