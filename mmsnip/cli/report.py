"""Show results in one HTML file that opens without a network.

``mmsnip report RESULTS --ann FILE --out report.html``. RESULTS is
the .npz of test --dump-scores or fuse --dump-scores, the JSON of --dump,
or what infer wrote, a file or the folder. Exit status: 0, or 2
where a file cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmsnip.structures import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
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
        '--skeleton-mb',
        type=float,
        default=40.0,
        metavar='MB',
        help='size of all skeletons at most, 40 by default; 0 leaves them out',
    )


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from mmsnip.report import build_report

    if args.videos is not None and args.videos < 1:
        raise DataError('--videos must be at least 1')
    if not args.skeleton_mb >= 0:
        raise DataError('--skeleton-mb must not be negative')
    try:
        made = build_report(
            args.results,
            args.ann,
            args.out,
            recordings=args.recordings,
            score_threshold=args.score_threshold,
            max_videos=args.videos,
            skeleton_mb=args.skeleton_mb,
            title=args.title,
        )
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
