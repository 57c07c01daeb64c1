"""From bodies in single frames to persons over time, in every format."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
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

    name: str | None  # None where the file gave none
    frames: list[int] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)


def persons_of(
    frames: Sequence[tuple[int, Sequence[Body]]], source: str
) -> tuple[dict, list[tuple[str, int]]]:
    """Bodies of all frames as persons (M, T)."""
    for t, bodies in frames:
        if len(bodies) > MAX_PERSONS:
            raise DataError(
                f'{source}, frame {t}: found {len(bodies)} persons; at most '
                f'{MAX_PERSONS} are read'
            )
    tracks, notes = find_tracks(frames)
    if not tracks:
        raise DataError(f'{source}: nobody is there in any frame')
    slots, names, more = _slots(tracks)
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
    for slot, own in enumerate(slots):
        for track in own:
            keypoint[slot, track.frames] = [b.points for b in track.bodies]
            score[slot, track.frames] = [b.score for b in track.bodies]
    return dict(keypoint=keypoint, score=score, tracks=names), notes + more


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
    twice: Counter[str] = Counter()
    for _, bodies in frames:
        ids = Counter(body.track for body in bodies if body.track is not None)
        twice.update(name for name, count in ids.items() if count > 1)
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
                named[body.track] = Track(body.track)
                tracks.append(named[body.track])
            named[body.track].frames.append(frame)
            named[body.track].bodies.append(body)
        nameless = [t for t in nameless if frame - t.frames[-1] <= MAX_GAP]
        for body, track in zip(loose, _nearest(nameless, loose)):
            if track is None:
                track = Track(None)
                tracks.append(track)
                nameless.append(track)
            track.frames.append(frame)
            track.bodies.append(body)
    free = (n for n in map(str, itertools.count()) if n not in named)
    for track in tracks:
        track.name = next(free) if track.name is None else track.name
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
        away = np.linalg.norm(points - old, axis=2)
        total = np.where(both, away, 0).sum(axis=1)
        count = both.sum(axis=1)
        mean = total / np.maximum(count, 1) / (size or 1 / _FAR)
        rows.append(np.where(count > 0, mean, _FAR))
    return np.stack(rows)


def _slots(
    tracks: Sequence[Track],
) -> tuple[list[list[Track]], tuple[str, ...], list[tuple[str, int]]]:
    """Tracks that are never there at once, put together; names; notes.

    In the order of appearance each goes to a slot that is free in all its
    frames: to one that is over before it, rather than to one with room in
    between; of those to the one whose last body before it is nearest.
    """
    slots: list[list[Track]] = []
    taken: list[set[int]] = []
    ends: list[Track] = []  # the track that ends each slot
    for track in sorted(tracks, key=lambda track: track.frames[0]):
        best = None
        for slot, (busy, last) in enumerate(zip(taken, ends)):
            over = last.frames[-1] < track.frames[0]
            if over or busy.isdisjoint(track.frames):
                # The nearest, if a body may move so far; else the fullest.
                away = _FAR
                if over:
                    away = _steps([last.bodies[-1]], [track.bodies[0]])[0, 0]
                far = away > GATE
                key = (not over, far, -len(busy) if far else away, slot)
                best = key if best is None else min(best, key)
        if best is None:
            slots.append([track])
            taken.append(set(track.frames))
            ends.append(track)
            continue
        slot = best[-1]
        slots[slot].append(track)
        taken[slot].update(track.frames)
        if track.frames[-1] > ends[slot].frames[-1]:
            ends[slot] = track
    names = tuple('+'.join(str(t.name) for t in own) for own in slots)
    notes = []
    if len(slots) < len(tracks):
        own = next(own for own in slots if len(own) > 1)
        listed = ', '.join(
            f'{t.name!r} (frames {t.frames[0]} to {t.frames[-1]})'
            for t in own[:4]
        )
        notes.append(
            (
                f'{len(tracks)} tracks became {len(slots)} persons, since '
                'tracks that are never there at once share a place: '
                f'{listed}{", .." if len(own) > 4 else ""}',
                0,
            )
        )
    return slots, names, notes


def share_slots(recording: Recording) -> Recording:
    """The same with persons put together that are never there at once."""
    there = recording.bodies
    seen = np.flatnonzero(there.any(axis=1)).tolist()
    shared = there[seen].astype(np.float32)
    if ((shared @ shared.T) > 0).all():
        return recording
    tracks = []
    for m in seen:
        frames = np.flatnonzero(there[m]).tolist()
        ends = [
            Body(recording.keypoint[m, t], recording.present[m, t] * 1.0)
            for t in (frames[0], frames[-1])
        ]
        tracks.append(Track(recording.tracks[m], frames, ends))
    slots, names, notes = _slots(tracks)
    if not notes:
        return recording
    row = dict(zip(map(id, tracks), seen))
    parts: dict[str, np.ndarray] = {}
    for key in ('keypoint', 'present', 'score'):
        array = getattr(recording, key)
        if array is not None:
            parts[key] = np.zeros((len(slots), *array.shape[1:]), array.dtype)
            for slot, own in enumerate(slots):
                for track in own:
                    at = track.frames
                    parts[key][slot, at] = array[row[id(track)], at]
    return recording.but(**parts, tracks=names).noted(notes[0][0])
