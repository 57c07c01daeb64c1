#!/usr/bin/env python
"""Show results in one HTML file that opens without a network.

``python tools/report.py RESULTS --ann FILE --out report.html``. RESULTS is
the .npz of tools/test.py --dump-scores or tools/fuse.py, the JSON of --dump,
or what tools/infer.py wrote, a file or the folder. Exit status: 0, or 2
where a file cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmsnip.report import Options, build_report


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('results', type=Path, metavar='RESULTS', help='what a tool wrote')
    add(
        '--ann',
        type=Path,
        metavar='FILE',
        help='annotation file: ground truth and skeletons',
    )
    add(
        '--recordings',
        type=Path,
        metavar='FOLDER',
        help='skeleton files that the videos are called after, without --ann',
    )
    add(
        '--out',
        type=Path,
        default=Path('report.html'),
        metavar='FILE.html',
        help='report.html by default',
    )
    add('--title', help='heading of the page')
    add('--videos', type=int, metavar='N', help='keep the N worst videos')
    add('--score-threshold', type=float, help='least score of a prediction')
    add(
        '--skeleton-fps',
        type=float,
        default=15.0,
        metavar='R',
        help='poses a second to keep at most, 15 by default',
    )
    add(
        '--skeleton-mb',
        type=float,
        default=40.0,
        metavar='MB',
        help='size of all skeletons at most, 40 by default; 0 leaves them out',
    )
    args = parser.parse_args(argv)
    if args.videos is not None and args.videos < 1:
        parser.error('--videos must be at least 1')
    if not args.skeleton_fps > 0:
        parser.error('--skeleton-fps must be positive')
    if not args.skeleton_mb >= 0:
        parser.error('--skeleton-mb must not be negative')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page.

    Args:
        argv (Sequence[str] | None): Arguments, None takes the command line.

    Returns:
        int: Exit status.
    """
    args = parse_args(argv)
    options = Options(
        args.recordings,
        args.score_threshold,
        args.videos,
        args.skeleton_fps,
        args.skeleton_mb,
        args.title,
    )
    try:
        made = build_report(args.results, args.ann, args.out, options)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    for note in made['notes']:
        print(f'note: {note}')
    print(
        f'{args.out}: {made["videos"]} videos, {made["skeletons"]} with '
        f'skeletons, {made["bytes"] / 1e6:.1f} MB'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
