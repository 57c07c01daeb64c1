"""Localize actions in a file as if it came from a camera.

``mmsnip stream FILE --model CHECKPOINT [--realtime]`` pushes the
frames one by one and prints each action when it is known that it has ended.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from mmsnip.io.sequence import READERS, load_sequence
from mmsnip.structures import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        'file', help=f'file that ends in {", ".join(sorted(READERS))}'
    )
    parser.add_argument(
        '--model',
        required=True,
        metavar='CHECKPOINT',
        help='checkpoint file, or work folder of a training run',
    )
    parser.add_argument(
        '--realtime', action='store_true', help='wait for each frame its time'
    )
    parser.add_argument(
        '--fps', type=float, help='frames a second, whatever the file says'
    )
    parser.add_argument(
        '--map-joints',
        metavar='LAYOUT_OR_JSON',
        help='joints of the file, as of tools/infer.py',
    )
    parser.add_argument(
        '--look-ahead',
        type=int,
        metavar='FRAMES',
        help='frames after a frame that are known before it is final, 2 s by '
        'default',
    )
    parser.add_argument(
        '--hop',
        type=int,
        metavar='FRAMES',
        help='frames between two runs of the network, half a second by '
        'default',
    )
    parser.add_argument('--device', help='such as cpu or cuda:0')


def line(segment: dict[str, Any], now_s: float) -> str:
    """Text of a segment."""
    start_s, end_s = segment['segment']
    return (
        f'[{now_s:8.2f} s] {segment["label"]}: {start_s:.2f} to '
        f'{end_s:.2f} s, score {segment["score"]:.2f}'
    )


def run(args: argparse.Namespace) -> int:
    """Push a file."""
    from mmsnip.apis.joint_map import read_joint_map
    from mmsnip.structures.errors import is_rate

    for name, least in (('look_ahead', 0), ('hop', 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise DataError(
                f'{name}={value} must be a whole number of at least {least}'
            )
    if args.fps is not None and not is_rate(args.fps):
        raise DataError(
            f'fps={args.fps} must be a positive number of frames a second'
        )
    try:
        args.map_joints = read_joint_map(args.map_joints)
    except ValueError as error:
        raise DataError(str(error)) from None

    from mmsnip.apis import StreamingLocalizer
    from mmsnip.apis.clips import fit_clip
    from mmsnip.apis.memory import keep_freed_memory

    keep_freed_memory()
    keypoint, metadata = load_sequence(args.file)
    M, T = keypoint.shape[:2]
    stream = StreamingLocalizer(
        args.model,
        device=args.device,
        look_ahead=args.look_ahead,
        hop=args.hop,
        num_person=M,
        fps=metadata.get('fps') if args.fps is None else args.fps,
    )
    keypoint = fit_clip(
        keypoint,
        metadata,
        args.file,
        stream.expected,
        joint_map=args.map_joints,
    ).keypoint
    fps = stream.input_fps
    print(
        f'{args.file}: {T} frames at {fps:g} frames/s; a frame is final at '
        f'most {stream.latency.seconds:.2f} s later',
        flush=True,
    )
    spent_s, begun = 0.0, time.perf_counter()
    for frame in range(T):
        if args.realtime:
            time.sleep(max(frame / fps - time.perf_counter() + begun, 0))
        before = time.perf_counter()
        update = stream.push(keypoint[:, frame : frame + 1])
        spent_s += time.perf_counter() - before
        for segment in update.segments:
            print(line(segment, (frame + 1) / fps), flush=True)
    before = time.perf_counter()
    update = stream.close()
    spent_s += time.perf_counter() - before
    for segment in update.segments:
        print(line(segment, T / fps))
    print(f'{T / spent_s:.0f} frames/s')
    return 0
