"""What joint names say: left and right, the spine, the shoulders."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r'[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+')
_SIDES = {'left': 0, 'l': 0, 'right': 1, 'r': 1}
_GLUED = ('left', 'right', 'l', 'r')
_BOTTOM = (
    *('spinebase', 'baseofspine', 'hipcenter', 'hips', 'pelvis', 'midhip'),
    *('hip', 'root'),
)
_TOP = (
    *('spinemid', 'middleofspine', 'spine', 'spine1', 'torso', 'chest'),
    *('spine2', 'spine3', 'spineshoulder', 'thorax', 'neck'),
)
_HIP = ('hip', 'upperleg', 'upleg', 'thigh')
_SHOULDER = (
    *('shoulder', 'upperarm', 'uparm', 'arm', 'sho', 'collar', 'clavicle'),
    *_HIP,
)


def plain_name(name: str) -> str:
    """``mixamorig:Left_Arm`` -> ``leftarm``."""
    return re.sub(r'[\W_]', '', name.rsplit(':', 1)[-1]).lower()


def split_side(name: str) -> tuple[int | None, str]:
    """Side that a joint's name says, and the rest of the name.

    Args:
        name (str): Name; what stands before a colon is left out.

    Returns:
        tuple[int | None, str]: 0 left, 1 right or None; and the other words
            in lower case, glued.

    Examples:
        >>> split_side('mixamorig:LeftForeArm'), split_side('hip_center')
        ((0, 'forearm'), (None, 'hipcenter'))
    """
    words = [w.lower() for w in _WORD.findall(name.rsplit(':', 1)[-1])]
    sides = [i for i, word in enumerate(words) if word in _SIDES]
    if not sides:
        return None, ''.join(words)
    side = _SIDES[words[sides[0]]]
    return side, ''.join(w for i, w in enumerate(words) if i != sides[0])


def mirror_pairs(joint_names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of joints that a mirror exchanges, read from their names.

    Understands ``left``/``right`` and ``l``/``r`` as a word anywhere in the
    name (``left_arm``, ``Arm_L``, ``LElbow``, ``mixamorig:LeftArm``) and, if
    the counterpart exists, glued to either end (``lhand``, ``armright``).

    Args:
        joint_names (Sequence[str]): V names.

    Returns:
        tuple[tuple[int, int], ...]: (left, right) indices, ascending.

    Examples:
        >>> mirror_pairs(['Hips', 'Hand_L', 'Hand_R', 'rfoot', 'lfoot'])
        ((1, 2), (4, 3))
    """
    found: tuple[dict[str, int], dict[str, int]] = ({}, {})
    plain = {}
    for index, name in enumerate(joint_names):
        side, rest = split_side(str(name))
        if side is None:
            plain[rest] = index
        else:
            found[side].setdefault(rest, index)
    pairs = [(i, found[1][k]) for k, i in found[0].items() if k in found[1]]
    taken: set[int] = set()
    for left, right in (('left', 'right'), ('l', 'r')):
        for rest, index in plain.items():
            options = []
            if rest.startswith(left):
                options.append(right + rest[len(left) :])
            if rest.endswith(left):
                options.append(rest[: -len(left)] + right)
            for other in options:
                partner = plain.get(other)
                if partner is not None and not {index, partner} & taken:
                    pairs.append((index, partner))
                    taken |= {index, partner}
    return tuple(sorted(pairs))


def find_spine(
    joint_names: Sequence[str], root: int
) -> tuple[int, int] | None:
    """Lower and upper joint of a vertical bone of the trunk.

    Args:
        joint_names (Sequence[str]): V names.
        root (int): Joint that is taken as the lower end where no name fits.

    Returns:
        tuple[int, int] | None: (bottom, top), or None where no name fits
            the upper end.
    """
    plain: dict[str, int] = {}
    for index, name in enumerate(joint_names):
        side, rest = split_side(str(name))
        if side is None:
            plain.setdefault(rest, index)
    bottom = next((plain[n] for n in _BOTTOM if n in plain), root)
    tops = (plain[n] for n in _TOP if plain.get(n, bottom) != bottom)
    top = next(tops, None)
    return None if top is None else (bottom, top)


def find_shoulders(
    joint_names: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """Right and left end of a lateral line: shoulders, else hips.

    Args:
        joint_names (Sequence[str]): V names.
        pairs (Sequence[tuple[int, int]]): (left, right) joints.

    Returns:
        tuple[int, int] | None: (right, left), or None where no name fits.
    """
    return _find_pair(joint_names, pairs, _SHOULDER)


def find_hips(
    joint_names: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """Right and left hip.

    Args:
        joint_names (Sequence[str]): V names.
        pairs (Sequence[tuple[int, int]]): (left, right) joints.

    Returns:
        tuple[int, int] | None: (right, left), or None where no name fits.
    """
    return _find_pair(joint_names, pairs, _HIP)


def _find_pair(
    joint_names: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    words: Sequence[str],
) -> tuple[int, int] | None:
    """(right, left) joints of the first of the words that is there."""
    by_part: dict[str, tuple[int, int]] = {}
    for left, right in pairs:
        part = split_side(str(joint_names[left]))[1]
        for glued in _GLUED:
            if part.startswith(glued) and part[len(glued) :] in words:
                part = part[len(glued) :]
        by_part.setdefault(part, (right, left))
    return next((by_part[n] for n in words if n in by_part), None)
