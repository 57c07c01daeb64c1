"""What a user says of the joints of a file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmsnip.skeleton.builtin import ALIASES
from mmsnip.skeleton.layout import SkeletonLayout, get_layout, layout_names

__all__ = ['JointMap', 'read_joint_map']


@dataclass(frozen=True, eq=False)
class JointMap:
    """Names for the joints of a file, and what some of the model's are.

    Attributes:
        layout (SkeletonLayout | None): Joints of the file, whatever it says
            itself; bones do not matter. None: as the file says.
        rows (dict[str, dict[str, float]]): By joint of the model, joints of
            the file and their weights.
        origin (str): Where this stands, for messages.
    """

    layout: SkeletonLayout | None = None
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    origin: str = 'map_joints'


def read_joint_map(
    given: str | os.PathLike[str] | Mapping[str, Any] | None,
) -> JointMap:
    """Understand the argument ``map_joints``.

    Args:
        given (str | os.PathLike[str] | Mapping[str, Any], optional): Name of
            the layout that the files' joints have, such as ``'coco'``; path
            of a ``.json`` file; or what such a file holds: an object whose
            keys are joints of the model and whose values are a joint of the
            file, a list of joints whose mean it is, or an object of joints
            and weights. Its key ``layout`` holds the names of the file's
            joints, or the name of a layout. None says nothing.

    Returns:
        JointMap: The same, checked.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of these; key and value are named.

    Examples:
        >>> read_joint_map({'neck': ['arm_l', 'arm_r']}).rows
        {'neck': {'arm_l': 0.5, 'arm_r': 0.5}}
    """
    if given is None:
        return JointMap()
    if isinstance(given, JointMap):
        return given
    origin, content = 'map_joints', given
    if isinstance(given, (str, os.PathLike)):
        if given in ALIASES or given in layout_names():
            return JointMap(get_layout(str(given)))
        origin, content = str(given), _load(Path(given))
    if not isinstance(content, Mapping):
        raise ValueError(
            f'{origin}: found {str(content)[:60]!r}; expected an object of '
            'joints of the model and what they are in the file'
        )
    rows = {
        str(name): _row(value, name, origin)
        for name, value in content.items()
        if name != 'layout'
    }
    return JointMap(_layout(content.get('layout'), origin), rows, origin)


def _load(path: Path) -> Any:
    if path.suffix.lower() != '.json':
        raise ValueError(
            f'map_joints={str(path)!r} is neither a layout, one of '
            f'{layout_names()}, nor a .json file'
        )
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path} is not JSON: {error}') from None


def _layout(value: Any, origin: str) -> SkeletonLayout | None:
    if value is None or isinstance(value, SkeletonLayout):
        return value
    try:
        if isinstance(value, str):
            return get_layout(value)
        names = _names(value)
        if len(set(names)) < len(names):
            raise ValueError('a name stands twice')
        parents = (-1, *([0] * (len(names) - 1)))
        return SkeletonLayout('map_joints', tuple(names), parents)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{origin}, key 'layout': found {str(value)[:80]} ({error}); "
            'expected the name of a layout, or a list of joints'
        ) from None


def _names(value: Any) -> list[str]:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not listed or not value or not all(isinstance(n, str) for n in value):
        raise TypeError('no list of names')
    return list(value)


def _row(value: Any, name: Any, origin: str) -> dict[str, float]:
    try:
        if isinstance(value, Mapping):
            row = {str(joint): float(w) for joint, w in value.items()}
        else:
            names = [value] if isinstance(value, str) else _names(value)
            row = {joint: names.count(joint) / len(names) for joint in names}
    except (TypeError, ValueError):
        row = {}
    total = sum(row.values())
    if not row or not math.isclose(total, 1.0, abs_tol=1e-3):
        raise ValueError(
            f'{origin}, key {name!r}: found {str(value)[:80]}; expected a '
            'joint of the file, a list of some, or some with weights whose '
            'sum is 1'
        )
    return row
