#!/usr/bin/env python
"""An untrimmed data set out of trimmed clips, joined by short transitions.

``python experiments/stitch.py IN.pkl OUT.pkl --group REGEX [--background A]``
joins clips of the same person (the first bracket of the expression in a
clip's name) to sequences, and writes ``OUT_clips.json`` beside them: which
clip lies where. Clips of background classes are distractors: they stay in,
without a label. Motion is real, what lies between clips is not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.holdout import group_of
from mmsnip.io.annotation import load_annotation, save_annotation
from mmsnip.structures.files import draft_of

__all__ = ['stitch', 'write_stitched']

CLIPS = (4, 8)  # of a sequence
GAP = (1 / 3, 1.0)  # seconds of a transition
HEIGHT = 1  # axis that points up


def stitch(
    data: Mapping[str, Any],
    group: str,
    background: Sequence[str] = (),
    seed: int = 0,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Join trimmed clips to untrimmed sequences.

    Every clip is used once, in its own split. A sequence has 4 to 8 clips of
    one group (the last of a group what is left), never two of a class side by
    side where another order exists. The next clip is moved over the ground to
    where the last one ended, and is not turned. Transitions last 1/3 to 1 s:
    every joint moves straight, eased in and out.

    Args:
        data (Mapping[str, Any]): Of ``load_annotation``; clips of one person
            with a ``label``, axis 1 up, ``fps`` in the metainfo.
        group (str): Regular expression; its first bracket is the group.
        background (Sequence[str]): Classes that become background.
        seed (int): Of order, lengths and transitions. Defaults to 0.

    Returns:
        tuple[dict[str, Any], list[dict[str, Any]]]: Annotation with
        ``segments`` (S, 2) and ``segment_labels`` (S,), and per sequence
        ``frame_dir`` and its ``clips``, as `clips_beside` reads them.

    Raises:
        ValueError: If a clip has no label or no group, a background class is
            unknown, or no class is left.
    """
    meta = data['metainfo']
    old = list(meta['classes'])
    unknown = sorted(set(background) - set(old))
    if unknown:
        raise ValueError(
            f'no class is called {unknown[0]!r}; the classes are {old}'
        )
    kept = [name for name in old if name not in set(background)]
    if not kept:
        raise ValueError(f'no class is left of {old}; all are background')
    clips = {clip['frame_dir']: clip for clip in data['annotations']}
    untold = sorted(name for name in clips if clips[name].get('label') is None)
    if untold:
        raise ValueError(
            f"clip {untold[0]!r} lacks the key 'label'; only trimmed clips "
            'can be joined'
        )
    rng = np.random.default_rng(seed)
    annotations, tables = [], []
    split: dict[str, list[str]] = {}
    for part, names in data['split'].items():
        for its in sorted({group_of(name, group) for name in names}):
            own = [name for name in names if group_of(name, group) == its]
            for number, drawn in enumerate(_sequences(own, clips, rng)):
                name = f'{part}_{its}_{number:02d}'
                entry, table = _join(
                    [clips[clip] for clip in drawn],
                    [old[clips[clip]['label']] for clip in drawn],
                    kept,
                    float(meta['fps']),
                    rng,
                )
                annotations.append(dict(entry, frame_dir=name))
                tables.append(dict(frame_dir=name, clips=table))
                split.setdefault(part, []).append(name)
    made = dict(
        metainfo=dict(
            meta, dataset=f'{meta.get("dataset", "clips")}_stitched',
            classes=kept,
        ),
        split=split,
        annotations=annotations,
    )  # fmt: skip
    return made, tables


def _sequences(names, clips, rng):
    """Names of clips, a list for each sequence."""
    left = [names[index] for index in rng.permutation(len(names))]
    found = []
    while left:
        drawn = [left.pop(0)]
        count = int(rng.integers(CLIPS[0], CLIPS[1] + 1))
        while left and len(drawn) < count:
            last = clips[drawn[-1]]['label']
            others = (
                index
                for index, name in enumerate(left)
                if clips[name]['label'] != last
            )
            drawn.append(left.pop(next(others, 0)))
        found.append(drawn)
    return found


def _join(drawn, labels, kept, fps, rng):
    """One sequence: its annotation without a name, and its clips."""
    parts, table = [], []
    frames = 0
    for clip, label in zip(drawn, labels):
        points = np.asarray(clip['keypoint'], dtype=np.float64)  # M, T, V, C
        way = -_place(points[:, 0])
        if parts:
            way = way + _place(parts[-1][:, -1])
        points = points + way
        if parts:
            count = max(1, round(rng.uniform(*GAP) * fps))
            parts.append(_between(parts[-1][:, -1], points[:, 0], count))
            frames += count
        start, frames = frames, frames + points.shape[1]
        parts.append(points)
        table.append(
            dict(
                clip=clip['frame_dir'],
                content=label,
                start=start,
                end=frames,
                labelled=label in kept,
            )
        )
    told = [row for row in table if row['labelled']]
    entry = dict(
        total_frames=frames,
        keypoint=np.concatenate(parts, axis=1).astype(np.float32),
        segments=np.asarray(
            [[row['start'], row['end']] for row in told], dtype=np.int64
        ).reshape(-1, 2),
        segment_labels=np.asarray(
            [kept.index(row['content']) for row in told], dtype=np.int64
        ),
    )
    return entry, table


def _place(pose):
    """Where a pose stands on the ground, (C,), 0 upwards; of (M, V, C)."""
    place = pose[0].mean(axis=0)
    place[HEIGHT] = 0
    return place


def _between(first, last, count):
    """Poses on the way from one to the next, (M, count, V, C)."""
    share = np.arange(1, count + 1) / (count + 1)
    eased = (share**2 * (3 - 2 * share))[None, :, None, None]
    return (1 - eased) * first[:, None] + eased * last[:, None]


def write_stitched(
    path: str | Path, data: Mapping[str, Any], tables: list[dict[str, Any]]
) -> None:
    """Write ``NAME.pkl`` and ``NAME_clips.json`` beside it.

    Args:
        path (str | Path): ``NAME.pkl``.
        data (Mapping[str, Any]): Of `stitch`, as ``tables`` is.
        tables (list[dict[str, Any]]): Clips of each sequence.
    """
    path = Path(path)
    text = json.dumps(dict(sequences=tables), indent=1)
    with draft_of(path.with_name(f'{path.stem}_clips.json')) as draft:
        draft.write_text(text, encoding='utf-8')
    save_annotation(path, data)


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='annotation file of trimmed clips')
    parser.add_argument('target', help='file to write, NAME.pkl')
    parser.add_argument(
        '--group', required=True, help='expression with one bracket'
    )
    parser.add_argument(
        '--background', nargs='+', default=[], help='classes of distractors'
    )
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    try:
        data, tables = stitch(
            load_annotation(args.source),
            args.group,
            args.background,
            args.seed,
        )
    except (OSError, ValueError) as error:
        parser.error(f'{args.source}: {error}')
    write_stitched(args.target, data, tables)
    sizes = ', '.join(f'{len(v)} {k}' for k, v in data['split'].items())
    sys.stdout.write(f'{args.target}: sequences: {sizes}\n')


if __name__ == '__main__':
    main()
