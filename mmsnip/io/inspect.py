"""What is in a file of skeletons, and what is odd about it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsnip.io.annotation import (
    DEFAULT_FPS,
    check_annotation,
    complete_metainfo,
    open_annotation,
)
from mmsnip.io.formats import READERS, read
from mmsnip.io.measure import measure_video
from mmsnip.io.store import is_store
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.structures.errors import DataError, is_int, is_rate
from mmsnip.structures.segments import Segments

__all__ = ['SPREAD_LIMIT', 'Finding', 'annotations_of', 'inspect_annotation']

Sides = Callable[[np.ndarray, SkeletonLayout], 'tuple[int, int]']
ALL = 'all'
SPREAD_LIMIT = 0.3  # a rigid bone does not vary by more
_PARTNERS = ('val', 'test', 'valid', 'dev', 'validation', 'testing')
_AGREE = 0.8  # share of a video's trunks that tell which axis is up
_MIN_WRONG = 15  # frames, half a second, before a side counts as wrong
# Height of a body, or its widest extent where it bends or sits, and metres.
_UNITS = {'m': (0.4, 3.0), 'cm': (40.0, 300.0), 'mm': (400.0, 3000.0)}
_METRES = {'m': 1.0, 'cm': 0.01, 'mm': 0.001}


class Finding(NamedTuple):
    """One thing that is odd about a video.

    Args:
        kind (str): Short name, the same in all videos.
        weight (float): 0 to 100, how likely it is to spoil a training.
        reason (str): What was found, where, and what mends it.
    """

    kind: str
    weight: float
    reason: str


def annotations_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Annotation file, store or one recording, in the annotation's form."""
    path = Path(path)
    recording = path.is_dir() or path.suffix.lower() in READERS
    if not recording or (path.is_file() and is_store(path)):
        return open_annotation(path)
    found = read(path)
    metainfo: dict[str, Any] = dict(
        classes=[], notes=[str(note) for note in found.notes]
    )
    if found.layout is not None:
        metainfo['layout'] = found.layout
    for key in ('fps', 'unit', 'up'):
        if getattr(found, key) is not None:
            metainfo[key] = getattr(found, key)
    video = dict(
        frame_dir=found.name,
        total_frames=found.num_frames,
        keypoint=found.keypoint,
    )
    return dict(metainfo=metainfo, split={}, annotations=[video])


def inspect_annotation(
    data: Mapping[str, Any],
    path: str | os.PathLike[str] = '(memory)',
    sides: Sides | None = None,
    split: str | None = None,
    joints: bool = True,
) -> dict[str, Any]:
    """Every fact about a file; malformed fields are named, not refused."""
    metainfo, layout, notes = _described(data, path)
    problems = check_annotation(data, path, split)
    splits = {
        str(name): [v for v in videos if isinstance(v, str)]
        for name, videos in data['split'].items()
        if isinstance(videos, (list, tuple, set, frozenset))
        and split in (None, name)
    }
    chosen = None if split is None else set(splits.get(split, ()))
    videos: dict[str, dict[str, Any]] = {}
    for index, entry in enumerate(data['annotations']):
        name = entry.get('frame_dir')
        name = name if isinstance(name, str) else f'annotations[{index}]'
        if chosen is not None and name not in chosen:
            continue
        if name in videos:
            name = f'{name} (annotations[{index}])'
        rates = (entry.get('fps'), metainfo.get('fps'))
        fps = next((float(r) for r in rates if is_rate(r)), None)
        videos[name] = _looked_at(entry, fps, layout, sides, joints)
    rates = Counter(video['fps'] for video in videos.values())
    known = None not in rates
    bodies = _bodies(videos, layout, metainfo)
    own: dict[str, list[Any]] = {}
    for problem in problems:
        own.setdefault(problem.video or '', []).append(problem)
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
        fps=next(iter(rates)) if len(rates) == 1 else None,
        rates=dict(rates),
        time='seconds' if known else 'frames',
        notes=notes,
        problems=problems,
        doubts=[doubt for doubt in bodies['doubts'] if doubt],
        layout=layout,
        splits=_split_facts(splits, videos),
        classes=_class_facts(splits, videos, metainfo['classes'], known),
        segments=_segment_facts(videos, known),
        bodies=bodies,
        findings=dict(kinds.most_common()),
        suspicious=suspicious,
        split_videos=splits,
        videos=videos,
    )


