"""Biovision BVH: a tree of joints and its channels -> joint positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmsnip.io.formats.clock import nice_rate
from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import read_numbers
from mmsnip.io.formats.tracks import MAX_PERSONS
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import MAX_BYTES, read_text

__all__ = ['POSITIONS', 'read_bvh']

POSITIONS = ('auto', 'replace', 'add')
CHUNK = 4096  # frames that move at once
CHANNELS = tuple(a + k for k in ('position', 'rotation') for a in 'xyz')
_FRAMES = re.compile(r'\s*frames\s*:?\s*(\S+)\s*', re.IGNORECASE)
_TIME = re.compile(r'\s*frame\s*time\s*:?\s*(\S+)\s*', re.IGNORECASE)


@reader(
    '.bvh',
    title='BVH',
    note='any hierarchy, several roots, position channels on any joint; '
    'lengths and axes as the file has them (--unit, --up)',
)
def read_bvh(
    path: Path,
    positions: str = 'auto',
    drop: Sequence[str] = (),
    joints: Sequence[str] | None = None,
    end_sites: bool = False,
) -> Recording:
    """Joint positions of a BVH file by forward kinematics.

    The format states neither unit nor upright axis.

    Position channels are read in two ways by the tools there are: as the
    shift from the parent, in place of OFFSET (Blender), or on top of OFFSET
    (three.js). Motion capture exports hold whole shifts: an inner joint's
    channels repeat its OFFSET, and adding both would double each bone; a
    root's OFFSET is often its place in some rest pose. So ``auto`` replaces,
    axis by axis; only where a joint's position channels stay within 1 % of
    the length of its OFFSET in all frames, which would fold that bone to
    nothing, they are added, and a note names the joint.

    Several ROOTs whose trees have one shape are several persons; others
    become one body, whose further roots hang on the first. Every joint is
    there in every frame, also at the origin.

    Args:
        path (Path): File.
        positions (str): ``auto``, ``replace`` or ``add``: what position
            channels do to OFFSET.
        drop (Sequence[str]): Joints to leave out once they have moved their
            children, such as a ``joint_Root`` on the floor; the children
            hang on the nearest joint above.
        joints (Sequence[str] | None): Joints to keep, in this order; None
            keeps all in file order.
        end_sites (bool): Whether End Sites are joints, called
            ``<parent>_end``. Defaults to False.

    Returns:
        Recording: (M, T, V, 3), M = 1 unless several ROOTs are alike, then
        ``tracks`` are their names.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no sound BVH file, or an argument is wrong; the
            line or the joint is named.
    """
    if positions not in POSITIONS:
        raise DataError(
            f'{path}: positions={positions!r} is unknown; use one of '
            f'{list(POSITIONS)}'
        )
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
    if not num_channels:
        raise DataError(f'{path}: no joint has CHANNELS, so none moves')
    values, step, notes = _motion(
        lines[cut + 1 :], cut + 2, num_channels, path
    )
    with np.errstate(all='ignore'):  # Recording refuses what overflows
        points, added = _kinematics(nodes, values, positions, path)
    if added:
        notes.append(
            f'position channels of {added} stay near zero and were added to '
            'OFFSET'
        )
    bodies, names, parents, more = _bodies(nodes, end_sites)
    notes += more
    chosen, parents, more = _chosen(names, parents, drop, joints, path)
    notes += more
    keypoint = np.stack([points[:, body][:, chosen] for body in bodies])
    fps = nice_rate(step)
    if fps is None:
        notes.append(f'a frame time of {step:g} s gives no frame rate')
    layout = dict(joint_names=[names[v] for v in chosen], parents=parents)
    tracks = tuple(nodes[body[0]].name for body in bodies)
    recording = Recording(
        name=path.stem,
        source=str(path),
        keypoint=keypoint,
        present=np.ones(keypoint.shape[:3], bool),
        layout=from_graph_cfg(layout),
        fps=fps,
        tracks=tracks if len(bodies) > 1 else (),
    )
    for note in notes:
        recording = recording.noted(note)
    return recording


@dataclass
class _Node:
    """A joint or an End Site; its parent stands before it."""

    name: str
    parent: int
    is_end: bool
    line: int
    offset: tuple[float, ...] | None = None
    channels: tuple[str, ...] = ()


def _hierarchy(lines: list[str], path: Path) -> list[_Node]:
    """Nodes of the text before MOTION, in file order."""
    nodes: list[_Node] = []
    stack: list[int] = []
    waiting: int | None = None  # a node whose brace has not come yet
    started = False
    for number, line in enumerate(lines, 1):
        for piece in filter(None, map(str.strip, re.split(r'([{}])', line))):
            key, *words = piece.split()
            key = key.lower()
            problem = ''
            if not started:
                started = key == 'hierarchy' and not words
                if not started:
                    problem = "expected 'HIERARCHY'; is it a BVH file?"
            elif key == '{':
                if waiting is None:
                    problem = 'it does not follow ROOT, JOINT or End Site'
                else:
                    stack.append(waiting)
                    waiting = None
            elif waiting is not None:
                problem = f"expected '{{' after {nodes[waiting].name!r}"
            elif key == '}':
                node = nodes[stack.pop()] if stack else None
                if node is None:
                    problem = 'it closes nothing'
                elif node.offset is None:
                    problem = f'{node.name!r} has no OFFSET'
            elif key in ('root', 'joint', 'end'):
                waiting = len(nodes)
                parent = stack[-1] if stack else -1
                problem = _begin(nodes, parent, key, words, number)
            elif key == 'offset' and stack:
                problem = _offset(nodes[stack[-1]], words)
            elif key == 'channels' and stack:
                problem = _channels(nodes[stack[-1]], words)
            else:
                problem = (
                    'expected ROOT, JOINT, End Site, OFFSET, CHANNELS, {}'
                )
            if problem:
                raise DataError(
                    f'{path}, line {number}: {problem}; found {piece[:40]!r}'
                )
    if stack or waiting is not None:
        node = nodes[stack[-1] if waiting is None else waiting]
        raise DataError(
            f'{path}, line {node.line}: {node.name!r} is not closed before '
            'MOTION; is a brace missing?'
        )
    if not nodes:
        raise DataError(f'{path} has no ROOT, so no joints')
    return nodes


def _begin(
    nodes: list[_Node], parent: int, key: str, words: list[str], line: int
) -> str:
    """Add a node; what is wrong with it."""
    if (key == 'root') != (parent < 0):
        return (
            f'a {key.upper()} cannot stand here; ROOT begins a tree, JOINT '
            'and End Site lie within one'
        )
    if parent >= 0 and nodes[parent].is_end:
        return 'an End Site holds no joints'
    end = key == 'end'
    if end and [word.lower() for word in words] != ['site']:
        return "expected 'End Site'"
    if not words:
        return f'the {key.upper()} has no name'
    name = nodes[parent].name if end else ' '.join(words)
    nodes.append(_Node(name, parent, end, line))
    return ''


def _offset(node: _Node, words: list[str]) -> str:
    if node.offset is not None:
        return f'it is the second OFFSET of {node.name!r}'
    try:
        node.offset = tuple(map(float, words))
    except ValueError:
        node.offset = ()
    if len(node.offset) != 3 or not np.isfinite(node.offset).all():
        return f'OFFSET of {node.name!r} is not three numbers'
    return ''


def _channels(node: _Node, words: list[str]) -> str:
    of = f'CHANNELS of {node.name!r}'
    if node.is_end or node.channels:
        reason = 'an End Site has none' if node.is_end else 'it is the second'
        return f'{of} cannot stand here, {reason}'
    names = tuple(word.lower() for word in words[1:])
    if not words or words[0] != str(len(names)):
        return f'{of} names {len(names)}; the announced number must agree'
    for name in names:
        if name not in CHANNELS:
            return (
                f'{of}: {name[:40]!r} is unknown; expected {list(CHANNELS)}, '
                'in any case'
            )
        if name.endswith('position') and names.count(name) > 1:
            return f'{of} has {name!r} twice'
    node.channels = names
    return ''


def _motion(
    lines: list[str], first_line: int, num_channels: int, path: Path
) -> tuple[np.ndarray, float, list[str]]:
    """Channel values (T, num_channels), seconds a frame, notes."""
    filled = [n for n, line in enumerate(lines) if line.strip()]
    found: list[float] = []
    for place, (pattern, text, kind) in enumerate(
        ((_FRAMES, 'Frames: <number>', int), (_TIME, 'Frame Time: <s>', float))
    ):
        line = lines[filled[place]] if place < len(filled) else ''
        number = first_line + (filled[place] if line else len(lines))
        match = pattern.fullmatch(line[:200])
        try:
            value = kind(match.group(1)) if match else -1
        except ValueError:
            value = -1
        if not 0 <= value < float('inf'):
            raise DataError(
                f'{path}, line {number}: found {line.strip()[:40]!r}, '
                f'expected {text!r}'
            )
        found.append(value)
    declared, step = int(found[0]), float(found[1])
    places = filled[2:]
    if not places or declared == 0:
        raise DataError(
            f'{path} has no frames: {declared} are announced, {len(places)} '
            'rows follow'
        )
    notes = []
    rows = [lines[n] for n in places]
    numbers = [first_line + n for n in places]
    wanted = declared * num_channels
    if len(rows) != declared and wanted == sum(len(r.split()) for r in rows):
        values = np.concatenate(
            [read_numbers([r], path, [n])[0] for r, n in zip(rows, numbers)]
        ).reshape(-1, num_channels)
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
    lost = ~np.isfinite(values)
    if lost.any():
        row, column = np.unravel_index(int(lost.argmax()), lost.shape)
        line = numbers[row] if len(numbers) == len(values) else numbers[0]
        raise DataError(
            f'{path}, line {line}, frame {row}: channel {column} is '
            f'{values[row, column]}, expected a finite number'
        )
    return values, step, notes


def _kinematics(
    nodes: list[_Node], values: np.ndarray, positions: str, path: Path
) -> tuple[np.ndarray, list[str]]:
    """Positions of all nodes, (T, V, 3) float32; whose channels were added."""
    T, V = len(values), len(nodes)
    if T * V * 12 > MAX_BYTES:
        raise DataError(
            f'{path}: {T:,} frames of {V:,} joints are more than is read at '
            'once; split the recording'
        )
    everyone = range(V) if positions == 'add' else ()
    auto = positions == 'auto'
    added = set(_added(nodes, values) if auto else everyone)
    result = np.empty((T, V, 3), np.float32)
    for start in range(0, T, CHUNK):
        rows = np.ascontiguousarray(values[start : start + CHUNK].T)
        points = _chunk(nodes, rows, added)
        result[start : start + CHUNK] = points.transpose(2, 0, 1)
    names = [nodes[n].name for n in sorted(added)]
    return result, names if auto else []


def _places(node: _Node) -> tuple[list[int], list[int]]:
    """Position channels of a node, and the axes that they are along."""
    names = node.channels
    places = [n for n, name in enumerate(names) if name.endswith('position')]
    return places, ['xyz'.index(names[n][0]) for n in places]


def _added(nodes: list[_Node], values: np.ndarray) -> Iterator[int]:
    """Nodes whose position channels stay near zero, unlike their OFFSET."""
    begin = 0
    for index, node in enumerate(nodes):
        places, along = _places(node)
        length = np.linalg.norm(np.array(node.offset)[along])
        moved = values[:, [begin + n for n in places]]
        if places and length > 0 and np.abs(moved).max() <= 0.01 * length:
            yield index
        begin += len(node.channels)


def _chunk(
    nodes: list[_Node], values: np.ndarray, added: set[int]
) -> np.ndarray:
    """Positions (V, 3, T) of channels (num_channels, T)."""
    T = values.shape[1]
    children = {node.parent for node in nodes}
    position = np.empty((len(nodes), 3, T))
    turned: dict[int, np.ndarray] = {}
    begin = 0
    for index, node in enumerate(nodes):
        channels = node.channels
        rows = values[begin : begin + len(channels)]
        begin += len(channels)
        shift = np.repeat(np.array(node.offset)[:, None], T, axis=1)
        places, along = _places(node)
        rest = shift[along] if index in added else 0.0
        shift[along] = rows[places] + rest
        axes = np.eye(3)[:, :, None]  # [k] is where axis k points
        if node.parent >= 0:
            axes = turned[node.parent]
            shift = position[node.parent] + sum(
                s * axis for s, axis in zip(shift, axes)
            )
        position[index] = shift
        if index in children:
            turned[index] = _turned(axes, channels, rows)
    return position


def _turned(
    axes: np.ndarray, channels: tuple[str, ...], rows: np.ndarray
) -> np.ndarray:
    """Axes (3, 3, T), ``axes[k]`` is axis k in space, turned by channels."""
    axes = list(axes)
    for name, degrees in zip(channels, rows):
        if name.endswith('rotation'):
            k = 'xyz'.index(name[0])
            a, b = (k + 1) % 3, (k + 2) % 3
            radians = np.deg2rad(degrees)
            cosine, sine = np.cos(radians), np.sin(radians)
            axes[a], axes[b] = (
                cosine * axes[a] + sine * axes[b],
                cosine * axes[b] - sine * axes[a],
            )
    T = max(axis.shape[-1] for axis in axes)
    return np.stack([np.broadcast_to(axis, (3, T)) for axis in axes])


def _bodies(
    nodes: list[_Node], end_sites: bool
) -> tuple[list[list[int]], list[str], list[int], list[str]]:
    """Nodes of each body, names and parents within one, notes."""
    trees: list[list[int]] = []
    tree_of: list[int] = []
    for v, node in enumerate(nodes):
        if node.parent < 0:
            trees.append([])
        tree_of.append(
            len(trees) - 1 if node.parent < 0 else tree_of[node.parent]
        )
        if end_sites or not node.is_end:
            trees[tree_of[v]].append(v)
    place = {v: n for tree in trees for n, v in enumerate(tree)}
    shapes = {tuple(place.get(nodes[v].parent, -1) for v in t) for t in trees}
    notes = []
    if len(shapes) > 1 or len(trees) > MAX_PERSONS:
        roots = [nodes[tree[0]].name for tree in trees]
        notes.append(f'roots {roots[1:]} were hung on {roots[0]!r}')
        trees = [sorted(v for tree in trees for v in tree)]
        place = {v: n for n, v in enumerate(trees[0])}
    body = trees[0]
    parents = [place.get(nodes[v].parent, 0 if v else -1) for v in body]
    names: list[str] = []
    counts: dict[str, int] = {}
    for v in body:
        first = nodes[v].name + ('_end' if nodes[v].is_end else '')
        name = first
        while name in counts:
            counts[first] += 1
            name = f'{first}_{counts[first]}'
        counts[name] = 1
        if name != first and not nodes[v].is_end:
            notes.append(f'the second joint {first!r} was called {name!r}')
        names.append(name)
    return trees, names, parents, notes


def _chosen(
    names: list[str],
    parents: list[int],
    drop: Sequence[str],
    order: Sequence[str] | None,
    path: Path,
) -> tuple[list[int], list[int], list[str]]:
    """Joints to keep, their parents among themselves, notes."""
    place = {name: v for v, name in enumerate(names)}
    for key, wanted in (('drop', drop), ('joints', order or ())):
        unknown = [name for name in wanted if name not in place]
        if isinstance(wanted, str) or unknown:
            raise DataError(
                f'{path}: {key}={wanted!r} must be a list of joints; found '
                f'{names}'
            )
    chosen = [v for v, name in enumerate(names) if name not in set(drop)]
    if order is not None:
        chosen = [place[name] for name in order]
        if len(set(order)) < len(order) or set(drop) & set(order):
            raise DataError(
                f'{path}: joints={list(order)} names a joint twice, or one '
                f'of drop={list(drop)}'
            )
    if not chosen:
        raise DataError(f'{path}: drop and joints leave no joint')
    new = {v: n for n, v in enumerate(chosen)}
    above = []
    for v in chosen:
        parent = parents[v]
        while parent >= 0 and parent not in new:
            parent = parents[parent]
        above.append(parent)
    # Parents precede children, so the least is the topmost.
    roots = [v for v, parent in zip(chosen, above) if parent < 0]
    top = min(roots)
    notes = []
    if len(roots) > 1:
        others = [names[v] for v in roots if v != top]
        notes.append(
            f'joints {others} lost their parents and were hung on '
            f'{names[top]!r}'
        )
    result = [
        new[parent] if parent >= 0 else (-1 if v == top else new[top])
        for v, parent in zip(chosen, above)
    ]
    return chosen, result, notes
