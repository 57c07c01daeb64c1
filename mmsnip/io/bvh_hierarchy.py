"""The tree of a BVH file: joints, offsets and channels."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np

from mmsnip.io.reading import SequenceError

__all__ = ['CHANNELS', 'Hierarchy', 'Node', 'read_hierarchy']

CHANNELS = tuple(
    axis + kind for kind in ('position', 'rotation') for axis in 'xyz'
)


@dataclass
class Node:
    """A joint or an End Site.

    Args:
        name (str): Name in the file; that of its parent for an End Site.
        parent (int): Index of its parent, -1 for a ROOT.
        is_end (bool): Whether it is an End Site.
        line (int): Line of the file where it begins.
        offset (tuple[float, ...] | None): Shift from the parent at rest.
        channels (tuple[str, ...] | None): Lower-case names, in file order.
    """

    name: str
    parent: int
    is_end: bool
    line: int
    offset: tuple[float, ...] | None = None
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Hierarchy:
    """All nodes, parents before children, in file order.

    Args:
        nodes (list[Node]): Joints and End Sites.
    """

    nodes: list[Node]

    @property
    def offsets(self) -> np.ndarray:
        """Shifts from the parents at rest, (V, 3) float64."""
        return np.array([node.offset for node in self.nodes], np.float64)

    @property
    def num_channels(self) -> int:
        """Numbers that a frame has."""
        return sum(len(node.channels or ()) for node in self.nodes)

    def bodies(self) -> list[list[int]]:
        """Node indices of each ROOT's tree, (number of ROOTs) lists."""
        found: list[list[int]] = []
        body_of: list[int] = []
        for index, node in enumerate(self.nodes):
            if node.parent < 0:
                found.append([])
                body_of.append(len(found) - 1)
            else:
                body_of.append(body_of[node.parent])
            found[body_of[-1]].append(index)
        return found


def read_hierarchy(
    lines: list[str], path: str | os.PathLike[str]
) -> Hierarchy:
    """Parse the text before ``MOTION``.

    Keywords may have any case, braces may share a line with others, names
    may hold spaces.

    Args:
        lines (list[str]): Lines of the file up to ``MOTION``, without it.
        path (str | os.PathLike[str]): File, for messages.

    Returns:
        Hierarchy: Its nodes, each with an offset and channels.

    Raises:
        SequenceError: If the text is something else; the line is named.
    """
    nodes: list[Node] = []
    stack: list[int] = []
    waiting: int | None = None  # a node whose brace has not come yet
    started = False
    for number, line in enumerate(lines, 1):
        for piece in _split_braces(line):
            words = piece.split()
            key = words[0].lower()
            where = f'{path}, line {number}'
            if not started:
                if key != 'hierarchy' or len(words) > 1:
                    raise SequenceError(
                        f"{where}: found {piece[:40]!r}, expected 'HIERARCHY'"
                        '; is it a BVH file?'
                    )
                started = True
            elif key == '{':
                if waiting is None:
                    raise SequenceError(
                        f"{where}: '{{' does not follow ROOT, JOINT or End "
                        'Site'
                    )
                stack.append(waiting)
                waiting = None
            elif waiting is not None:
                raise SequenceError(
                    f"{where}: found {piece[:40]!r}, expected '{{' after "
                    f'{nodes[waiting].name!r}'
                )
            elif key == '}':
                if not stack:
                    raise SequenceError(f"{where}: '}}' closes nothing")
                _close(nodes[stack.pop()], where)
            elif key in ('root', 'joint', 'end'):
                waiting = len(nodes)
                nodes.append(_begin(nodes, stack, key, words, number, where))
            elif key in ('offset', 'channels') and stack:
                _describe(nodes[stack[-1]], key, words[1:], where)
            else:
                raise SequenceError(
                    f'{where}: found {piece[:40]!r}, expected ROOT, JOINT, '
                    'End Site, OFFSET, CHANNELS or a brace'
                )
    if stack or waiting is not None:
        open_node = nodes[stack[-1] if waiting is None else waiting]
        raise SequenceError(
            f'{path}, line {open_node.line}: {open_node.name!r} is not '
            'closed before MOTION; is a brace missing?'
        )
    if not nodes:
        raise SequenceError(f'{path} has no ROOT, so no joints')
    return Hierarchy(nodes)


def _split_braces(line: str) -> list[str]:
    pieces = (
        re.split(r'([{}])', line) if '{' in line or '}' in line else [line]
    )
    return [piece.strip() for piece in pieces if piece.strip()]


def _begin(
    nodes: list[Node],
    stack: list[int],
    key: str,
    words: list[str],
    number: int,
    where: str,
) -> Node:
    if (key == 'root') != (not stack):
        raise SequenceError(
            f'{where}: a {words[0]} cannot stand here; ROOT begins a tree, '
            'JOINT and End Site lie within one'
        )
    if stack and nodes[stack[-1]].is_end:
        raise SequenceError(f'{where}: an End Site holds no joints')
    parent = stack[-1] if stack else -1
    if key == 'end':
        if [word.lower() for word in words[1:]] != ['site']:
            raise SequenceError(
                f"{where}: found {' '.join(words)[:40]!r}, expected 'End Site'"
            )
        return Node(nodes[parent].name, parent, True, number, channels=())
    if len(words) < 2:
        raise SequenceError(f'{where}: the {words[0]} has no name')
    return Node(' '.join(words[1:]), parent, False, number)


def _describe(node: Node, key: str, words: list[str], where: str) -> None:
    """Take in an OFFSET or a CHANNELS line."""
    known = node.offset if key == 'offset' else node.channels
    if known is not None:
        reason = 'an End Site has none' if node.is_end else 'it is the second'
        raise SequenceError(
            f'{where}: {key.upper()} of {node.name!r} cannot stand here, '
            f'{reason}'
        )
    if key == 'offset':
        try:
            offset = tuple(float(word) for word in words)
        except ValueError:
            offset = ()
        if len(offset) != 3 or not np.isfinite(offset).all():
            raise SequenceError(
                f'{where}: OFFSET of {node.name!r} is '
                f'{" ".join(words)[:40]!r}, expected three numbers'
            )
        node.offset = offset
        return
    names = tuple(word.lower() for word in words[1:])
    if not words or words[0] != str(len(names)):
        raise SequenceError(
            f'{where}: CHANNELS of {node.name!r} announces '
            f'{words[0][:20] if words else "nothing"!r} and names '
            f'{len(names)}; the two must agree'
        )
    for name in names:
        if name not in CHANNELS:
            raise SequenceError(
                f'{where}: channel {name[:40]!r} of {node.name!r} is '
                f'unknown; expected one of {list(CHANNELS)}, in any case'
            )
        if name.endswith('position') and names.count(name) > 1:
            raise SequenceError(
                f'{where}: {node.name!r} has the channel {name!r} twice'
            )
    node.channels = names


def _close(node: Node, where: str) -> None:
    if node.offset is None:
        raise SequenceError(f'{where}: {node.name!r} has no OFFSET')
    if node.channels is None:  # a joint that never moves on its own
        node.channels = ()
