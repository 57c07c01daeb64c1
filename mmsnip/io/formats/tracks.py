"""From bodies in single frames to persons over time, in every format."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mmsnip.structures import DataError, Recording

__all__ = ['Body', 'Track', 'find_tracks', 'persons_of', 'share_slots']

GATE = 0.5  # farthest step of a body, in diagonals of its box
MAX_GAP = 30  # frames after which a person who comes back is a new track
MAX_PERSONS = 1000  # bodies of one frame
MAX_VALUES = 2**28  # numbers of the array that comes out
_FAR = 1e9


class Body(NamedTuple):
    """One body in one frame."""

    points: np.ndarray  # (V, D), zeros where a joint is lost
    score: np.ndarray  # (V,), 0 where a joint is lost
    track: str | None = None


@dataclass(eq=False)
class Track:
    """One person: frames and bodies, in the order of time."""

    name: str
    given: bool  # whether the file gave the name
    frames: list[int] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)


def persons_of(
    frames: Sequence[tuple[int, Sequence[Body]]], source: str
) -> tuple[dict, list[tuple[str, int]]]:
    """Bodies of all frames as persons (M, T)."""
    tracks, notes = find_tracks(frames)
    if not tracks:
        raise DataError(f'{source}: nobody is there in any frame')
    slots = _slots(
        [t.frames for t in tracks], lambda m, n: tracks[m].bodies[n]
    )
    M, T = len(slots), frames[-1][0] + 1
    V, D = tracks[0].bodies[0].points.shape
    if M * T * V * D > MAX_VALUES:
        raise DataError(
            f'{source}: {T:,} frames with {M} persons would make '
            f'{M * T * V * D:,} numbers, more than {MAX_VALUES:,}; check the '
            'frame numbers or split the recording'
        )
    keypoint = np.zeros((M, T, V, D), np.float32)
    score = np.zeros((M, T, V), np.float32)
    for slot, members in enumerate(slots):
        for m in members:
            at = tracks[m].frames
            keypoint[slot, at] = [body.points for body in tracks[m].bodies]
            score[slot, at] = [body.score for body in tracks[m].bodies]
    names = [track.name for track in tracks]
    notes += _shared(slots, names, [t.frames for t in tracks])
    joined = tuple('+'.join(names[m] for m in own) for own in slots)
    return dict(keypoint=keypoint, score=score, tracks=joined), notes


def find_tracks(
    frames: Sequence[tuple[int, Sequence[Body]]],
) -> tuple[list[Track], list[tuple[str, int]]]:
    """Sort the bodies of all frames into tracks, in order of appearance.

    A body with an id belongs to the track of that id. An id that stands
    twice in a frame is no id, in any frame. Bodies without one are tracked
    from frame to frame: the pairs of tracks and bodies whose mean distance
    over the joints that both have is least in sum
    (`scipy.optimize.linear_sum_assignment`); a body moves no farther than
    half the diagonal of its box at once, and a track ends 30 frames after it
    was last seen.
    """
    twice: dict[str, int] = {}
    for _, bodies in frames:
        ids = Counter(body.track for body in bodies if body.track is not None)
        for name in [n for n, count in ids.items() if count > 1]:
            twice[name] = twice.get(name, 0) + 1
    notes = [
        (
            f'person {name!r} is there twice in {count} frames, so that it '
            'names nobody; these bodies were tracked from frame to frame',
            count,
        )
        for name, count in twice.items()
    ]
    named: dict[str, Track] = {}
    tracks: list[Track] = []
    nameless: list[Track] = []
    for frame, bodies in frames:
        loose = []
        for body in bodies:
            if body.track is None or body.track in twice:
                loose.append(body)
                continue
            if body.track not in named:
                named[body.track] = Track(body.track, given=True)
                tracks.append(named[body.track])
            named[body.track].frames.append(frame)
            named[body.track].bodies.append(body)
        nameless = [t for t in nameless if frame - t.frames[-1] <= MAX_GAP]
        for body, track in zip(loose, _nearest(nameless, loose)):
            if track is None:
                track = Track('', given=False)
                tracks.append(track)
                nameless.append(track)
            track.frames.append(frame)
            track.bodies.append(body)
    free = (n for n in map(str, itertools.count()) if n not in named)
    for track in tracks:
        track.name = track.name if track.given else next(free)
    return tracks, notes


def _nearest(
    tracks: Sequence[Track], bodies: Sequence[Body]
) -> list[Track | None]:
    """The track that each body goes on with, None for a new one."""
    found: list[Track | None] = [None] * len(bodies)
    if not tracks or not bodies:
        return found
    from scipy.optimize import linear_sum_assignment

    cost = _steps([track.bodies[-1] for track in tracks], bodies)
    cost[~(cost <= GATE)] = _FAR
    for i, j in zip(*linear_sum_assignment(cost)):
        if cost[i, j] < _FAR:
            found[j] = tracks[i]
    return found


def _steps(before: Sequence[Body], bodies: Sequence[Body]) -> np.ndarray:
    """Mean distance of the joints that both have, in diagonals of boxes."""
    points = np.stack([body.points for body in bodies]).astype(float)
    seen = np.stack([body.score > 0 for body in bodies])
    rows = []
    for last in before:
        there = last.score > 0
        if not there.any():
            rows.append(np.full(len(points), _FAR))
            continue
        old = last.points.astype(float)
        size = np.linalg.norm(np.ptp(old[there], axis=0))
        both = seen & there
        count = both.sum(axis=1)
        away = np.linalg.norm(points - old, axis=2)
        total = np.where(both, away, 0).sum(axis=1)
        size = size if size > 0 else 1 / _FAR
        mean = total / np.maximum(count, 1) / size
        rows.append(np.where(count > 0, mean, _FAR))
    return np.stack(rows)


def _slots(
    frames: Sequence[Sequence[int]], body_of: Callable[[int, int], Body]
) -> list[list[int]]:
    """Tracks that are never there at once, put together.

    In the order of appearance each goes to a slot that is free in all its
    frames: to one that is over before it, rather than to one with room in
    between; of those to the one whose last body before it is nearest.
    """
    slots: list[list[int]] = []
    taken: list[set[int]] = []
    ends: list[tuple[int, int]] = []  # last frame, track that has it
    for m in sorted(range(len(frames)), key=lambda m: frames[m][0]):
        own, best = frames[m], None
        for slot, busy in enumerate(taken):
            last, track = ends[slot]
            over = last < own[0]
            if over or busy.isdisjoint(own):
                # The nearest, if a body may move so far; else the fullest.
                away = _FAR
                if over:
                    ends_with, begins = body_of(track, -1), body_of(m, 0)
                    away = float(_steps([ends_with], [begins])[0, 0])
                far = away > GATE
                key = (not over, far, -len(busy) if far else away, slot)
                best = key if best is None else min(best, key)
        if best is None:
            slots.append([m])
            taken.append(set(own))
            ends.append((own[-1], m))
            continue
        slot = best[-1]
        slots[slot].append(m)
        taken[slot].update(own)
        ends[slot] = max(ends[slot], (own[-1], m))
    return slots


def _shared(
    slots: Sequence[Sequence[int]],
    names: Sequence[str],
    frames: Sequence[Sequence[int]],
) -> list[tuple[str, int]]:
    """Notes on tracks that were put together."""
    count = sum(len(own) - 1 for own in slots)
    if not count:
        return []
    own = next(own for own in slots if len(own) > 1)
    listed = ', '.join(
        f'{names[m]!r} (frames {frames[m][0]} to {frames[m][-1]})'
        for m in own[:4]
    )
    return [
        (
            f'{len(names)} tracks became {len(slots)} persons, since tracks '
            f'that are never there at once share a place: {listed}'
            + (', ..' if len(own) > 4 else ''),
            0,
        )
    ]


def share_slots(recording: Recording) -> Recording:
    """The same with persons put together that are never there at once."""
    bodies = recording.bodies
    seen = np.flatnonzero(bodies.any(axis=1)).tolist()
    if len(seen) < 2:
        return recording
    frames = [np.flatnonzero(bodies[m]).tolist() for m in seen]

    def body_of(m: int, n: int) -> Body:
        at = (seen[m], frames[m][n])
        points = recording.keypoint[at]
        return Body(points, recording.present[at].astype(np.float32))

    slots = _slots(frames, body_of)
    if len(slots) == len(seen):
        return recording
    parts: dict[str, np.ndarray] = {}
    for key in ('keypoint', 'present', 'score'):
        array = getattr(recording, key)
        if array is None:
            continue
        parts[key] = np.zeros((len(slots), *array.shape[1:]), array.dtype)
        for slot, own in enumerate(slots):
            for m in own:
                parts[key][slot, frames[m]] = array[seen[m], frames[m]]
    names = [recording.tracks[m] for m in seen]
    tracks = tuple('+'.join(names[m] for m in own) for own in slots)
    shared = recording.but(**parts, tracks=tracks)
    return shared.noted(_shared(slots, names, frames)[0][0])