def _described(
    data: Mapping[str, Any], path: Any
) -> tuple[dict[str, Any], SkeletonLayout | None, list[str]]:
    """Metainfo that can be relied on, layout, and what was assumed."""
    stated = data['metainfo']
    try:
        metainfo = complete_metainfo(data, path)
        layout = from_graph_cfg(metainfo['layout'])
        notes = metainfo.pop('notes')
    except ValueError as error:
        why = str(error).splitlines()[-1].lstrip('- ').partition(';')[0]
        metainfo, layout = dict(stated), None
        classes, notes = stated.get('classes'), stated.get('notes')
        metainfo['classes'] = classes if isinstance(classes, list) else []
        notes = list(notes) if isinstance(notes, list) else []
        notes.append(
            f'bones and sides are not looked at, metainfo is not sound: {why}'
        )
    metainfo['fps'] = stated.get('fps')  # what is known, not what is assumed
    return metainfo, layout, [n for n in notes if 'fps is not in' not in n]


def _looked_at(
    entry: Mapping[str, Any],
    fps: float | None,
    layout: SkeletonLayout | None,
    sides: Sides | None,
    joints: bool,
) -> dict[str, Any]:
    keypoint = entry.get('keypoint')
    fits = isinstance(keypoint, np.ndarray) and keypoint.ndim == 4
    facts: dict[str, Any] = dict(fps=fps, frames=0, bodies=0)
    T = facts['frames'] = keypoint.shape[1] if fits else 0
    facts['seconds'] = T / fps if fps else None
    facts['trimmed'] = entry.get('segments') is None
    facts['actions'] = np.zeros((0, 3), np.int64)
    try:
        if not facts['trimmed']:
            found = Segments.of(entry['segments'], entry['segment_labels'])
        elif is_int(entry.get('label')) and T:
            found = Segments([int(entry['label'])], [0], [T])
        else:
            found = Segments([], [], [])
        rows = found.rows[:, :3].astype(np.int64)
        rows[:, 1:] = rows[:, 1:].clip(0, T)
        rows = rows[rows[:, 2] > rows[:, 1]]
        facts['actions'] = rows[np.lexsort((rows[:, 2], rows[:, 1]))]
    except (DataError, KeyError):
        pass  # it is among the problems
    if fits:
        facts['shape'] = keypoint.shape
    numbers = fits and keypoint.dtype.kind in 'fiu'
    if not joints or not numbers or 0 in keypoint.shape:
        return facts
    if layout is not None and layout.num_joints != keypoint.shape[2]:
        layout = None
    facts.update(measure_video(keypoint, fps or DEFAULT_FPS, layout))
    facts['fps'] = fps
    bones = facts['bones']
    facts['size'] = float(np.nansum(bones)) if (bones > 0).any() else np.nan
    usable = not facts['not_finite'] and keypoint.shape[3] == 3
    if sides is not None and layout is not None and facts['bodies'] and usable:
        facts['sides'] = sides(keypoint, layout)
    votes = facts['up']
    axis, down = np.unravel_index(int(votes.argmax()), votes.shape)
    share = votes.max() / max(votes.sum(), 1)
    told = layout is not None and layout.spine is not None and share >= _AGREE
    facts['axis'] = '-'[: int(down)] + 'xyz'[axis] if told else None
    return facts


