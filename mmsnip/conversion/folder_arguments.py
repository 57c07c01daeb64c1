"""Arguments that every folder of recordings takes."""

from __future__ import annotations

import argparse

from mmsnip.io.labels import LABEL_READERS, OVERLAPS
from mmsnip.skeleton.layout import layout_names

__all__ = ['add_body_arguments', 'add_label_arguments']


def add_label_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `FolderSource` that are about segment labels.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    group = parser.add_argument_group('segment labels')
    group.add_argument(
        '--labels',
        metavar='PATH',
        help='ActivityNet .json, table .csv or .tsv, ELAN .eaf, frame-wise '
        '.txt, or a folder of .eaf or .txt; exports of BORIS are tables; '
        'matched to recordings by name',
    )
    group.add_argument(
        '--labels-kind',
        choices=sorted(LABEL_READERS),
        help='of that file (default: told by its ending)',
    )
    group.add_argument(
        '--labels-unit',
        choices=('frames', 's', 'ms'),
        help='of the times in a table whose header does not say it',
    )
    group.add_argument(
        '--tiers',
        nargs='+',
        metavar='ID',
        help='tiers of ELAN files to read (default: all)',
    )
    group.add_argument(
        '--background',
        nargs='+',
        metavar='NAME',
        help='names of no action in the labels (default: background, of '
        'frame-wise text alone)',
    )
    rules = '; '.join(f'{key}: {what}' for key, what in OVERLAPS.items())
    group.add_argument(
        '--overlaps',
        choices=list(OVERLAPS),
        default='keep',
        help=f'{rules} (default: keep)',
    )
    group.add_argument(
        '--keep-unlabelled',
        action='store_true',
        help='keep recordings without labels, in a split "unlabelled"',
    )


def _persons(text: str) -> int | None:
    return None if text == 'all' else int(text)


def add_body_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `FolderSource` that are about bodies.

    Args:
        parser (argparse.ArgumentParser): Changed in place; a default of
            ``persons`` that it has already stays.
    """
    default = parser.get_default('persons')
    parser.add_argument(
        '--persons',
        type=_persons,
        default=default,
        metavar='N',
        help='keep the N persons that move most of each recording, or '
        f"'all' (default: {default or 'all'})",
    )
    parser.add_argument(
        '--map-layout',
        choices=layout_names(),
        help='bring all joints to this layout; what a file lacks is '
        'interpolated or copied from a neighbour',
    )
