"""Recordings become one file: one body, one metainfo, splits, counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.hygiene import Hygiene
from mmsnip.conversion.recordings import with_layout
from mmsnip.conversion.report import Report
from mmsnip.conversion.source import Skipped, Source
from mmsnip.conversion.split_files import apply_splits
from mmsnip.io.annotation import DEFAULT_FPS, metainfo_layout
from mmsnip.structures.errors import is_int

__all__ = [
    'Parts',
    'agreeing_parts',
    'choose_splits',
    'count_classes',
    'count_entries',
    'mixed_scores',
    'output_metainfo',
]

Parts = list[tuple[dict[str, Any], Path]]


def agreeing_parts(parts: Parts, dtype: str, report: Report) -> Parts:
    """Recordings that fit into one file; the others are reported.

    Args:
        parts (list[tuple[dict[str, Any], Path]]): Facts and part of each.
        dtype (str): Of the joints.
        report (Report): Gets what is left out, mended and to be looked at.

    Returns:
        list[tuple[dict[str, Any], Path]]: Those that have the joints which
        most have, segments if any has, and values that `dtype` can hold.
    """
    bodies = [json.dumps([f['layout'], *f['shape'][2:]]) for f, _ in parts]
    usual = Counter(bodies).most_common(1)[0][0] if bodies else None
    untrimmed = any(facts['untrimmed'] for facts, _ in parts)
    limit = float(np.finfo(dtype).max)
    kept = []
    for body, (facts, path) in zip(bodies, parts):
        reason = ''
        V, C = facts['shape'][2:]
        if body != usual:
            others = json.loads(usual)
            reason = (
                f'it has {V} joints with {C} coordinates{_named(facts)}, '
                f'most have {others[1]} with {others[2]}'
                f'{_named(dict(layout=others[0]))}; a file holds one body'
            )
        elif untrimmed and not facts['untrimmed']:
            reason = 'it has no segments, others have; label it or move it'
        elif facts['largest'] > limit:
            reason = (
                f'values up to {facts["largest"]:g} do not fit into {dtype}; '
                'use float32 or metres'
            )
        if reason:
            report.skipped.append(Skipped(facts['path'], reason))
            continue
        kept.append((facts, path))
        for key in ('mended', 'warnings'):
            notes = getattr(report, key)
            notes += [(facts['name'], text) for text in facts[key]]
    return kept


def mixed_scores(parts: Parts, report: Report) -> bool:
    """Whether only some recordings have scores, which a file cannot hold.

    Args:
        parts (list[tuple[dict[str, Any], Path]]): Facts and part of each.
        report (Report): Gets a sentence for each that has them.

    Returns:
        bool: Whether the scores of all are to be left out.
    """
    scored = [facts['name'] for facts, _ in parts if facts['scored']]
    if len(scored) in (0, len(parts)):
        return False
    text = 'the scores of its joints are left out, other recordings have none'
    report.mended += [(name, text) for name in scored]
    return True


def _named(facts: Mapping[str, Any]) -> str:
    return f' ({facts["layout"]})' if isinstance(facts['layout'], str) else ''


def output_metainfo(
    metainfo: dict[str, Any],
    hygiene: Hygiene,
    facts: Sequence[dict[str, Any]],
    report: Report,
) -> dict[str, Any]:
    """Metainfo of the output.

    Args:
        metainfo (dict[str, Any]): Of the source.
        hygiene (Hygiene): What was done to all recordings.
        facts (Sequence[dict[str, Any]]): Of each recording, at least one.
        report (Report): Gets a warning where frame rates or units differ.

    Returns:
        dict[str, Any]: With ``joint_names`` and ``parents``; ``fps`` where
        any is known, the most common rate of the recordings, that of the
        source where one states none and so goes by it; ``unit`` 'm' where
        all are in metres; ``max_gap``, over which lost joints were
        interpolated.
    """
    metainfo = with_layout(metainfo, facts[0]['layout'])
    layout = metainfo_layout(metainfo, facts[0]['shape'][2])
    if metainfo.get('parents') is None:
        metainfo['joint_names'] = list(layout.joint_names)
        metainfo['parents'] = [int(parent) for parent in layout.parents]
    rates = Counter(f['fps'] for f in facts if f['fps'] is not None)
    stated = sum(rates.values()) == len(facts)
    if hygiene.fps is not None:
        metainfo['fps'] = float(hygiene.fps)
    elif rates and (stated or metainfo.get('fps') is None):
        metainfo['fps'] = rates.most_common(1)[0][0]
    if len(rates) > 1:
        listed = ', '.join(f'{rate:g}' for rate in sorted(rates)[:6])
        report.warnings.append(
            ('', f'the recordings have several frame rates ({listed}); '
             'bring them to one with fps')
        )
    earlier = metainfo.get('max_gap')
    earlier = earlier if is_int(earlier) else 0
    metainfo['max_gap'] = max(hygiene.max_gap, earlier)
    units = Counter(f['unit'] for f in facts)
    if units['m'] == len(facts):
        metainfo['unit'] = 'm'
    elif units['m']:
        metainfo.pop('unit', None)
        report.warnings.append(
            ('', f'{units["m"]} of {len(facts)} recordings are in metres, '
             'the others state no unit of length; state it with unit')
        )
    return metainfo


def choose_splits(
    source: Source, names: Sequence[str], splits: Any, report: Report
) -> dict[str, list[str]]:
    """Splits of the recordings that are there.

    Args:
        source (Source): Asked where no splits are given.
        names (Sequence[str]): Recordings.
        splits (Mapping[str, Sequence[str]] | None): Wanted names.
        report (Report): Gets the counts and what is missing.

    Returns:
        dict[str, list[str]]: Names of each split that has any.
    """
    if splits is None:
        splits = source.splits(names)
    chosen, report.missing = apply_splits(splits, names)
    report.splits = {split: len(members) for split, members in chosen.items()}
    for split in (split for split, members in chosen.items() if not members):
        report.warnings.append(('', f'split {split!r} has no recording'))
    return {split: members for split, members in chosen.items() if members}


def count_entries(
    entries: Sequence[Mapping[str, Any]],
    metainfo: Mapping[str, Any],
    report: Report,
) -> None:
    """Recordings, frames, hours and classes of the output.

    Args:
        entries (Sequence[Mapping[str, Any]]): ``total_frames``, ``fps``,
            ``label`` and ``segment_labels`` of each video.
        metainfo (Mapping[str, Any]): Of the output.
        report (Report): Gets the counts.
    """
    report.converted = len(entries)
    default = metainfo.get('fps') or DEFAULT_FPS
    labels = []
    for entry in entries:
        T, fps = int(entry['total_frames']), entry.get('fps')
        report.frames += T
        report.hours += T / float(fps or default) / 3600
        segments = np.ravel(entry.get('segment_labels', ())).tolist()
        labels.append((entry.get('label'), Counter(segments)))
    count_classes(labels, metainfo.get('classes'), report)


def count_classes(
    labels: Sequence[tuple[Any, Counter]],
    classes: Sequence[str] | None,
    report: Report,
) -> None:
    """Videos and segments of each class.

    Args:
        labels (Sequence[tuple[Any, Counter]]): For each recording its label
            (None without) and how many segments of each class it has.
        classes (Sequence[str] | None): Names, where they are known.
        report (Report): Gets the counts.
    """
    videos: Counter = Counter()
    segments: Counter = Counter()
    for label, counts in labels:
        segments.update(counts)
        videos.update(set(counts) | ({label} - {None}))
    names = list(classes or ())
    end = max(videos, default=-1) + 1
    names += [f'class_{i}' for i in range(len(names), end)]
    report.classes = [
        dict(name=name, videos=videos[i], segments=segments[i])
        for i, name in enumerate(names)
    ]