def _bodies(
    videos: Mapping[str, Mapping[str, Any]],
    layout: SkeletonLayout | None,
    metainfo: Mapping[str, Any],
) -> dict[str, Any]:
    """Facts about all bodies of a file."""
    known = {n: v for n, v in videos.items() if 'digest' in v}
    shapes = Counter(
        'M={} V={} C={}'.format(*(v['shape'][i] for i in (0, 2, 3)))
        for v in videos.values()
        if 'shape' in v
    )
    usual = Counter(v['shape'][2:] for v in known.values()).most_common(1)
    V, C = usual[0][0] if usual else (0, 0)
    C = min(C, 3)
    some = [
        v
        for v in known.values()
        if v['bodies'] and len(v['lost']) == V and len(v['low']) == C
    ]
    height = float(np.median([v['height'] for v in some])) if some else np.nan
    sizes = [v['size'] for v in some if np.isfinite(v['size'])]
    votes = sum((v['up'] for v in some), np.zeros((max(C, 1), 2), np.int64))
    axis, down = np.unravel_index(int(votes.argmax()), votes.shape)
    axes = Counter(v['axis'] for v in some if v['axis'])
    persons: Counter[int] = Counter()
    for video in known.values():
        persons.update(dict(enumerate(video['persons'].tolist())))
    unit = metainfo.get('unit')
    bodies = sum(v['bodies'] for v in some)
    spread = np.array([v['bone_spread'] for v in some]).reshape(len(some), V)
    empty = np.isnan(spread).all(axis=0)
    spread[:, empty] = 0
    facts = dict(
        shapes=dict(shapes.most_common()),
        persons={n: frames for n, frames in sorted(persons.items()) if frames},
        absence=max(
            ((v['absence'][0], n) for n, v in known.items()),
            key=lambda pair: pair[0],
            default=(0, None),
        ),
        low=np.min([v['low'] for v in some], axis=0) if some else None,
        high=np.max([v['high'] for v in some], axis=0) if some else None,
        height=height,
        usual_size=float(np.median(sizes)) if sizes else None,
        unit=None if unit is None else str(unit),
        likely_unit=likely_unit(height, C),
        doubts=[_size_doubt(height, C, unit), _up_doubt(axes, metainfo)],
        up='-'[: int(down)] + 'xyz'[axis] if votes.any() else None,
        up_share=float(votes.max() / votes.sum()) if votes.any() else None,
        up_stated=metainfo.get('up'),
        axes=dict(axes.most_common()),
        sides=tuple(
            sum(v.get('sides', (0, 0))[i] for v in some) for i in range(2)
        ),
        lost_share=sum((v['lost'] for v in some), np.zeros(V))
        / max(bodies, 1),
        bone_spread=np.full(V, np.nan),
        joint_names=None if layout is None else list(layout.joint_names),
    )
    if some:
        median = np.nanmedian(spread, axis=0)
        facts['bone_spread'] = np.where(empty, np.nan, median)
    for key in ('teleports', 'joint_jumps'):
        facts[key] = sum(len(v[key]) for v in some)
    facts['frozen_frames'] = sum(v['frozen_frames'] for v in some)
    return facts


def likely_unit(height: float, C: int) -> str | None:
    """Unit in which a person would be as large as this; None fits none."""
    if not np.isfinite(height) or height <= 0:
        return None
    if C == 2:
        return 'pixel' if height > 4 else 'normalized'
    fits = (u for u, (low, high) in _UNITS.items() if low <= height <= high)
    return next(fits, None)


def _size_doubt(height: float, C: int, unit: Any) -> str:
    """Why bodies are no people in the unit that the file states."""
    if C != 3 or not np.isfinite(height) or height <= 0:
        return ''
    metres = height * _METRES.get(str(unit), 1.0)
    if 0.3 <= metres <= 3.0 or (unit is not None and unit not in _METRES):
        return ''
    fits = likely_unit(height, C)
    said = 'taken for metres' if unit is None else f'in {unit}, as stated'
    remedy = f'--unit {fits}'
    if fits is None:
        remedy = f'--scale, {1.41 / height:.2g} where a person of 1.7 m moves'
    return (
        f'bodies measure {height:.3g} {said}, which is no size of a person; '
        f'prepare the recordings again with {remedy}'
    )


