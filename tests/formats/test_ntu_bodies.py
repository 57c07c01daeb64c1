from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.formats.ntu import (
    Body,
    select_bodies,
)
from tests.formats.ntu_text import frames_of, ntu_text, standing
from tests.formats.readers import read_ntu


def body(name, first, joints):
    frames = np.arange(first, first + len(joints))
    return Body(name, frames, joints.astype(np.float32))


def names(persons):
    return [[own.track_id for own in person] for person in persons]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_body_of_eleven_frames_is_dropped_and_one_of_twelve_is_not(rng):
    bodies = [
        body('a', 0, standing(rng, 30)),
        body('b', 0, standing(rng, 11, motion=9)),
        body('c', 0, standing(rng, 12, motion=0.01)),
    ]

    persons, mended = select_bodies(bodies)

    assert names(persons) == [['a'], ['c']]
    assert mended == [
        'body b is left out: it is listed in 11 frames, fewer than 12'
    ]


def test_a_joined_person_carries_both_ids(tmp_path, rng):
    path = tmp_path / 'a.skeleton'
    tracks = [(7, 0, standing(rng, 20)), (8, 25, standing(rng, 15))]
    path.write_text(ntu_text(frames_of(tracks, 40)))

    keypoint, metadata = read_ntu(path)

    assert sorted(metadata['track_ids'][0].split('+')) == ['7', '8']
    assert len(keypoint) == len(metadata['mended']) == 1
    present = keypoint[0].any(axis=(1, 2))
    assert np.flatnonzero(~present).tolist() == [20, 21, 22, 23, 24]


@pytest.mark.parametrize(('motion', 'kept'), [(0.0, 1), (0.5, 2), (3.0, 1)])
def test_the_motion_rule_drops_still_and_wild_bodies_on_request(motion, kept):
    rng = np.random.default_rng(1)
    thin = standing(rng, 400) * (0.01, 0.01, 0.01)
    moved = thin + rng.normal(size=(400, 1, 3)) * (motion / 3) ** 0.5
    main = thin + rng.normal(size=(400, 1, 3)) * 9
    bodies = [body('main', 0, main), body('other', 0, moved)]

    persons, mended = select_bodies(bodies, motion_rule=True)

    assert len(persons) == kept
    assert len(mended) == 2 - kept
    assert len(select_bodies(bodies)[0]) == 2


def slow_selection(tracks, num_frames):
    """The published rules once more, in loops over frames and joints."""
    alive = {n: j for n, _, j in tracks if len(j) > 11}
    first = {n: t for n, t, _ in tracks}
    motion = {}
    for name in list(alive):
        points = alive[name].reshape(-1, 3)
        motion[name] = sum(np.var(points[:, c]) for c in range(3))
        if len(alive) == 1:
            break
        good = []
        for xyz in alive[name]:
            width = max(xyz[:, 0]) - min(xyz[:, 0])
            height = max(xyz[:, 1]) - min(xyz[:, 1])
            if width <= 0.8 * height:
                good.append(xyz)
        if 1 - len(good) / len(alive[name]) >= 0.69754:
            del alive[name]
        elif len(good) < len(alive[name]):
            points = np.concatenate(good)
            part = sum(np.var(points[:, c]) for c in range(3))
            motion[name] = min(motion[name], part)
    out = np.zeros((2, num_frames, 25, 3))
    spans = [None, None]
    for name in sorted(alive, key=lambda name: -motion[name]):
        start, end = first[name], first[name] + len(alive[name]) - 1
        for slot in range(2):
            span = spans[slot]
            if span is None or min(span[1], end) - max(span[0], start) <= 0:
                out[slot, start : end + 1] = alive[name]
                span = span or (start, end)
                spans[slot] = min(span[0], start), max(span[1], end)
                break
    return out


@pytest.mark.parametrize('seed', range(12))
def test_reading_follows_the_published_rules_in_loops(tmp_path, seed):
    rng = np.random.default_rng(seed)
    T = 60
    tracks = []
    for n in range(6):
        start = int(rng.integers(0, 40))
        joints = standing(rng, int(rng.integers(5, 61 - start)))
        flat = rng.random(len(joints)) < rng.choice([0, 0.3, 0.9])
        joints[flat] = joints[flat][..., [1, 0, 2]]
        tracks.append((n, start, joints.astype(np.float32)))
    tracks[0] = (0, 0, standing(rng, T).astype(np.float32))
    tracks.sort(key=lambda track: track[1])
    path = tmp_path / 'a.skeleton'
    path.write_text(ntu_text(frames_of(tracks, T)))

    keypoint, _ = read_ntu(path)

    expected = slow_selection(tracks, T)
    np.testing.assert_allclose(
        keypoint, expected[: len(keypoint)], rtol=0, atol=2e-6
    )
    assert not expected[len(keypoint) :].any()
