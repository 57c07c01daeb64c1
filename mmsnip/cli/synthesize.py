"""Write the procedural data sets: untrimmed.pkl and trimmed.pkl.

With --pkummd, write the untrimmed videos as text files in the layout of
PKU-MMD instead, to be read by mmsnip prepare. The same arguments give
the same files. Bodies, styles and viewpoints of the val split lie outside
the ranges of train.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.cli.prepare import count
from mmsnip.io.annotation import save_annotation
from mmsnip.structures import DataError
from mmsnip.synthesis import synthesize_trimmed, synthesize_untrimmed
from mmsnip.synthesis.pkummd_folder import VIEWS, write_pkummd_folder


def _minutes(text: str) -> float:
    """A positive length."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f'{text} is no positive length')
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('output_dir', type=Path, help='folder of both files')
    add('--videos', type=count, default=60, help='untrimmed train videos')
    add('--val', type=count, default=20, help='untrimmed val videos')
    add(
        '--trimmed',
        type=count,
        default=400,
        help='trimmed clips, every fifth of them for val; 0 writes no file',
    )
    add(
        '--minutes',
        type=_minutes,
        help='length of all untrimmed train videos, instead of --videos',
    )
    add(
        '--frames',
        type=count,
        nargs=2,
        default=(600, 1200),
        metavar=('MIN', 'MAX'),
        help='shortest and longest untrimmed video',
    )
    add('--seed', type=count, default=0)
    add(
        '--pkummd',
        action='store_true',
        help='write skeletons, labels and split lists as PKU-MMD has them',
    )
    add(
        '--views',
        nargs='+',
        choices=list(VIEWS),
        default=['M'],
        help='of --pkummd: viewpoints of each video (default: M)',
    )
    add(
        '--swapped',
        type=float,
        default=0.0,
        metavar='SHARE',
        help='of --pkummd: label rows with start and end swapped, as some '
        'of the real ones have',
    )


def run(args: argparse.Namespace) -> int:
    """Write the files and print what they hold."""
    if not 60 <= args.frames[0] <= args.frames[1]:
        raise DataError('--frames needs 60 <= MIN <= MAX')
    started = time.perf_counter()
    if args.minutes is not None:
        mean_frames = sum(args.frames) / 2
        args.videos = max(1, round(args.minutes * 60 * 30 / mean_frames))
    args.output_dir.mkdir(parents=True, exist_ok=True)
    common = args.videos, args.val, args.seed, tuple(args.frames)
    if args.pkummd:
        _write_pkummd(args, *common)
    else:
        val_clips = args.trimmed // 5
        train_clips = args.trimmed - val_clips
        for name, data in (
            ('untrimmed', synthesize_untrimmed(*common)),
            ('trimmed', synthesize_trimmed(train_clips, val_clips, args.seed)),
        ):
            if data['annotations']:  # none: --trimmed 0, or --videos 0 --val 0
                path = args.output_dir / f'{name}.pkl'
                save_annotation(path, data)
                print(f'{path}\n{_summary(data)}')
    print(f'done in {time.perf_counter() - started:.1f} s')
    return 0


def _write_pkummd(args: argparse.Namespace, *common: Any) -> None:
    try:
        made = write_pkummd_folder(
            args.output_dir, *common, args.views, args.swapped
        )
    except ValueError as error:
        raise DataError(str(error)) from None
    labels = ', '.join(f'{n} {name}' for name, n in made['labels'].items())
    print(
        f'{args.output_dir}\n'
        f'  labels: {labels}\n'
        f'  {made["videos"]} videos of views {" ".join(args.views)}, '
        f'{made["frames"]} frames, {made["segments"]} segments, '
        f'{made["swapped"]} of them swapped'
    )


def _summary(data: dict[str, Any]) -> str:
    """Videos, frames and segments (or clips) per class, a line a split."""
    classes = data['metainfo']['classes']
    videos = {video['frame_dir']: video for video in data['annotations']}
    untrimmed = 'untrimmed' in data['metainfo']['dataset']
    what = 'segments' if untrimmed else 'clips'
    lines = [f'  classes: {", ".join(classes)}']
    for split, names in data['split'].items():
        counts = np.zeros(len(classes), int)
        for name in names:
            video = videos[name]
            labels = video.get('segment_labels', video.get('label'))
            np.add.at(counts, labels, 1)
        frames = sum(videos[name]['total_frames'] for name in names)
        lines.append(
            f'  {split}: {len(names)} videos, {frames} frames, '
            f'{counts.sum()} {what}, per class {counts.tolist()}'
        )
    return '\n'.join(lines)
