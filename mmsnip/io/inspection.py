"""What is in a file of skeletons, and what is odd about it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.annotation import (
    DEFAULT_FPS,
    AnnotationError,
    Problem,
    check_annotation,
    complete_metainfo,
    open_annotation,
)
from mmsnip.io.annotation_summary import keypoint_of
from mmsnip.io.body_facts import body_facts
from mmsnip.io.segment_facts import (
    actions_of,
    class_facts,
    segment_facts,
    split_facts,
    split_names,
    split_pairs,
)
from mmsnip.io.sequence import READERS, load_sequence
from mmsnip.io.store import is_store
from mmsnip.io.suspicion import Finding, video_findings
from mmsnip.io.video_facts import measure_video
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.structures.errors import is_rate

__all__ = ['annotations_of', 'inspect_annotation']

Sides = Callable[[np.ndarray, SkeletonLayout], 'tuple[int, int]']


def annotations_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Any file of skeletons as an annotation file.

    Args:
        path (str | os.PathLike[str]): Annotation pickle, store, or one
            recording that `mmsnip.io.sequence.load_sequence` reads.

    Returns:
        dict[str, Any]: ``metainfo``, ``split`` and ``annotations``, see
        `mmsnip.io.annotation.load_annotation`; one video for a recording.

    Raises:
        AnnotationError: If the annotation file is missing or refused.
        SequenceError: If the recording cannot be read.
        FileNotFoundError: If there is no such recording.
    """
    path = Path(path)
    if path.is_file() and is_store(path):
        return open_annotation(path)
    if not path.is_dir() and path.suffix.lower() not in READERS:
        return open_annotation(path)
    keypoint, said = load_sequence(path)
    keys = ('fps', 'layout', 'unit')
    metainfo = {key: said[key] for key in keys if key in said}
    metainfo.update(classes=[], notes=list(said.get('mended', ())))
    video = dict(
        frame_dir=said['frame_dir'],
        total_frames=keypoint.shape[1],
        keypoint=keypoint,
    )
    return dict(metainfo=metainfo, split={}, annotations=[video])


def inspect_annotation(
    data: Mapping[str, Any],
    path: str | os.PathLike[str] = '(memory)',
    sides: Sides | None = None,
) -> dict[str, Any]:
    """Every fact about a file; malformed fields are named, not refused.

    Args:
        data (Mapping[str, Any]): As `annotations_of` returns it.
        path (str | os.PathLike[str]): Name for messages.
        sides (Callable | None): Counts frames in which left joints are on
            the left, and frames that tell, of (M, T, V, C) and a layout;
            None leaves that out.

    Returns:
        dict[str, Any]: ``file``, ``classes``, ``splits`` and ``segments``
        (see `mmsnip.io.segment_facts`), ``bodies`` (see `body_facts`),
        ``layout`` (`SkeletonLayout` or None), ``videos`` (name -> facts of
        `measure_video` with ``frames``, ``seconds``, ``actions``,
        ``trimmed``, ``size``, ``sides`` and ``findings``), ``findings``
        (kind -> number of videos), ``suspicious`` (names, the worst first),
        ``problems`` (what is malformed in the file as a whole), ``notes``.
    """
    metainfo, layout, notes = _describe(data, path)
    problems, own = _problems(data, path)
    videos: dict[str, dict[str, Any]] = {}
    for index, entry in enumerate(data['annotations']):
        name = entry.get('frame_dir')
        name = name if isinstance(name, str) else f'annotations[{index}]'
        if name in videos:
            name = f'{name} (annotations[{index}])'
        videos[name] = _look_at(entry, metainfo['fps'], layout, sides)
    splits = split_names(data['split'])
    bodies = body_facts(videos, layout, metainfo.get('unit'))
    _judge(videos, splits, layout, own, bodies)
    kinds = Counter(
        kind
        for video in videos.values()
        for kind in {finding.kind for finding in video['findings']}
    )
    suspicious = [name for name in videos if videos[name]['findings']]
    suspicious.sort(
        key=lambda name: -sum(f.weight for f in videos[name]['findings'])
    )
    return dict(
        file=str(path),
        dataset=metainfo.get('dataset'),
        fps=metainfo['fps'],
        notes=notes,
        problems=problems,
        layout=layout,
        splits=split_facts(splits, videos),
        classes=class_facts(splits, videos, metainfo['classes']),
        segments=segment_facts(videos),
        bodies=bodies,
        findings=dict(kinds.most_common()),
        suspicious=suspicious,
        split_videos=splits,
        videos=videos,
    )


