"""From detections in single frames to persons over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ['Detection', 'Track', 'find_tracks']

GATE = 0.5  # farthest step of a body, in diagonals of its box
MAX_GAP = 30  # frames after which a person who comes back is a new one
_FAR = 1e9


class Detection(NamedTuple):
    """One body in one frame.

    Attributes:
        points (np.ndarray): (V, D) float32, zeros where a joint is lost.
        score (np.ndarray): (V,) float32, 0 where a joint is lost.
        track (str | None): The person's id, where the file gives one.
    """

    points: np.ndarray
    score: np.ndarray
    track: str | None


class Track:
    """One person: frames and bodies, in the order of time.

    Args:
        name (str): Its id.
        given (bool): Whether the file gave it.
    """

    def __init__(self, name: str, given: bool) -> None:
        self.name = name
        self.given = given
        self.frames: list[int] = []
        self.bodies: list[Detection] = []

    def add(self, frame: int, body: Detection) -> None:
        """Append a body.

        Args:
            frame (int): Its frame, not before the last one's.
            body (Detection): The body.
        """
        self.frames.append(frame)
        self.bodies.append(body)


def find_tracks(
    frames: Sequence[tuple[int, Sequence[Detection]]],
) -> tuple[list[Track], list[str]]:
    """Sort the bodies of all frames into persons.

    A body with an id belongs to the person of that id; of two with the same
    id in a frame, the one with the higher mean score stays. The others are
    tracked from frame to frame: the pairs of persons and bodies whose mean
    distance over the joints that both have is least in sum
    (`scipy.optimize.linear_sum_assignment`); a person moves no farther than
    half the diagonal of its box at once and is given up 30 frames after it
    was last seen. What stays unpaired is a new person.

    Args:
        frames (Sequence[tuple[int, Sequence[Detection]]]): Number and
            bodies of each frame, numbers ascending.

    Returns:
        tuple[list[Track], list[str]]: Persons in the order of their first
            frame; and a sentence for each body that was dropped.
    """
    named: dict[str, Track] = {}
    tracks: list[Track] = []
    nameless: list[Track] = []
    mended: list[str] = []
    for frame, bodies in frames:
        loose = []
        for body in bodies:
            if body.track is None:
                loose.append(body)
                continue
            track = named.get(body.track)
            if track is None:
                track = named[body.track] = Track(body.track, given=True)
                tracks.append(track)
            if track.frames and track.frames[-1] == frame:
                mended.append(
                    f'frame {frame}: person {body.track!r} is there twice; '
                    'the body with the higher score was kept'
                )
                if body.score.mean() > track.bodies[-1].score.mean():
                    track.bodies[-1] = body
            else:
                track.add(frame, body)
        nameless = [t for t in nameless if frame - t.frames[-1] <= MAX_GAP]
        for body, track in zip(loose, _nearest(nameless, loose)):
            if track is None:
                track = Track('', given=False)
                tracks.append(track)
                nameless.append(track)
            track.add(frame, body)
    free = (n for n in map(str, range(len(tracks) + len(named))))
    free = (name for name in free if name not in named)
    for track in tracks:
        track.name = track.name if track.given else next(free)
    return tracks, mended


def _nearest(
    tracks: Sequence[Track], bodies: Sequence[Detection]
) -> list[Track | None]:
    """The track that each body goes on with, None for a new one."""
    from scipy.optimize import linear_sum_assignment

    found: list[Track | None] = [None] * len(bodies)
    if not tracks or not bodies:
        return found
    points = np.stack([body.points for body in bodies]).astype(float)
    seen = np.stack([body.score > 0 for body in bodies])
    cost = np.stack([_steps(t.bodies[-1], points, seen) for t in tracks])
    cost[~(cost <= GATE)] = _FAR
    for i, j in zip(*linear_sum_assignment(cost)):
        if cost[i, j] < _FAR:
            found[j] = tracks[i]
    return found


def _steps(
    last: Detection, points: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """Mean distance of the joints that both have, in box diagonals."""
    there = last.score > 0
    if not there.any():
        return np.full(len(points), _FAR)
    before = last.points.astype(float)
    size = np.linalg.norm(np.ptp(before[there], axis=0))
    both = seen & there
    count = both.sum(axis=1)
    away = np.linalg.norm(points - before, axis=2)
    total = np.where(both, away, 0).sum(axis=1)
    size = size if size > 0 else 1 / _FAR
    return np.where(count > 0, total / np.maximum(count, 1) / size, _FAR)