def _up_doubt(axes: Mapping[str, int], metainfo: Mapping[str, Any]) -> str:
    """Why the axis that the file states is not the one that points up."""
    up = metainfo.get('up')
    if up is None or not axes or up in axes:
        return ''
    found = next(iter(axes))
    return (
        f'trunks point along {found}, and the file says that {up} is up; '
        f'prepare the recordings again with --up {found}'
    )


def _judge(
    videos: dict[str, dict[str, Any]],
    splits: Mapping[str, Sequence[str]],
    layout: SkeletonLayout | None,
    problems: Mapping[str, Sequence[Any]],
    bodies: Mapping[str, Any],
) -> None:
    """Give each video its findings."""
    twins_of: dict[str, list[str]] = {}
    for name, facts in videos.items():
        if facts['bodies']:
            twins_of.setdefault(facts['digest'], []).append(name)
    apart = [
        (set(splits[a]), set(splits[b])) for a, b in split_pairs(list(splits))
    ]
    spread = bodies['bone_spread']
    # What all videos have is not odd in one; of one the median is its own.
    usual = 2 * spread if len(videos) > 2 else 0 * spread
    limit = np.fmax(SPREAD_LIMIT, usual)
    for name, facts in videos.items():
        found = [
            Finding('malformed', 85, f'{problem.key}: {problem.text}')
            for problem in problems.get(name, ())
            # NaN is told below, with the number of positions
            if not (problem.key == 'keypoint' and facts.get('not_finite'))
        ]
        if 'digest' in facts:
            found += _content_findings(facts)
        if facts['bodies']:
            twins = [n for n in twins_of[facts['digest']] if n != name]
            crosses = any(
                (name in a and twin in b) or (name in b and twin in a)
                for twin in twins
                for a, b in apart
            )
            if twins:
                others = ', '.join(twins[:3]) + ', ...' * (len(twins) > 3)
                where = ', across splits' * crosses
                reason = f'same content as {others}{where}'
                weight = 90 if crosses else 60
                found.append(Finding('same content', weight, reason))
            found += _motion_findings(facts)
            found += _body_findings(facts, bodies, limit)
        facts['findings'] = sorted(found, key=lambda f: -f.weight)


def _content_findings(facts: Mapping[str, Any]) -> Iterator[Finding]:
    T, fps = facts['frames'], facts['fps'] or DEFAULT_FPS
    if facts['not_finite']:
        reason = f'NaN or infinity at {facts["not_finite"]} joint positions'
        yield Finding('NaN or infinity', 100, reason)
    if not facts['bodies']:
        yield Finding('empty', 95, f'nobody is there in any of {T} frames')
        return
    nobody = int(facts['persons'][0])
    length, first = facts['absence']
    if nobody and (nobody > 0.05 * T or length > fps):
        reason = f'nobody in {nobody} of {T} frames, longest {length} from '
        weight = 15 + 60 * nobody / T
        yield Finding('nobody there', weight, f'{reason}frame {first}')
    if T < 8:
        yield Finding('very short', 30, f'{T} frames only')


def _motion_findings(facts: Mapping[str, Any]) -> Iterator[Finding]:
    T, fps = facts['frames'], facts['fps'] or DEFAULT_FPS
    for key, kind, who, base in (
        ('teleports', 'teleports', 'the body', 35),
        ('joint_jumps', 'joint jumps', 'a joint', 20),
    ):
        frames = facts[key].tolist()
        n = len(frames)
        if n:
            times = 'once, at frame' if n == 1 else f'{n} times, at frames'
            shown = ', '.join(map(str, frames[:4])) + ', ...' * (n > 4)
            weight = min(base + 40 * n / T + n, 80)
            yield Finding(kind, weight, f'{who} jumps {times} {shown}')
    length, first = facts['frozen']
    still = facts['frozen_frames']
    if length + 1 >= max(5, fps / 4) or still > 0.2 * facts['bodies']:
        yield Finding(
            'frozen',
            15 + 50 * still / facts['bodies'],
            f'{still} frames repeat the one before, longest {length + 1} from '
            f'frame {first}',
        )