def _describe(
    data: Mapping[str, Any], path: Any
) -> tuple[dict[str, Any], SkeletonLayout | None, list[str]]:
    """Metainfo that can be relied on, layout, and what was assumed."""
    try:
        metainfo = complete_metainfo(data, path)
        return metainfo, from_graph_cfg(metainfo['layout']), metainfo['notes']
    except (AnnotationError, ValueError) as error:
        metainfo = dict(data['metainfo'])
        why = str(error).splitlines()[-1].lstrip('- ').partition(',')[0]
    classes = metainfo.get('classes')
    metainfo['classes'] = classes if isinstance(classes, list) else []
    notes = metainfo.get('notes')
    notes = list(notes) if isinstance(notes, list) else []
    notes.append(
        f'bones and sides are not looked at, metainfo is not sound: {why}'
    )
    if not is_rate(metainfo.get('fps')):
        metainfo['fps'] = DEFAULT_FPS
        notes.append(f'no frame rate is given, {DEFAULT_FPS:g} was assumed')
    return metainfo, None, notes


def _problems(
    data: Mapping[str, Any], path: Any
) -> tuple[list[str], dict[str, list[Problem]]]:
    """Malformed fields of the file, and of each video."""
    found = check_annotation(data, path)
    whole, own = [], {}
    for problem in found:
        if problem.video is None or problem.key.startswith('split['):
            whole.append(str(problem))
        else:
            own.setdefault(problem.video, []).append(problem)
    return whole, own


def _look_at(
    entry: Mapping[str, Any],
    fps: float,
    layout: SkeletonLayout | None,
    sides: Sides | None,
) -> dict[str, Any]:
    keypoint = keypoint_of(entry)
    rate = entry.get('fps')
    rate = float(rate) if is_rate(rate) else float(fps)
    facts: dict[str, Any] = dict(fps=rate, frames=0, seconds=0.0, bodies=0)
    facts['trimmed'] = entry.get('segments') is None
    facts['actions'] = actions_of(entry)
    numbers = keypoint is not None and keypoint.dtype.kind in 'fiu'
    if not numbers or 0 in keypoint.shape:
        return facts
    if layout is not None and layout.num_joints != keypoint.shape[2]:
        layout = None
    facts.update(measure_video(keypoint, rate, layout))
    facts['frames'] = keypoint.shape[1]
    facts['seconds'] = keypoint.shape[1] / rate
    bones = facts['bones']
    facts['size'] = float(np.nansum(bones)) if (bones > 0).any() else np.nan
    facts['sides'] = (0, 0)
    if sides is not None and layout is not None and facts['bodies']:
        usable = not facts['not_finite'] and keypoint.shape[3] == 3
        facts['sides'] = sides(keypoint, layout) if usable else (0, 0)
    return facts


def _judge(
    videos: dict[str, dict[str, Any]],
    splits: Mapping[str, Sequence[str]],
    layout: SkeletonLayout | None,
    problems: Mapping[str, Sequence[Problem]],
    bodies: Mapping[str, Any],
) -> None:
    """Give each video its findings."""
    groups: dict[str, list[str]] = {}
    for name, facts in videos.items():
        if facts['bodies']:
            groups.setdefault(facts['digest'], []).append(name)
    apart = [
        (set(splits[a]), set(splits[b])) for a, b in split_pairs(list(splits))
    ]
    for name, facts in videos.items():
        twins = [
            n for n in groups.get(facts.get('digest', ''), ()) if n != name
        ]
        crosses = any(
            (name in a and twin in b) or (name in b and twin in a)
            for twin in twins
            for a, b in apart
        )
        found = []
        for problem in problems.get(name, ()):
            if problem.key == 'keypoint' and facts.get('not_finite'):
                continue  # told below, with the number of positions
            reason = f'{problem.key}: {problem.text}'
            found.append(Finding('malformed', 85, reason))
        if 'digest' in facts:
            same = layout is not None and (
                facts['shape'][2] == layout.num_joints
            )
            found += video_findings(
                facts,
                bodies['usual_size'],
                # Of one video the median is its own.
                bodies['bone_spread'] if len(videos) > 2 else None,
                layout.joint_names if same else None,
                twins,
                crosses,
            )
        facts['findings'] = sorted(found, key=lambda f: -f.weight)
