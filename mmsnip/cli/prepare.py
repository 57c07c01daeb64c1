"""Convert recordings to an annotation file (.pkl) or a store (.safetensors).

An interrupted run goes on when the same command is given again. The full
report lies beside the output, in OUTPUT.report.json. Exit status: 0, 1 if
nothing usable was found, 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from mmsnip.conversion.hygiene import UNITS, Hygiene
from mmsnip.conversion.sources import SOURCES
from mmsnip.conversion.writing import DTYPES
from mmsnip.io.recording import UP_AXES

if TYPE_CHECKING:
    from mmsnip.conversion.report import Report

COMMON = (
    *('kind', 'input', 'output', 'split', 'workers', 'dry_run', 'dtype'),
    *('fps', 'unit', 'up', 'max_gap', 'quiet', 'run'),
)


def _count(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('input', metavar='INPUT', help='what is converted')
    parser.add_argument(
        'output', metavar='OUTPUT', help='file.pkl or file.safetensors'
    )
    parser.add_argument(
        '--dtype', choices=DTYPES, default='float32', help='of the joints'
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    _add_output(parser)
    parser.add_argument(
        '--split',
        nargs='+',
        metavar='FILE',
        help='names of each split: .json, train.txt and val.txt, or the '
        'folder of these',
    )
    parser.add_argument(
        '--workers',
        type=_count,
        metavar='N',
        help='processes (default: as many as there are cores, up to 8)',
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='list, but write nothing'
    )
    parser.add_argument(
        '--fps', type=float, metavar='F', help='bring all to this frame rate'
    )
    parser.add_argument(
        '--unit',
        choices=list(UNITS),
        help='of the lengths in files that state none; all become metres',
    )
    parser.add_argument(
        '--up',
        choices=sorted(UP_AXES),
        help='axis of the files that points up; it becomes y (write '
        '--up=-y for a negative one)',
    )
    parser.add_argument(
        '--max-gap',
        type=_count,
        default=10,
        metavar='N',
        help='interpolate a lost joint over at most N frames (default: 10)',
    )
    parser.add_argument(
        '--quiet', action='store_true', help='show no progress'
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    kinds = parser.add_subparsers(dest='kind', metavar='KIND', required=True)
    for name, kind in SOURCES.items():
        subparser = kinds.add_parser(name, help=kind.help)
        _add_common(subparser)
        kind.add_arguments(subparser)
    text = 'annotation file to store, or a store to an annotation file'
    _add_output(kinds.add_parser('pack', help=text))


def made(args: argparse.Namespace) -> Report:
    """Do what the arguments say."""
    from mmsnip.conversion.job import convert
    from mmsnip.conversion.writing import pack

    if args.kind == 'pack':
        return pack(args.input, args.output, args.dtype)
    options = {k: v for k, v in vars(args).items() if k not in COMMON}
    return convert(
        SOURCES[args.kind].source(args.input, **options),
        args.output,
        workers=args.workers,
        dry_run=args.dry_run,
        splits=args.split,
        progress=not args.quiet,
        hygiene=Hygiene(args.fps, args.unit, args.up, args.max_gap),
        dtype=args.dtype,
    )


def run(args: argparse.Namespace) -> int:
    """Convert and print the report."""
    from mmsnip.conversion.parts import parts_folder
    from mmsnip.conversion.report import format_report, report_path
    from mmsnip.io.annotation import AnnotationError
    from mmsnip.io.reading import SequenceError

    try:
        report = made(args)
    except KeyboardInterrupt:
        sys.stderr.write(
            f'interrupted; {parts_folder(args.output)} keeps what is done, '
            'give the same command again to go on\n'
        )
        return 130
    except (AnnotationError, SequenceError, OSError, ValueError) as error:
        if os.environ.get('MMSNIP_TRACEBACK') == '1':
            raise
        sys.stderr.write(f'error: {error}\n')
        unusable = isinstance(error, (AnnotationError, SequenceError))
        return 1 if unusable else 2
    text = format_report(report)
    if not report.usable:
        sys.stderr.write(f'error: nothing usable was found in {args.input}\n')
    if not report.dry_run:
        written = f'{args.output}\n' if report.usable else ''
        text += f'\n{written}{report_path(args.output)}'
    try:
        print(text, flush=True)
    except BrokenPipeError:  # `head` has seen enough; no more at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if report.usable else 1