def _body_findings(
    facts: Mapping[str, Any], bodies: Mapping[str, Any], limit: np.ndarray
) -> Iterator[Finding]:
    lost = facts['lost']
    V = len(lost)
    names = bodies['joint_names'] or ()

    def named(joints: np.ndarray) -> str:
        shown = [names[v] if len(names) == V else f'joint {v}' for v in joints]
        return ', '.join(shown[:3]) + ', ...' * (len(shown) > 3)

    share = lost.sum() / (facts['bodies'] * V)
    if lost.max() > 0.05 * facts['bodies'] or share > 0.01:
        worst = np.argsort(-lost, kind='stable')[: int((lost > 0).sum())]
        reason = f'{100 * share:.1f} % of joints are zero: {named(worst)}'
        yield Finding('lost joints', 15 + 60 * share, reason)
    spread = np.nan_to_num(facts['bone_spread'])
    wide = np.flatnonzero(
        spread > (limit if len(limit) == V else SPREAD_LIMIT)
    )
    if len(wide):
        wide = wide[np.argsort(-spread[wide], kind='stable')]
        most = spread[wide[0]]
        yield Finding(
            'bone lengths',
            10 + 30 * len(wide) / V + min(5 * most, 20),
            f'bones vary by up to {100 * most:.0f} %: {named(wide)}',
        )
    ratio = facts['size'] / (bodies['usual_size'] or np.nan)
    if np.isfinite(ratio) and not 1 / 1.5 < ratio < 1.5 and ratio > 0:
        weight = min(30 + 10 * abs(np.log2(ratio)), 70)
        reason = f'the body is {ratio:.2g} times the usual size'
        yield Finding('body size', weight, f'{reason}: is the unit another?')
    usual = next(iter(bodies['axes']), None)
    if facts['axis'] not in (usual, None):
        yield Finding(
            'up axis',
            70,
            f'trunks point along {facts["axis"]}, those of other videos along '
            f'{usual}: prepare it with --up {facts["axis"]}, unless they lie',
        )
    left, told = facts.get('sides', (0, 0))
    if told - left >= max(_MIN_WRONG, 0.1 * told):
        yield Finding(
            'left and right',
            25 + 30 * (1 - left / told),
            f'left joints lie on the right in {told - left} of {told} frames'
            + ': is it mirrored? --mirror mends it' * (left < told / 2),
        )
    if facts['flat_axes']:
        axes = ', '.join('xyz'[axis] for axis in facts['flat_axes'])
        yield Finding('constant axis', 50, f'coordinate {axes} never varies')
    still = facts['still_joints']
    if 0 < len(still) < V:
        yield Finding('still joints', 10, f'{named(still)} never moves')


