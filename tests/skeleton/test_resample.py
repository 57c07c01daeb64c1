from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.resample import (
    compose_maps,
    map_segments,
    mirror_crop_map,
    paint_segments,
    reverse_map,
    stretch_map,
    take_frames,
    take_joints,
    tempo_map,
    window_map,
)


@pytest.mark.parametrize('T', [1, 2, 13])
def test_maps_of_any_length_stay_inside(T):
    for frames in (
        mirror_crop_map(T, T, 0),
        mirror_crop_map(T, T, 2 * T),
        stretch_map(T, 5),
        stretch_map(T, 1),
        tempo_map(T, 2.5),
        tempo_map(T, 0.3, 4),
        reverse_map(T),
    ):
        assert len(frames) >= 1
        assert frames.min() >= 0
        assert frames.max() <= T - 1


def test_interpolation_is_exact_on_a_line():
    x = np.arange(13.0)[None, :, None, None] * np.ones((2, 1, 5, 3))
    frames = stretch_map(13, 29, 2, 7)
    taken, mask = take_frames(x, np.ones((2, 13), bool), frames)
    np.testing.assert_allclose(taken[1, :, 4, 2], frames)
    assert mask.all()


def test_interpolation_never_mixes_with_an_absent_body():
    x = np.ones((1, 3, 5, 3))
    x[0, 1] = 0
    present = np.array([[True, False, True]])
    taken, mask = take_frames(x, present, np.array([0.4, 0.6, 1.5]))
    assert taken[0, :, 0, 0].tolist() == [1, 0, 1]
    assert mask.tolist() == [[True, False, True]]


def test_a_joint_never_mixes_with_a_lost_one():
    x = np.arange(1.0, 5)[None, :, None, None] * np.ones((2, 1, 5, 3))
    x[1, 2, 4] = 0
    found = (x != 0).any(axis=-1)
    frames = np.array([0.5, 1.4, 1.6, -1])

    taken = take_joints(x, found, frames)

    assert taken[1, :, 4, 0].tolist() == [1.5, 2, 0, 0]
    np.testing.assert_allclose(taken[1, :, 3, 0], [1.5, 2.4, 2.6, 0])
    rest, _ = take_frames(x, found.any(axis=-1), frames)
    np.testing.assert_array_equal(taken[0], rest[0])


def test_padding_is_zero_and_absent():
    x = np.ones((2, 3, 5, 3))
    frames = window_map(3, 5, pad=True)
    taken, mask = take_frames(x, np.ones((2, 3), bool), frames)
    assert not taken[:, 3:].any()
    assert mask.sum(axis=1).tolist() == [3, 3]


def test_a_segment_at_a_mirrored_end_becomes_longer_or_two():
    segments = np.array([[0, 2], [2, 4]])
    mapped, which = map_segments(segments, mirror_crop_map(6, 3, 0))
    assert mapped.tolist() == [[1, 5], [0, 1], [5, 6]]
    assert which.tolist() == [0, 1, 1]


def test_segments_map_like_the_labels_of_frames():
    rng = np.random.default_rng(0)
    segments = np.array([[1, 4], [4, 9], [11, 13]])
    names = np.array([2, 0, 1])
    labels = paint_segments(segments, names, 13, 3)
    for _ in range(50):
        frames = rng.uniform(-0.4, 12.4, size=rng.integers(1, 20)).clip(0, 12)
        mapped, which = map_segments(segments, frames)
        painted = paint_segments(mapped, names[which], len(frames), 3)
        expected = labels[np.floor(frames + 0.5).astype(int)]
        np.testing.assert_array_equal(painted, expected)


def test_composed_maps_take_the_frames_of_both_steps():
    x = np.random.default_rng(0).normal(size=(1, 13, 5, 3))
    mask = np.ones((1, 13), bool)
    first, second = tempo_map(13, 2), reverse_map(7)
    once, _ = take_frames(x, mask, compose_maps(first, second))
    step, step_mask = take_frames(x, mask, first)
    twice, _ = take_frames(step, step_mask, second)
    np.testing.assert_array_equal(once, twice)
    assert compose_maps(first, second).dtype == np.int64


def test_composed_maps_keep_padding():
    outer = np.array([4, 5, -1])
    assert compose_maps(outer, np.array([0, 2, -1])).tolist() == [4, -1, -1]
    composed = compose_maps(outer, np.array([0.5, 1.2, 1.8]))
    assert composed.tolist() == [4.5, 5, -1]


def test_later_start_wins_then_the_shorter_then_the_lower_label():
    segments = np.array([[0, 9], [2, 8], [2, 4], [2, 4]])
    labels = paint_segments(segments, np.array([0, 1, 2, 3]), 10, 7)
    assert labels.tolist() == [0, 0, 2, 2, 1, 1, 1, 1, 0, 7]


def test_mirror_crop_is_a_slice_of_the_padded_frames():
    T, padding = 13, 4
    frames = list(range(T))
    padded = [*frames[:padding][::-1], *frames, *frames[-padding:][::-1]]
    for start in range(2 * padding + 1):
        found = mirror_crop_map(T, padding, start).tolist()
        assert found == padded[start : start + T]


@pytest.mark.parametrize('contiguous', [True, False])
def test_whole_and_fractional_maps_take_the_same_frames(contiguous):
    x = np.random.default_rng(0).normal(size=(2, 13, 5, 3))
    x = x if contiguous else x[:, :, ::-1]
    mask = np.random.default_rng(1).random((2, 13)) < 0.7
    whole = np.array([3, 3, 0, -1, 12, 7, -1])
    taken, there = take_frames(x, mask, whole)
    expected, expected_mask = take_frames(x, mask, whole.astype(float))
    np.testing.assert_array_equal(taken, expected)
    np.testing.assert_array_equal(there, expected_mask)
    outer = np.array([5, 6, 7, -1, 9, 10, 11, 12, 13, 14, 15, 16, 17])
    composed = compose_maps(outer, whole)
    assert composed.dtype == outer.dtype
    np.testing.assert_array_equal(
        composed, compose_maps(outer, whole.astype(float))
    )


def test_segments_follow_a_map_frame_by_frame():
    segments = np.array([[2, 5], [4, 9], [0, 13], [7, 7], [12, 13]])
    frame_map = np.array([4, 3, 2, 2, 3, 8, 8, -1, 12, 12, 0])
    found, which = map_segments(segments, frame_map)
    expected = []
    for index, (start, end) in enumerate(segments):
        inside = [0, *((start <= f < end) for f in frame_map), 0]
        steps = np.diff(inside)
        for a, b in zip(
            np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        ):
            expected.append((index, a, b))
    assert [(w, *s) for w, s in zip(which, found.tolist())] == expected
    nothing, of_none = map_segments(np.zeros((0, 2), int), frame_map)
    assert nothing.shape == (0, 2)
    assert not len(of_none)
