"""Biovision BVH: a tree of joints and its channels -> joint positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmsnip.io.formats.clock import nice_rate
from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_numbers
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import MAX_BYTES, read_text

__all__ = ['read_bvh']

CHUNK = 4096  # frames that move at once
MAX_BODIES = 1000
CHANNELS = tuple(a + k for k in ('position', 'rotation') for a in 'xyz')
_HEADER = (  # of the motion: what is expected, what is read
    ('Frames: <number>', re.compile(r'\s*frames\s*:?\s*(\d+)\s*', re.I)),
    ('Frame Time: <s>', re.compile(r'\s*frame\s*time\s*:?\s*(\S+)\s*', re.I)),
)
_EXPECTED = {
    'hierarchy': "'HIERARCHY' once, first",
    'root': 'ROOT and a name outside of all braces',
    'joint': 'JOINT and a name inside of the braces of another one',
    'end': "'End Site' inside of the braces of a joint",
    'offset': 'OFFSET once in a joint, and three numbers',
    'channels': 'CHANNELS once in a joint, how many there are, and as many '
    f'names of {list(CHANNELS)}, no position twice',
    '{': 'a brace behind ROOT, JOINT or End Site',
    '}': 'a brace that closes a joint with an OFFSET',
}


@reader(
    '.bvh',
    title='BVH',
    note='any hierarchy, several roots, position channels on any joint; '
    'lengths and axes as the file has them (--unit, --up)',
)
def read_bvh(
    path: Path,
    drop: Sequence[str] = (),
    joints: Sequence[str] = (),
    end_sites: bool = False,
    positions: str = 'auto',
) -> Recording:
    """Joint positions of a BVH file by forward kinematics.

    The format states neither unit nor upright axis.

    Position channels stand in place of OFFSET, axis by axis, as motion
    capture exports have them. Only where those of a joint stay within 1 % of
    the length of its OFFSET in all frames, which would fold that bone to
    nothing, they are added to it, and a note names the joint.

    Several ROOTs whose trees have one shape are several persons; others
    become one body, whose further roots hang on the first. Every joint is
    there in every frame, also at the origin.

    Args:
        path (Path): File.
        drop (Sequence[str]): Joints to leave out once they have moved their
            children, such as a ``joint_Root`` on the floor; the children
            hang on the nearest joint above.
        joints (Sequence[str]): Joints to keep, in this order; all where
            empty.
        end_sites (bool): Whether End Sites are joints, called
            ``<parent>_end``. Defaults to False.
        positions (str): ``replace`` or ``add``: what position channels do to
            OFFSET, or ``auto``, the rule above.

    Returns:
        Recording: (M, T, V, 3), M = 1 unless several ROOTs are alike, then
        ``tracks`` are their names.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no sound BVH file, or has no joint of `drop`; the
            line or the joint is named.
    """
    lines = re.split(r'\r\n?|\n', read_text(path))
    cut = next(
        (n for n, x in enumerate(lines) if x.strip().lower() == 'motion'), None
    )
    if cut is None:
        raise DataError(
            f'{path}, line {len(lines)}: the file ends without a line '
            "'MOTION'; is it a BVH file, and whole?"
        )
    nodes = _hierarchy(lines[:cut], path)
    num_channels = sum(len(node.channels) for node in nodes)
    values, step, notes = _motion(
        lines[cut + 1 :], cut + 2, num_channels, path
    )
    if len(values) * len(nodes) * 12 > MAX_BYTES:
        raise DataError(
            f'{path}: {len(values):,} frames of {len(nodes):,} joints are '
            'more than is read at once; split the recording'
        )
    added = list(range(len(nodes))) if positions == 'add' else []
    if positions == 'auto':
        added = _added(nodes, values)
    if added and positions == 'auto':
        notes.append(
            f'position channels of {[nodes[v].name for v in added]} stay '
            'near zero and were added to OFFSET'
        )
    points = np.empty((len(values), len(nodes), 3), np.float32)
    with np.errstate(all='ignore'):  # Recording refuses what overflows
        for start in range(0, len(values), CHUNK):
            rows = np.ascontiguousarray(values[start : start + CHUNK].T)
            moved = _positions(nodes, rows, added)
            points[start : start + CHUNK] = moved.transpose(2, 0, 1)
    bodies, names, parents = _bodies(
        nodes, drop, joints, end_sites, notes, path
    )
    fps = nice_rate(step)
    if fps is None:
        notes.append(f'a frame time of {step:g} s gives no frame rate')
    several = len(bodies) > 1
    return Recording(
        name=path.stem,
        source=str(path),
        keypoint=np.stack([points[:, body] for body in bodies]),
        present=np.ones((len(bodies), len(points), len(names)), bool),
        layout=from_graph_cfg(dict(joint_names=names, parents=parents)),
        fps=fps,
        tracks=tuple(nodes[b[0]].name for b in bodies) if several else (),
        notes=tuple(notes),
    )


@dataclass
class _Node:
    """A joint or an End Site; its parent stands before it."""

    name: str
    parent: int
    is_end: bool
    line: int
    offset: np.ndarray | None = None
    channels: tuple[str, ...] = ()


def _hierarchy(lines: list[str], path: Path) -> list[_Node]:
    """Nodes of the text before MOTION, in file order."""
    nodes: list[_Node] = []
    stack: list[int] = []
    waiting = started = False  # for a brace; the first line was there
    for number, line in enumerate(lines, 1):
        for piece in filter(None, map(str.strip, re.split(r'([{}])', line))):
            key, *words = piece.lower().split()
            node = nodes[stack[-1]] if stack else None
            fits = False
            if not started or key == 'hierarchy':
                fits = started = key == 'hierarchy' and not started
                key = 'hierarchy'
            elif waiting or key == '{':
                fits = waiting and key == '{'
                key, waiting = '{', False
                stack.append(len(nodes) - 1)
            elif key == 'root':
                fits = node is None and bool(words)
            elif node is None:
                key = 'root'
            elif key == '}':
                fits = node.offset is not None
                stack.pop()
            elif key == 'joint':
                fits = not node.is_end and bool(words)
            elif key == 'end':
                fits = not node.is_end and words == ['site']
            elif key == 'offset':
                fits = node.offset is None and len(words) == 3
                try:
                    node.offset = np.array(words, float)
                except ValueError:
                    fits = False
                fits = fits and bool(np.isfinite(node.offset).all())
            elif key == 'channels' and words:
                fits = not node.is_end and not node.channels
                node.channels = tuple(words[1:])
                fits &= words[0] == str(len(node.channels))
                fits &= set(node.channels) <= set(CHANNELS)
                places = [c for c in node.channels if c.endswith('position')]
                fits &= len(set(places)) == len(places)
            if not fits:
                expected = _EXPECTED.get(key, ' or '.join(_EXPECTED))
                of = f' in {node.name!r}' if node else ''
                raise DataError(
                    f'{path}, line {number}: found {piece[:40]!r}{of}, '
                    f'expected {expected}'
                )
            if key in ('root', 'joint', 'end'):
                parent = stack[-1] if stack else -1
                name = ' '.join(piece.split()[1:])
                if key == 'end':
                    name = f'{nodes[parent].name}_end'
                nodes.append(_Node(name, parent, key == 'end', number))
                waiting = True
    if stack or waiting or not nodes:
        node = nodes[stack[-1] if stack else -1] if nodes else None
        raise DataError(
            f'{path}, line {node.line}: {node.name!r} is not closed before '
            'MOTION; is a brace missing?'
            if node
            else f'{path} has no ROOT, so no joints'
        )
    if not any(node.channels for node in nodes):
        raise DataError(f'{path}: no joint has CHANNELS, so none moves')
    return nodes


def _motion(
    lines: list[str], first_line: int, num_channels: int, path: Path
) -> tuple[np.ndarray, float, list[str]]:
    """Channel values (T, num_channels), seconds a frame, notes."""
    filled = [n for n, line in enumerate(lines) if line.strip()]
    found: list[float] = []
    for place, (expected, pattern) in enumerate(_HEADER):
        line = lines[filled[place]] if place < len(filled) else ''
        match = pattern.fullmatch(line[:200])
        try:
            found.append(float(match[1]) if match else -1)
        except ValueError:
            found.append(-1)
        if not 0 <= found[-1] < float('inf'):
            number = first_line + (filled[place] if line else len(lines))
            raise DataError(
                f'{path}, line {number}: found {line.strip()[:40]!r}, '
                f'expected {expected!r}'
            )
    declared, step = int(found[0]), found[1]
    rows = [lines[n] for n in filled[2:]]
    numbers = [first_line + n for n in filled[2:]]
    if not rows or not declared:
        raise DataError(
            f'{path} has no frames: {declared} are announced, {len(rows)} '
            'rows follow'
        )
    wanted, notes = declared * num_channels, []
    if len(rows) != declared and wanted == sum(len(r.split()) for r in rows):
        values = read_numbers([' '.join(rows)], path, numbers, wanted)
        values = values.reshape(declared, num_channels)
        notes.append(
            f'{len(rows)} lines of motion were joined to {declared} frames '
            f'of {num_channels} channels'
        )
    else:
        values = read_numbers(rows, path, numbers, num_channels)
    if len(values) < declared:
        raise DataError(
            f'{path}, line {first_line + filled[0]}: {declared} frames are '
            f'announced and {len(values)} follow; is the file cut off? To '
            f"use it as it is write 'Frames: {len(values)}'"
        )
    if len(values) > declared:
        notes.append(
            f'{declared} frames are announced and {len(values)} follow; all '
            'were read'
        )
    return values, step, notes


def _places(node: _Node) -> tuple[list[int], list[int]]:
    """Position channels of a node, and the axes that they are along."""
    places = [n for n, c in enumerate(node.channels) if c.endswith('position')]
    return places, ['xyz'.index(node.channels[n][0]) for n in places]


def _added(nodes: list[_Node], values: np.ndarray) -> list[int]:
    """Nodes whose position channels stay near zero, unlike their OFFSET."""
    found, begin = [], 0
    for index, node in enumerate(nodes):
        places, along = _places(node)
        length = np.linalg.norm(node.offset[along])
        moved = values[:, [begin + n for n in places]]
        if places and length > 0 and np.abs(moved).max() <= 0.01 * length:
            found.append(index)
        begin += len(node.channels)
    return found


def _positions(
    nodes: list[_Node], values: np.ndarray, added: list[int]
) -> np.ndarray:
    """Positions (V, 3, T) of channels (num_channels, T)."""
    T = values.shape[1]
    children = {node.parent for node in nodes}
    position = np.empty((len(nodes), 3, T))
    turned: dict[int, list[np.ndarray]] = {}
    begin = 0
    for index, node in enumerate(nodes):
        rows = values[begin : begin + len(node.channels)]
        begin += len(node.channels)
        shift = np.repeat(node.offset[:, None], T, axis=1)
        places, along = _places(node)
        rest = shift[along] if index in added else 0.0
        shift[along] = rows[places] + rest
        axes = list(np.eye(3)[:, :, None])  # [k] is where axis k points
        if node.parent >= 0:
            axes = list(turned[node.parent])
            shift = position[node.parent] + sum(
                s * axis for s, axis in zip(shift, axes)
            )
        position[index] = shift
        for channel, degrees in zip(node.channels, rows):
            if channel.endswith('rotation') and index in children:
                k = 'xyz'.index(channel[0])
                a, b = (k + 1) % 3, (k + 2) % 3
                cosine = np.cos(np.deg2rad(degrees))
                sine = np.sin(np.deg2rad(degrees))
                axes[a], axes[b] = (
                    cosine * axes[a] + sine * axes[b],
                    cosine * axes[b] - sine * axes[a],
                )
        if index in children:
            turned[index] = axes
    return position


def _bodies(
    nodes: list[_Node],
    drop: Sequence[str],
    joints: Sequence[str],
    end_sites: bool,
    notes: list[str],
    path: Path,
) -> tuple[list[list[int]], list[str], list[int]]:
    """Nodes of each body; names and parents within one."""
    unknown = {*drop, *joints} - {node.name for node in nodes}
    if unknown:
        raise DataError(
            f'{path} has no joint {sorted(unknown)}; it has '
            f'{[node.name for node in nodes if not node.is_end]}'
        )
    above: list[int] = []  # the nearest node above that is kept
    root: list[int] = []
    trees: dict[int, list[int]] = {}
    kept: set[int] = set()
    for v, node in enumerate(nodes):
        up = node.parent
        root.append(root[up] if up >= 0 else v)
        above.append(above[up] if up >= 0 and up not in kept else up)
        wanted = not joints or node.name in joints
        if wanted and node.name not in drop and (end_sites or not node.is_end):
            trees.setdefault(root[v], []).append(v)
            kept.add(v)
    if not trees:
        raise DataError(f'{path}: drop and joints leave no joint')
    bodies = list(trees.values())
    if joints:
        order = list(joints).index
        bodies = [
            sorted(b, key=lambda v: order(nodes[v].name)) for b in bodies
        ]
    place = {v: n for body in bodies for n, v in enumerate(body)}
    shapes = {tuple(place.get(above[v], -1) for v in body) for body in bodies}
    if len(shapes) > 1 or len(bodies) > MAX_BODIES:
        bodies = [[v for body in bodies for v in body]]
        if not joints:
            bodies[0].sort()
        place = {v: n for n, v in enumerate(bodies[0])}
    first, *others = [v for v in bodies[0] if above[v] < 0]
    if others:
        notes.append(
            f'joints {[nodes[v].name for v in others]} have nothing above '
            f'them and were hung on {nodes[first].name!r}'
        )
    parents = [place.get(above[v], place[first]) for v in bodies[0]]
    parents[place[first]] = -1
    names: dict[str, int] = {}
    for v in bodies[0]:
        name = given = nodes[v].name
        while name in names:
            names[given] += 1
            name = f'{given}_{names[given]}'
        names[name] = 1
        if name != given and not nodes[v].is_end:
            notes.append(f'the second joint {given!r} was called {name!r}')
    return bodies, list(names), parents
