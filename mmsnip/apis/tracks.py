"""All persons of a sequence together, or each on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mmsnip.apis.clips import Clip
from mmsnip.skeleton.geometry import present_frames

__all__ = ['PERSONS', 'Piece', 'cut_pieces', 'present_stretches']

PERSONS = ('joint', 'each')
LONGEST_GAP_S = 1.0  # one who is gone for longer has left, and comes anew


class Piece(NamedTuple):
    """What passes the model at once.

    Args:
        track (int | None): Person, None for all together.
        start (int): First frame of the sequence that it holds.
        clip (Clip): Its poses.
    """

    track: int | None
    start: int
    clip: Clip


def cut_pieces(clip: Clip, persons: str) -> list[Piece]:
    """What the model is to score of a sequence.

    Args:
        clip (Clip): M persons.
        persons (str): ``'joint'``: all of it at once. ``'each'``: of each
            person the stretches in which it is there, see
            `present_stretches`.

    Returns:
        list[Piece]: Ascending in person and time; none of a person who is
        never there.
    """
    if persons == 'joint':
        return [Piece(None, 0, clip)]
    longest = int(LONGEST_GAP_S * clip.fps)
    pieces = []
    for track, there in enumerate(present_frames(clip.keypoint)):
        for start, end in present_stretches(there, longest):
            part = clip.keypoint[track : track + 1, start:end]
            name = f'{clip.name}, person {clip.tracks[track]}'
            piece = replace(clip, name=name, keypoint=part)
            pieces.append(Piece(track, start, piece))
    return pieces


def present_stretches(
    there: np.ndarray, longest_gap: int
) -> list[tuple[int, int]]:
    """Where somebody is seen, short gaps included.

    Args:
        there (np.ndarray): (T,) bool.
        longest_gap (int): Most frames of a gap that parts no stretch.

    Returns:
        list[tuple[int, int]]: Half-open frames.

    Examples:
        >>> present_stretches(np.array([0, 1, 0, 1, 0, 0, 1]) > 0, 1)
        [(1, 4), (6, 7)]
    """
    seen = np.flatnonzero(there)
    if not len(seen):
        return []
    cut = np.flatnonzero(np.diff(seen) > longest_gap + 1)
    starts = seen[np.append(0, cut + 1)]
    ends = seen[np.append(cut, len(seen) - 1)] + 1
    return list(zip(starts.tolist(), ends.tolist()))