def split_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of splits that must not share a video.

    Where names tell, ``x_train`` with ``x_val``, ``x_test`` and so on; else
    every pair.
    """
    pairs = [
        (name, name.replace('train', partner))
        for name in names
        if 'train' in name
        for partner in _PARTNERS
        if name.replace('train', partner) in names
    ]
    if pairs or any('train' in name for name in names):
        return pairs
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


def _split_facts(
    splits: Mapping[str, Sequence[str]], videos: Mapping[str, Mapping]
) -> dict[str, Any]:
    """Size of each split, and what splits share."""
    sizes = {}
    for split, names in {ALL: list(videos), **splits}.items():
        found = [videos[name] for name in names if name in videos]
        labelled = [v for v in found if not v['trimmed']]
        total = sum(v['frames'] for v in labelled)
        inside = 0
        for video in labelled:
            active = np.zeros(video['frames'], bool)
            for start, end in video['actions'][:, 1:]:
                active[start:end] = True
            inside += int(active.sum())
        known = all(v['fps'] for v in found)
        seconds = sum(v['frames'] / (v['fps'] or 1) for v in found)
        sizes[split] = dict(
            videos=len(names),
            frames=sum(v['frames'] for v in found),
            hours=seconds / 3600 if known else None,
            segments=sum(len(v['actions']) for v in found),
            background=1 - inside / total if total else None,
        )
    overlap = []
    for first, second in split_pairs(list(splits)):
        both = sorted(set(splits[first]) & set(splits[second]))
        if both:
            overlap.append([first, second, both])
    placed = {name for names in splits.values() for name in names}
    left = [name for name in videos if name not in placed] if splits else []
    return dict(sizes=sizes, overlap=overlap, without_split=left)


def _class_facts(
    splits: Mapping[str, Sequence[str]],
    videos: Mapping[str, Mapping],
    classes: Sequence[str],
    known: bool,
) -> dict[str, Any]:
    """Counts (num_classes, 3) of videos, segments and frames; lengths."""
    actions = {
        name: video['actions'][video['actions'][:, 0] >= 0]
        for name, video in videos.items()
    }
    largest = max(
        (r[:, 0].max() for r in actions.values() if len(r)), default=-1
    )
    names = [str(name) for name in classes]
    names += [f'label {c}?' for c in range(len(names), largest + 1)]
    counts = {}
    for split, chosen in {ALL: list(videos), **splits}.items():
        count = np.zeros((len(names), 3), np.int64)
        for name in chosen:
            label, start, end = actions.get(name, np.zeros((0, 3), int)).T
            count[np.unique(label), 0] += 1
            np.add.at(count, (label, 1), 1)
            np.add.at(count, (label, 2), end - start)
        counts[split] = count
    lengths: list[list[float]] = [[] for _ in names]
    for name, video in videos.items():
        for label, start, end in actions[name].tolist():
            rate = video['fps'] if known else 1
            lengths[label].append((end - start) / rate)
    unseen = []
    for first, second in split_pairs(list(splits)):
        missing = (counts[second][:, 1] > 0) & (counts[first][:, 1] == 0)
        if missing.any():
            which = [names[c] for c in np.flatnonzero(missing)]
            unseen.append([first, second, which])
    empty = [name for name, c in zip(names, counts[ALL]) if not c[1]]
    found = dict(names=names, counts=counts, unseen=unseen, empty=empty)
    return {**found, 'seconds' if known else 'frames': lengths}


def _segment_facts(
    videos: Mapping[str, Mapping], known: bool
) -> dict[str, Any]:
    """Min, quartiles and max of lengths; how segments follow each other."""
    lengths, gaps = [np.zeros(0)], [np.zeros(0)]
    touching, overlapping = 0, []
    for name, video in videos.items():
        rate = video['fps'] if known else 1
        start, end = video['actions'][:, 1:].T
        lengths.append((end - start) / rate)
        gap = start[1:] - np.maximum.accumulate(end)[:-1]
        gaps.append(gap[gap > 0] / rate)
        touching += int((gap == 0).sum())
        if (gap < 0).any():
            overlapping.append(name)

    def five(values: Any) -> list[float] | None:
        if not len(values):
            return None
        return np.percentile(values, (0, 25, 50, 75, 100)).tolist()

    ending = '_s' if known else '_frames'
    key = 'seconds' if known else 'frames'
    return {
        f'video{ending}': five([v[key] for v in videos.values()]),
        f'length{ending}': five(np.concatenate(lengths)),
        f'gap{ending}': five(np.concatenate(gaps)),
        'touching': touching,
        'overlapping': overlapping,
    }
