"""Draw what ``mmsnip test --dump-scores`` wrote, without a model.

Into the folder of --out: precision-recall curves, AP of each class, kinds of
errors, confusion of frames; in ``timelines`` the first videos, with poses
where --ann has their skeletons; with --film also an animation of each.
Exit status: 0, or 2 where files cannot be read or do not fit together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsnip.io.scores import ScoredVideos, load_scored_videos
from mmsnip.structures import DataError
from mmsnip.structures.files import safe_file_name

if TYPE_CHECKING:
    from mmsnip.visualization.pose import Poses

DEFAULT_FPS = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('scores', type=Path, metavar='SCORES.npz', help='dumped scores')
    add('--out', type=Path, default='pictures', metavar='D', help='folder')
    add(
        '--ann',
        type=Path,
        metavar='FILE',
        help='annotation file or store with the skeletons of the videos',
    )
    add(
        '--iou',
        type=float,
        default=0.5,
        help='of curves and errors, default 0.5',
    )
    add(
        '--videos',
        type=int,
        default=8,
        metavar='N',
        help='timelines to draw, default 8',
    )
    add(
        '--width',
        type=float,
        default=12.0,
        metavar='INCHES',
        help='of a timeline, default 12; 7 fits two columns',
    )
    add(
        '--film',
        choices=['gif', 'mp4'],
        help='also animate each video drawn; needs --ann, mp4 needs ffmpeg',
    )
    add(
        '--format',
        choices=['png', 'pdf', 'svg'],
        default='png',
        help='of the pictures, default png',
    )


def run(args: argparse.Namespace) -> int:
    """Draw."""
    if args.videos < 0:
        raise DataError('--videos must not be negative')
    if args.film and args.ann is None:
        raise DataError('--film shows skeletons; name their file with --ann')
    try:
        videos = load_scored_videos(args.scores)
        for path in draw(videos, args):
            print(f'picture: {path}')
    except (OSError, RuntimeError, ValueError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    return 0


def draw(videos: ScoredVideos, args: argparse.Namespace) -> list[Path]:
    """What ``main`` does, errors aside."""
    from mmsnip.visualization import draw_diagnosis, save_pictures

    if not videos.scores:
        raise ValueError(f'{args.scores} holds no video')
    written = []
    if videos.truth is None:
        print('the file has no ground truth: timelines only')
    else:
        figures = draw_diagnosis(
            videos.scores,
            videos.truth,
            videos.classes,
            videos.settings,
            args.iou,
        )
        written += save_pictures(figures, args.out, args.format)
    names = list(videos.scores)[: args.videos]
    poses = {} if args.ann is None else poses_of(args.ann, names, videos)
    for name in names:
        written += draw_video(videos, name, poses.get(name), args)
    return written


def draw_video(
    videos: ScoredVideos,
    name: str,
    poses: Poses | None,
    args: argparse.Namespace,
) -> list[Path]:
    """Timeline of a video, and its film."""
    from mmsnip.evaluation import run_detections
    from mmsnip.visualization import draw_timeline, save_figure, save_film
    from mmsnip.visualization.canvas import PRINT_DPI

    scores = videos.scores[name]
    truth = None if videos.truth is None else videos.truth[name]
    found = run_detections(scores)
    fps = videos.fps.get(name, DEFAULT_FPS)
    stem = args.out / 'timelines' / safe_file_name(name)
    rows = (truth, found, videos.classes, len(scores), fps, scores)
    figure = draw_timeline(*rows, poses, name, args.width)
    figure.set_dpi(PRINT_DPI)
    written = [save_figure(figure, f'{stem}.{args.format}')]
    if args.film and poses is not None:
        path = Path(f'{stem}.{args.film}')
        about = dict(ground_truth=truth, detections=found, title=name)
        written.append(save_film(path, poses, fps, videos.classes, **about))
    return written


def poses_of(
    path: Path, names: Sequence[str], videos: ScoredVideos
) -> dict[str, Poses]:
    """Skeletons of the videos that an annotation file has."""
    from mmsnip.io.inspect import annotations_of
    from mmsnip.visualization.pose import Poses

    data: Any = annotations_of(path)
    meta = data['metainfo']
    if meta.get('parents') is None:
        raise ValueError(
            f"{path}: metainfo has no 'parents', which bones follow; add them"
        )
    wanted, poses = set(names), {}
    for video in data['annotations']:
        name = str(video['frame_dir'])
        if name not in wanted:
            continue
        joints = np.asarray(video['keypoint'], dtype=np.float32)
        T = len(videos.scores[name])
        if joints.shape[1] != T:
            raise ValueError(
                f'{path}: video {name!r} has {joints.shape[1]} frames and '
                f'{T} in the scores; give the file that was tested'
            )
        bones = [int(parent) for parent in meta['parents']]
        poses[name] = Poses(joints, bones, joint_names=meta.get('joint_names'))
    missing = len(wanted) - len(poses)
    if missing:
        print(f'{path} has no skeletons of {missing} of the videos drawn')
    return poses
