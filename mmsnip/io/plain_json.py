"""Plain values as JSON text, and back as the same values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

__all__ = ['from_json', 'to_json']

_TUPLE, _ITEMS = '!tuple', '!items'


def _encode(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_encode(item) for item in value]
    if isinstance(value, tuple):
        return {_TUPLE: [_encode(item) for item in value]}
    if isinstance(value, dict):
        plain = all(isinstance(k, str) and k[:1] != '!' for k in value)
        if plain:
            return {key: _encode(item) for key, item in value.items()}
        items = [[_encode(k), _encode(v)] for k, v in value.items()]
        return {_ITEMS: items}
    raise TypeError(f'{type(value).__name__}')


def _decode(found: dict) -> Any:
    if set(found) == {_TUPLE}:
        return tuple(found[_TUPLE])
    if set(found) == {_ITEMS}:
        return dict(found[_ITEMS])
    return found


def to_json(value: Any) -> str:
    """JSON text of a value; NaN and infinity pass.

    Args:
        value (Any): None, numbers, text, lists, tuples and dicts, nested;
            numpy scalars become Python's.

    Returns:
        str: ASCII text.

    Raises:
        TypeError: If it is or holds anything else; the type is named.
        ValueError: If it holds itself.

    Examples:
        >>> to_json({'img_shape': (340, 512)})
        '{"img_shape": {"!tuple": [340, 512]}}'
    """
    try:
        return json.dumps(_encode(value))
    except RecursionError:
        raise ValueError('it is nested too deeply') from None


def from_json(text: str) -> Any:
    """The value that `to_json` was given.

    Args:
        text (str): JSON.

    Returns:
        Any: Tuples are tuples again, and keys that were no text are what
        they were.

    Raises:
        ValueError: If it is no such text.

    Examples:
        >>> from_json('{"img_shape": {"!tuple": [340, 512]}}')
        {'img_shape': (340, 512)}
    """
    try:
        return json.loads(text, object_hook=_decode)
    except (TypeError, RecursionError) as error:
        raise ValueError(f'malformed text ({error})') from None
