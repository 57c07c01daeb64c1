"""Pictures of what is in a file of skeletons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.inspect import SPREAD_LIMIT
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.visualization.canvas import save_figure
from mmsnip.visualization.example_poses import ExamplePose, draw_example_poses
from mmsnip.visualization.example_timelines import draw_example_timelines
from mmsnip.visualization.histograms import (
    draw_class_histogram,
    draw_length_histogram,
)
from mmsnip.visualization.joint_overview import draw_joint_overview

__all__ = ['draw_inspection', 'sample_bodies']

MAX_TIMELINES, MAX_POSES, MAX_BODIES = 12, 12, 20000


def draw_inspection(
    facts: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    out: str | Path,
) -> list[Path]:
    """Write every picture that the file has something for.

    Args:
        facts (Mapping[str, Any]): Of
            `mmsnip.io.inspect.inspect_annotation`.
        annotations (Sequence[Mapping[str, Any]]): Its videos.
        out (str | Path): Folder, made where missing.

    Returns:
        list[Path]: ``classes.png``, ``lengths.png``, ``timelines.png``,
        ``poses.png`` and ``joints.png``, as far as they were drawn.
    """
    out = Path(out)
    entries = dict(zip(facts['videos'], annotations))
    usable = {
        name: video
        for name, video in facts['videos'].items()
        if video['frames']
    }
    classes = facts['classes']
    figures = {}
    if len(classes['names']):
        figures['classes'] = draw_class_histogram(
            classes['names'], classes['counts']
        )
    if usable:
        figures['lengths'] = draw_length_histogram(
            classes['names'], classes[facts['time']], _split_lengths(facts)
        )
        figures['timelines'] = draw_example_timelines(
            _example_videos(facts, usable, entries), classes['names']
        )
    examples = list(_example_poses(facts, usable, entries))
    layout: SkeletonLayout | None = facts['layout']
    bodies = facts['bodies']
    unit = bodies['unit'] or ''
    if examples:
        fits = layout is not None and (
            layout.num_joints == examples[0].bodies.shape[1]
        )
        figures['poses'] = draw_example_poses(
            examples,
            layout.parents if fits else None,
            layout.joint_names if fits else None,
            bodies['up'] or 'auto',
            unit,
        )
        V = examples[0].bodies.shape[1]
        sample = sample_bodies(annotations, V, layout if fits else None)
        figures['joints'] = draw_joint_overview(
            np.nanpercentile(sample, (1, 25, 50, 75, 99), axis=0),
            bodies['lost_share'],
            bodies['bone_spread'],
            layout.joint_names if fits else [f'joint {v}' for v in range(V)],
            facts['findings'],
            len(facts['videos']),
            _center_name(layout if fits else None),
            unit,
            SPREAD_LIMIT,
        )
    if facts['time'] == 'frames':
        for figure in figures.values():
            for ax in figure.axes:
                label = ax.get_xlabel().replace('(s)', '(frames)')
                ax.set_xlabel(label)
    return [
        save_figure(figure, out / f'{name}.png')
        for name, figure in figures.items()
    ]


def sample_bodies(
    annotations: Sequence[Mapping[str, Any]],
    V: int,
    layout: SkeletonLayout | None = None,
) -> np.ndarray:
    """Some bodies of a file, each against its own centre.

    Args:
        annotations (Sequence[Mapping[str, Any]]): Videos; those with
            another number of joints are left out.
        V (int): Number of joints.
        layout (SkeletonLayout | None): Its `origin` is the centre; None
            takes the mean of the joints.

    Returns:
        np.ndarray: (at most about 20,000, V, C) float32, NaN where a joint
        is lost.
    """
    chosen = []
    for entry in annotations:
        keypoint = entry.get('keypoint')
        if getattr(keypoint, 'ndim', 0) == 4 and keypoint.shape[2] == V:
            chosen.append(keypoint)
    C = min((k.shape[3] for k in chosen), default=3)
    frames = sum(k.shape[0] * k.shape[1] for k in chosen)
    stride = -(-frames // MAX_BODIES) if frames else 1
    parts, start = [np.zeros((0, V, C), np.float32)], 0
    for keypoint in chosen:
        rows = keypoint.reshape(-1, *keypoint.shape[2:])[start::stride, :, :C]
        start = (start - len(keypoint) * keypoint.shape[1]) % stride
        parts.append(rows.astype(np.float32))
    bodies = _without_lost(np.concatenate(parts))
    if layout is None:
        center = np.nanmean(bodies, axis=1, keepdims=True)
    else:
        center = bodies[:, list(layout.origin)].mean(axis=1, keepdims=True)
    return bodies - center


def _without_lost(bodies: np.ndarray) -> np.ndarray:
    """Bodies that are there; joints that are zero become NaN.

    A joint that is zero in every body stays: it is the origin.
    """
    bodies = bodies[np.isfinite(bodies).all(axis=(1, 2))]
    bodies = bodies[(bodies != 0).any(axis=(1, 2))]
    found = (bodies != 0).any(axis=-1)
    found |= ~found.any(axis=0)
    return np.where(found[..., None], bodies, np.nan)


def _center_name(layout: SkeletonLayout | None) -> str:
    if layout is None:
        return 'the mean of the joints'
    return ' and '.join(layout.joint_names[v] for v in layout.origin)


def _split_lengths(facts: Mapping[str, Any]) -> dict[str, list[float]]:
    videos = facts['videos']
    splits = facts['split_videos'] or {'all': list(videos)}
    key = facts['time']  # frames, where the rate is unknown
    lengths = {
        split: [videos[name][key] for name in names if name in videos]
        for split, names in splits.items()
    }
    filled = {split: values for split, values in lengths.items() if values}
    return filled or {'all': [v[key] for v in videos.values()]}


def _spread_out(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many items, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[round(place)] for place in places]


def _example_videos(
    facts: Mapping[str, Any],
    videos: Mapping[str, Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    labelled = [name for name, v in videos.items() if len(v['actions'])]
    chosen = {}
    for name in _spread_out(labelled or list(videos), MAX_TIMELINES):
        video = videos[name]
        actions = video['actions']
        keypoint = np.nan_to_num(entries[name]['keypoint'])
        chosen[name] = dict(
            frames=video['frames'],
            fps=video['fps'] if facts['time'] == 'seconds' else 1.0,
            actions=actions[actions[:, 0] >= 0],
            jumps=np.union1d(video['teleports'], video['joint_jumps']),
            nobody=~present_frames(keypoint).any(axis=0),
        )
    return chosen


def _is_sound(video: Mapping[str, Any]) -> bool:
    bad = {'NaN or infinity', 'body size', 'empty'}
    return not bad & {finding.kind for finding in video['findings']}


def _example_poses(
    facts: Mapping[str, Any],
    videos: Mapping[str, Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
) -> Iterator[ExamplePose]:
    """The middle of a segment of usual length, for several classes."""
    names = facts['classes']['names']
    by_class: dict[int, list[tuple[int, int, str]]] = {}
    # A video whose bodies are no good is no example, if there are others.
    sound = {n: v for n, v in videos.items() if _is_sound(v)}
    videos = sound or videos
    for name, video in videos.items():
        for label, start, end in video['actions'].tolist():
            if label >= 0:
                row = (end - start, (start + end) // 2, name)
                by_class.setdefault(label, []).append(row)
    picked = []
    for label in _spread_out(sorted(by_class), MAX_POSES):
        rows = sorted(by_class[label])
        picked.append((names[label], *rows[len(rows) // 2][1:]))
    if not by_class:
        for name in _spread_out(list(videos), MAX_POSES):
            share = max(MAX_POSES // len(videos), 1)
            for k in range(share):
                frame = (2 * k + 1) * videos[name]['frames'] // (2 * share)
                picked.append(('', frame, name))
    V = None
    for caption, frame, name in picked[:MAX_POSES]:
        keypoint = entries[name]['keypoint'][..., :3]
        whole = np.isfinite(keypoint).all(axis=(2, 3))
        seen = np.flatnonzero((present_frames(keypoint) & whole).any(axis=0))
        if not len(seen) or keypoint.shape[-1] not in (2, 3):
            continue
        if V is not None and keypoint.shape[2] != V:
            continue
        V = keypoint.shape[2]
        frame = int(seen[np.abs(seen - frame).argmin()])
        bodies = _without_lost(keypoint[:, frame].astype(np.float32))
        source = f'{name}, frame {frame}'
        if videos[name]['fps']:
            source = f'{name}, {frame / videos[name]["fps"]:.2f} s'
        yield ExamplePose(caption, source, bodies)
