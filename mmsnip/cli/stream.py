"""Localize actions in a file as if it came from a camera.

``mmsnip stream FILE --model CHECKPOINT [--realtime]`` pushes the
frames one by one and prints each action when it is known that it has ended.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

from mmsnip.apis.options import Options
from mmsnip.cli.infer import add_input_arguments
from mmsnip.io.formats import READERS
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
    add_input_arguments(parser.add_argument)
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
    for name, least in (('look_ahead', 0), ('hop', 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise DataError(
                f'{name}={value} must be a whole number of at least {least}'
            )
    given = Options(
        fps=args.fps,
        map_joints=args.map_joints,
        unit=args.unit,
        scale=args.scale,
        up=args.up,
        mirror=args.mirror,
    ).given

    import numpy as np

    from mmsnip.apis import StreamingLocalizer
    from mmsnip.apis.inferencer import open_recording
    from mmsnip.apis.memory import keep_freed_memory
    from mmsnip.prepare.fit import fit

    keep_freed_memory()
    recording = open_recording(args.file)
    stream = StreamingLocalizer(
        args.model,
        device=args.device,
        look_ahead=args.look_ahead,
        hop=args.hop,
        num_person=len(recording.keypoint),
        fps=given.fps or recording.fps,
    )
    fps = stream.input_fps
    fitted = fit(recording, replace(stream.expected, fps=fps), given)
    if args.strict and fitted.look_at:
        raise DataError(f'{args.file}: {fitted.look_at[0]} (--strict)')
    frames, T = fitted.keypoint, fitted.num_frames
    if fitted.score is not None:
        frames = np.concatenate([frames, fitted.score[..., None]], axis=-1)
    print(
        f'{args.file}: {T} frames at {fps:g} frames/s; a frame is final at '
        f'most {stream.latency.seconds:.2f} s later',
        flush=True,
    )
    for note in fitted.notes:
        print(f'    {"look at" if note.look_at else "note"}: {note}')
    spent_s, begun = 0.0, time.perf_counter()
    for frame in range(T):
        if args.realtime:
            time.sleep(max(frame / fps - time.perf_counter() + begun, 0))
        before = time.perf_counter()
        update = stream.push(frames[:, frame : frame + 1])
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
