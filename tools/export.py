"""Export a localizer: ``python tools/export.py CHECKPOINT --to onnx``.

The file takes videos of any length and number, holds its classes, joints
and normalisation as metadata, and is compared with PyTorch; one that differs
is not kept. examples/onnx_segments.py uses it without torch. Exit status: 0,
or 2 if there is no file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmsnip.apis.launch import readable_errors
from mmsnip.export.job import export_localizer
from mmsnip.export.metadata import ExportError


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'checkpoint', help='checkpoint file, or work folder of a training run'
    )
    parser.add_argument(
        '--to',
        choices=['onnx', 'torchscript', 'exported-program'],
        default='onnx',
        help='onnx by default',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='beside the checkpoint by default'
    )
    parser.add_argument(
        '--quantize',
        choices=['int8'],
        help='store weights in eight bits (onnx); needs --ann',
    )
    parser.add_argument(
        '--ann',
        metavar='FILE',
        help='annotated videos: the file is compared on them, too, and the '
        'loss in mAP by --quantize measured',
    )
    parser.add_argument(
        '--split', help='videos of FILE; val, else test, else all by default'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Export.

    Args:
        argv (Sequence[str] | None): Arguments, None takes the command line.

    Returns:
        int: Exit status.
    """
    args = parse_args(argv)
    try:
        export_localizer(
            args.checkpoint,
            args.to,
            args.out,
            args.quantize,
            args.ann,
            args.split,
            log=print,
        )
    except ExportError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    with readable_errors():
        sys.exit(main())
