"""Print what a file of skeletons holds and what is odd in it, and draw it.

FILE is an annotation pickle, a store, or one recording (.skeleton, .bvh,
.csv, .json, .npy, .npz, PKU-MMD .txt). Exit status: 0, whatever is found;
1 if the file cannot be read or a result cannot be written.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mmsnip.structures import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('file', type=Path, help='annotations or a recording')
    parser.add_argument(
        '--out',
        type=Path,
        help='folder of the pictures, default work_dirs/inspect/<name>',
    )
    parser.add_argument(
        '--videos',
        type=int,
        default=10,
        metavar='N',
        help='suspicious videos to spell out, default 10',
    )
    parser.add_argument(
        '--json', type=Path, help='also write every fact to this file'
    )
    parser.add_argument(
        '--no-pictures', action='store_true', help='print only'
    )


def run(args: argparse.Namespace) -> int:
    """Print the facts, draw them, write them as JSON."""
    from mmsnip.io.inspect import annotations_of, inspect_annotation
    from mmsnip.io.inspect_text import format_facts
    from mmsnip.skeleton.orientation import left_right_frames
    from mmsnip.structures.plain import to_plain

    if args.videos < 0:
        raise DataError('--videos must not be negative')
    try:
        data = annotations_of(args.file)
        facts = inspect_annotation(data, args.file, left_right_frames)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(format_facts(facts, args.videos))
    try:
        if args.json is not None:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(to_plain(facts, for_json=True), indent=1)
            args.json.write_text(text + '\n', encoding='utf-8')
            print(f'facts: {args.json}')
        if not args.no_pictures:
            # Matplotlib takes longer to import than most files to read.
            from mmsnip.visualization.timeline import draw_inspection

            out = args.out or Path('work_dirs', 'inspect', args.file.stem)
            for path in draw_inspection(facts, data['annotations'], out):
                print(f'picture: {path}')
    except OSError as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0
