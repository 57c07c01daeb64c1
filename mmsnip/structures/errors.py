"""The one error for a user's data, and how a message shows a value."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

__all__ = ['DataError', 'is_int', 'is_rate', 'show']


class DataError(ValueError):
    """A file or array cannot be used.

    The message names the file, the key, what was found and what to do.
    """


def show(value: Any) -> str:
    """Short text of any value, for messages."""
    if value is None:
        return 'nothing'
    if isinstance(value, np.ndarray):
        return f'{value.dtype} array of shape {value.shape}'
    try:
        return f'{type(value).__name__} {reprlib.repr(value)}'
    except ValueError:  # an int of more digits than Python prints
        return type(value).__name__


def is_int(value: Any) -> bool:
    """Whether a value is an integer, bool excluded."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_rate(value: Any) -> bool:
    """Whether a value can be a frame rate: a positive number below 1e6."""
    number = isinstance(value, (int, float, np.integer, np.floating))
    return number and not isinstance(value, bool) and 0 < value < 1e6
