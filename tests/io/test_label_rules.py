from __future__ import annotations

import numpy as np

from mmsnip.io.label_rules import (
    find_overlaps,
    one_label_per_frame,
    settle_overlaps,
)


def owner(t, segments, labels):
    """The rule, for one frame and by sorting; -1 outside all."""
    inside = [
        (-start, end - start, label)
        for (start, end), label in zip(segments.tolist(), labels.tolist())
        if start <= t < end
    ]
    return min(inside)[2] if inside else -1


def random_segments(rng, count, T):
    starts = rng.integers(0, T - 1, count)
    ends = starts + rng.integers(1, T - starts + 1)
    return np.stack([starts, ends], axis=1)


def test_one_label_is_the_rule_at_every_frame():
    rng = np.random.default_rng(0)
    for _ in range(40):
        segments = random_segments(rng, 6, 13)
        labels = rng.integers(0, 3, 6)

        runs, names = one_label_per_frame(segments, labels, 13)

        painted = np.full(13, -1)
        for (start, end), label in zip(runs, names):
            painted[start:end] = label
        assert painted.tolist() == [
            owner(t, segments, labels) for t in range(13)
        ]


def test_one_label_of_no_segment_and_of_no_frame_is_empty():
    none = np.zeros((0, 2), np.int64)
    for T in (0, 5):
        runs, labels = one_label_per_frame(none, none[:, 0], T)

        assert runs.shape == (0, 2)
        assert labels.shape == (0,)


def test_times_are_settled_as_the_frames_they_could_be():
    rng = np.random.default_rng(1)
    for _ in range(40):
        segments = random_segments(rng, 5, 11)
        labels = rng.integers(0, 3, 5)
        times = np.sort(rng.uniform(0, 1e6, 12))  # any increasing map

        settled, names = settle_overlaps(
            times[segments], [f'c{n}' for n in labels], ['c0', 'c1', 'c2']
        )

        runs, expected = one_label_per_frame(segments, labels, 11)
        np.testing.assert_array_equal(settled, times[runs])
        assert names == [f'c{n}' for n in expected]


def test_overlaps_are_those_that_a_double_loop_finds():
    rng = np.random.default_rng(2)
    for _ in range(40):
        segments = random_segments(rng, 7, 17)
        order = np.lexsort((segments[:, 1], segments[:, 0])).tolist()

        found = find_overlaps(segments)

        expected = []
        for place, index in enumerate(order):
            start = segments[index, 0]
            inside = [n for n in order[:place] if segments[n, 1] > start]
            if inside:
                last = max(segments[inside, 1])
                expected.append((index, last, len(inside)))
        assert [(a, segments[b, 1], n) for a, b, n in found] == expected
