#!/usr/bin/env python
"""Frames a second and latency of a live stream, on one core.

``python -m benchmarks.streaming [--quick] [--model CHECKPOINT --ann-file
FILE]``, from the root of the checkout. Without a model it is the recipe of
``configs/custom/localize.py`` with random weights, on synthetic videos of
one and of two persons. With a model and the annotation file that it was
tested on, the table says how many frames get another label than in one pass
over the whole video, and how many get the true one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rows import machine, use_clock
from mmsnip.apis import SkeletonLocalizationInferencer, StreamingLocalizer
from mmsnip.io.annotation import open_annotation
from mmsnip.synthesis import synthesize_untrimmed

OPTIONS: list[dict[str, Any]] = [
    dict(),
    dict(look_ahead=32),
    dict(look_ahead=0),
    dict(look_ahead=128),
    dict(look_ahead=256),
    dict(context=64),
    dict(context=256),
    dict(hop=32),
    dict(hop=64),
    dict(context='full', look_ahead='full'),
]


def random_recipe(folder: Path, metainfo: Mapping[str, Any]) -> Path:
    """Checkpoint of the recipe with random weights."""
    from mmsnip.registry import MODELS
    from mmsnip.skeleton.egocentric import num_channels

    model = dict(
        type='mmsnip.SkeletonLocalizer',
        backbone=dict(
            type='mmsnip.AGCN',
            graph_cfg=dict(
                parents=list(metainfo['parents']),
                joint_names=list(metainfo['joint_names']),
            ),
            in_channels=num_channels(3),
            base_channels=16,
            data_bn_type='VC',
            temporal_strides=(2, 2, 1, 1, 2, 1, 1, 2, 1, 1),
            out_indices=(0, 6, 9),
        ),
        neck=dict(type='mmsnip.UShapeFusionNeck', out_channels=64),
        head=dict(
            type='mmsnip.DilatedLocalizationHead',
            num_classes=len(metainfo['classes']),
        ),
        test_cfg=dict(smooth_frames=31),
    )
    pipeline = [
        dict(type='FormatSkeleton'),
        dict(type='NormalizeSkeleton', center='first', align=None, scale=True),
        dict(type='FrameLabels'),
        dict(type='SkeletonStream', stream='egocentric'),
        dict(type='PackSkeletonInputs'),
    ]
    meta = dict(
        model=model,
        pipeline=pipeline,
        dataset_meta=dict(metainfo),
        default_scope='mmsnip',
    )
    torch.manual_seed(0)
    weights = MODELS.build(model).state_dict()
    path = folder / 'recipe.pth'
    torch.save(dict(state_dict=weights, meta=dict(mmsnip=meta)), path)
    return path


def frame_labels(video: Mapping[str, Any], background: int) -> np.ndarray:
    """True label of each frame, (T,)."""
    labels = np.full(video['total_frames'], background)
    for (start, end), label in zip(video['segments'], video['segment_labels']):
        labels[start:end] = label
    return labels


def videos_of(args: argparse.Namespace, background: int) -> list[Any]:
    """Poses (M, T, V, C) and labels (T,) of the videos of a file."""
    data = open_annotation(args.ann_file)
    names = set(data['split'][args.split])
    chosen = [v for v in data['annotations'] if v['frame_dir'] in names]
    found = []
    for video in chosen[: args.videos]:
        keypoint = np.asarray(video['keypoint'], np.float32)
        keypoint = keypoint[None] if keypoint.ndim == 3 else keypoint
        found.append((keypoint, frame_labels(video, background)))
    return found


def measure(
    stream: StreamingLocalizer, videos: list[Any], whole: list[np.ndarray]
) -> dict[str, Any]:
    """Push frame by frame; time of each push that runs the network."""
    runs, spent, count = [], 0.0, 0
    other, right, offline = 0, 0, 0
    for (keypoint, truth), expected in zip(videos, whole):
        stream.reset()
        parts = []
        for frame in range(keypoint.shape[1]):
            before = time.process_time()
            update = stream.push(keypoint[:, frame : frame + 1])
            took = time.process_time() - before
            spent += took
            if len(update.scores):
                runs.append(took)
            parts.append(update.scores)
        before = time.process_time()
        parts.append(stream.close().scores)
        spent += time.process_time() - before
        count += keypoint.shape[1]
        labels = np.concatenate(parts).argmax(axis=1)
        other += (labels != expected).sum()
        if truth is not None:
            right += (labels == truth).sum()
            offline += (expected == truth).sum()
    found = dict(
        latency_s=stream.latency.seconds,
        frames_per_second=count / spent,
        run_ms=1e3 * statistics.median(runs),
        longest_run_ms=1e3 * max(runs),
        other_label=other / count,
    )
    if videos[0][1] is not None:
        found.update(accuracy=right / count, accuracy_one_pass=offline / count)
    return found


def print_row(name: str, row: Mapping[str, Any], trained: bool) -> None:
    """A row of the table."""
    cells = [
        name,
        f'{row["latency_s"]:.2f}',
        f'{row["frames_per_second"]:.0f}',
        f'{row["run_ms"]:.0f} ({row["longest_run_ms"]:.0f})',
    ]
    if trained:
        cells += [
            f'{100 * row["other_label"]:.1f}',
            f'{100 * row["accuracy"]:.1f}',
            f'{100 * row["accuracy_one_pass"]:.1f}',
        ]
    print(f'| {" | ".join(cells)} |', flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--model', help='checkpoint or work folder')
    parser.add_argument('--ann-file', help='annotation file, with --model')
    parser.add_argument('--split', default='val')
    parser.add_argument('--videos', type=int, default=8)
    parser.add_argument('--frames', type=int, default=1800)
    parser.add_argument('--quick', action='store_true', help='defaults only')
    parser.add_argument('--json', type=Path, help='file for the numbers')
    args = parser.parse_args()
    if (args.model is None) != (args.ann_file is None):
        parser.error('--model and --ann-file go together')
    use_clock('cpu')
    trained = args.model is not None
    names = ['what', 'latency s', 'frames/s', 'run ms (longest)']
    if trained:
        names += ['other label %', 'right %', 'right in one pass %']
    print(f'| {" | ".join(names)} |\n{"|---" * len(names)}|')
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if trained:
            model = args.model
            infer = SkeletonLocalizationInferencer(model, device='cpu')
            sets = {'': videos_of(args, len(infer.classes))}
        else:
            data = synthesize_untrimmed(0, 1, frames=(args.frames,) * 2)
            model = random_recipe(Path(folder), data['metainfo'])
            infer = SkeletonLocalizationInferencer(model, device='cpu')
            keypoint = np.asarray(data['annotations'][0]['keypoint'])[:1]
            two = np.concatenate([keypoint, keypoint[:, ::-1]])
            sets = {'1 person': [(keypoint, None)], '2 persons': [(two, None)]}
        for who, videos in sets.items():
            whole = [
                np.argmax(infer(x, return_scores=True)['scores'], axis=1)
                for x, _ in videos
            ]
            for options in OPTIONS[:1] if args.quick else OPTIONS:
                stream = StreamingLocalizer(model, device='cpu', **options)
                row = measure(stream, videos, whole)
                chosen = [f'{k}={v!r}' for k, v in options.items()]
                name = ', '.join([*([who] if who else []), *chosen])
                print_row(name or 'defaults', row, trained)
                plan = stream.plan._asdict()
                rows.append({'what': name or 'defaults', **plan, **row})
    if args.json:
        numbers = dict(machine=machine(), rows=rows)
        args.json.write_text(json.dumps(numbers, indent=2) + '\n')


if __name__ == '__main__':
    main()
