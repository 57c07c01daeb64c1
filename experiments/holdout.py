#!/usr/bin/env python
"""An annotation file whose ``val`` is a held-out part of ``train``.

``python experiments/holdout.py IN.pkl OUT.pkl [--group REGEX] [--hold A B]``
keeps the videos of ``train`` and splits them in two, so that settings can be
chosen without a look at the real ``val``. Where a group is given, the first
bracket of the expression in a video's name, whole groups are held out; else
a seeded fifth of the videos.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.io.annotation import load_annotation, save_annotation

__all__ = ['group_of', 'held_out_names', 'hold_out']

SHARE = 0.2


def held_out_names(
    names: Sequence[str],
    group: str | None = None,
    hold: Sequence[str] | None = None,
    seed: int = 0,
) -> list[str]:
    """Training videos that validate.

    Args:
        names (Sequence[str]): ``frame_dir`` of the training videos.
        group (str, optional): Regular expression; its first bracket is the
            group of a video.
        hold (Sequence[str], optional): Groups to hold out; None draws a
            fifth of them, at least one.
        seed (int): Of the draw. Defaults to 0.

    Returns:
        list[str]: In the order of ``names``; never all of them.

    Raises:
        ValueError: If a name has no group, a group to hold out has no
            video, or nothing is left to train on.

    Examples:
        >>> held_out_names(['a_1', 'b_1', 'a_2'], '^([a-z])', ['a'])
        ['a_1', 'a_2']
    """
    if group is None:
        groups = list(names)
    else:
        groups = [group_of(name, group) for name in names]
    different = sorted(set(groups))
    if hold is None:
        count = max(1, round(SHARE * len(different)))
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(len(different))[:count]
        hold = [different[index] for index in drawn]
    unknown = sorted(set(hold) - set(different))
    if unknown:
        raise ValueError(
            f'no training video is of the group {unknown[0]!r}; the groups '
            f'are {different}'
        )
    chosen = [n for n, its in zip(names, groups) if its in set(hold)]
    if len(chosen) == len(names):
        raise ValueError(
            f'holding {sorted(set(hold))} out leaves no video to train on; '
            f'the groups are {different}'
        )
    return chosen


def group_of(name: str, group: str) -> str:
    """What the first bracket of an expression finds in a video's name.

    Args:
        name (str): ``frame_dir``.
        group (str): Regular expression with a bracket.

    Returns:
        str: The group.

    Raises:
        ValueError: If it finds nothing, or has no bracket.
    """
    found = re.search(group, name)
    if not found or not found.groups():
        raise ValueError(
            f'the expression {group!r} finds no group in the video {name!r}; '
            'it needs one bracket that matches in every name'
        )
    return found[1]


def hold_out(
    data: Mapping[str, Any],
    group: str | None = None,
    hold: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Split the training videos of a data set in two; drop its others.

    Args:
        data (Mapping[str, Any]): Of ``load_annotation``; with a split
            ``train``.
        group (str, optional): As for ``held_out_names``, and the next two.
        hold (Sequence[str], optional): The same.
        seed (int): The same.

    Returns:
        dict[str, Any]: The same content with ``train`` and ``val``, no
        video of the real ``val`` among them.

    Raises:
        ValueError: If there is no split ``train``, or as there.
    """
    names = (data.get('split') or {}).get('train')
    if not names:
        raise ValueError(
            f"key 'split': found {sorted(data.get('split') or {})}, expected "
            "'train', a part of which is to be held out"
        )
    chosen = set(held_out_names(names, group, hold, seed))
    kept = set(names)
    return dict(
        data,
        split=dict(
            train=[name for name in names if name not in chosen],
            val=[name for name in names if name in chosen],
        ),
        annotations=[
            v for v in data['annotations'] if v['frame_dir'] in kept
        ],
    )


def main() -> None:
    """Read, split, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='annotation file with a train split')
    parser.add_argument('target', help='file to write')
    parser.add_argument('--group', help='expression with one bracket')
    parser.add_argument('--hold', nargs='+', help='groups to hold out')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    try:
        data = hold_out(
            load_annotation(args.source), args.group, args.hold, args.seed
        )
    except (OSError, ValueError) as error:
        parser.error(f'{args.source}: {error}')
    save_annotation(args.target, data)
    train, val = (len(data['split'][key]) for key in ('train', 'val'))
    sys.stdout.write(f'{args.target}: {train} train, {val} held out\n')


if __name__ == '__main__':
    main()
