"""Grids: axes with values, and texts with the axes between braces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ['cells', 'fill']


def fill(value: Any, words: Mapping[str, Any]) -> Any:
    """Put the values of the axes where ``{axis}`` stands.

    Args:
        value (Any): Text, or lists and mappings with texts inside.
        words (Mapping[str, Any]): Values by axis.

    Returns:
        Any: The same; a text that is one ``{axis}`` becomes its value.

    Raises:
        KeyError: If a text names no axis.

    Examples:
        >>> fill({'a': '{n}', 'b': ['x-{n}']}, {'n': 3})
        {'a': 3, 'b': ['x-3']}
    """
    if isinstance(value, Mapping):
        return {name: fill(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, words) for inner in value]
    if not isinstance(value, str) or '{' not in value:
        return value
    if value[1:-1] in words and value == f'{{{value[1:-1]}}}':
        return words[value[1:-1]]
    return value.format_map(words)


def cells(matrix: Mapping[str, list]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of the axes, the last one fastest.

    Args:
        matrix (Mapping[str, list]): Values by axis.

    Yields:
        dict[str, Any]: A value by axis; beside a ``fraction`` its
        ``percent``.

    Examples:
        >>> [cell['n'] for cell in cells({'n': [1, 2], 'm': ['x']})]
        [1, 2]
    """
    for values in itertools.product(*matrix.values()):
        words = dict(zip(matrix, values))
        if 'fraction' in words:
            words['percent'] = f'{100 * words["fraction"]:g}'
        yield words
