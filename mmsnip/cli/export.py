"""Export a localizer: ``mmsnip export CHECKPOINT --to onnx``.

The file takes videos of any length and number, holds its classes, joints
and normalisation as metadata, and is compared with PyTorch; one that differs
is not kept. examples/onnx_segments.py uses it without torch. Exit status: 0,
or 2 if there is no file.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('checkpoint', help='checkpoint file, or work folder of a training run')
    add(
        '--to',
        choices=['onnx', 'torchscript', 'exported-program'],
        default='onnx',
        help='onnx by default',
    )
    add('--out', metavar='FILE', help='beside the checkpoint by default')
    add(
        '--quantize',
        choices=['int8'],
        help='store weights in eight bits (onnx); needs --ann',
    )
    add(
        '--ann',
        metavar='FILE',
        help='annotated videos: the file is compared on them, too, and the '
        'loss in mAP by --quantize measured',
    )
    add('--split', help='videos of FILE; val, else test, else all by default')


def run(args: argparse.Namespace) -> int:
    """Export."""
    from mmsnip.export.job import export_localizer

    export_localizer(
        args.checkpoint,
        args.to,
        args.out,
        args.quantize,
        args.ann,
        args.split,
        log=print,
    )
    return 0
