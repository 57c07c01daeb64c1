from __future__ import annotations

import numpy as np
import pytest

from mmsnip.conversion.hygiene import (
    Hygiene,
    clean,
    fill_gaps,
    resample,
    to_metres,
    unit_note,
    unlikely_size,
)
from mmsnip.io.reading import SequenceError


def line(T=13, M=2, V=5):
    """Joints that move at a constant speed, each its own; none is zero."""
    speed = np.arange(1, M * V * 3 + 1).reshape(M, 1, V, 3) / 7
    return 1 + np.arange(T).reshape(1, T, 1, 1) * speed


def entry(keypoint, **more):
    T = keypoint.shape[1]
    return dict(
        frame_dir='clip', total_frames=T, keypoint=keypoint, fps=30.0, **more
    )


@pytest.mark.parametrize(('unit', 'scale'), [('cm', 100), ('mm', 1000)])
def test_lengths_become_metres(unit, scale):
    metres = line().astype(np.float32)

    found = to_metres(metres * scale, unit, 'clip')

    np.testing.assert_allclose(found, metres, rtol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize('unit', ['m', None, 'pixel', 'normalized'])
def test_other_units_stay(unit):
    keypoint = line()

    assert to_metres(keypoint, unit, 'clip') is keypoint


def test_two_dimensions_have_no_unit_of_length():
    with pytest.raises(SequenceError, match="clip: unit 'mm' needs x, y and"):
        to_metres(line()[..., :2], 'mm', 'clip')


def test_what_is_asked_for_goes_before_the_axis_that_the_file_says():
    keypoint = np.full((1, 3, 5, 3), [1.0, 2.0, 3.0])

    found, mended = clean(entry(keypoint), Hygiene(up='z'), up='x')

    np.testing.assert_allclose(found['keypoint'][0, 1, 4], [1, 3, -2])
    assert mended == []


def test_the_unit_that_the_file_says_goes_before_what_is_asked_for():
    keypoint = np.full((1, 3, 5, 3), [1.0, 2.0, 3.0])

    for stated, factor in (('mm', 0.001), ('m', 1), (None, 0.01)):
        found, _ = clean(entry(keypoint), Hygiene(unit='cm'), unit=stated)

        np.testing.assert_allclose(found['keypoint'], keypoint * factor)


@pytest.mark.parametrize(
    ('stated', 'given', 'differ'),
    [('m', 'cm', True), ('pixel', 'm', True), ('mm', 'mm', False)]
    + [(None, 'cm', False), ('cm', None, False)],
)
def test_units_that_differ_are_told(stated, given, differ):
    note = unit_note(stated, given)

    assert (f'unit {given} is of files that state none' in note) is differ
    assert bool(note) is differ


def test_what_the_file_says_is_used():
    keypoint = np.full((1, 3, 5, 3), [1.0, 2.0, 3.0])

    found, _ = clean(entry(keypoint), Hygiene(), unit='mm', up='z')

    np.testing.assert_allclose(
        found['keypoint'][0, 1, 4], [0.001, 0.003, -0.002]
    )


def test_short_gaps_are_filled_exactly_on_a_line():
    keypoint = line()
    lost = keypoint.copy()
    lost[0, 4:7, 2] = 0
    lost[1, 1, 0] = 0

    found, filled, left = fill_gaps(lost, 3)

    np.testing.assert_allclose(found, keypoint)
    assert (filled, left) == (4, 0)
    assert not lost[0, 4:7, 2].any()  # the input is not changed


@pytest.mark.parametrize(
    'frames', [slice(4, 8), slice(0, 2), slice(11, 13)], ids=str
)
def test_long_gaps_and_ends_stay(frames):
    lost = line()
    lost[1, frames, 3] = 0

    found, filled, left = fill_gaps(lost, 3)

    np.testing.assert_array_equal(found, lost)
    assert (filled, left) == (0, frames.stop - frames.start)


def test_no_gap_is_filled_where_none_may_be():
    lost = line()
    lost[1, 5, 3] = 0

    assert fill_gaps(lost, 0)[1:] == (0, 1)


def test_absent_bodies_stay_absent_and_bridge_no_gap():
    lost = line()
    lost[0, 5:7] = 0
    lost[0, 4, 1] = 0  # found before, but the body leaves behind it
    lost[1] = 0

    found, filled, left = fill_gaps(lost, 10)

    np.testing.assert_array_equal(found, lost)
    assert (filled, left) == (0, 1)


def test_a_joint_that_is_always_zero_is_the_origin():
    keypoint = line()
    keypoint[:, :, 0] = 0

    assert fill_gaps(keypoint, 10)[1:] == (0, 0)


def slow_fill(keypoint, max_gap):
    """The documented rule, frame by frame."""
    M, T, V, _ = keypoint.shape
    result = keypoint.copy()
    for m in range(M):
        there = [keypoint[m, t].any() for t in range(T)]
        for v in range(V):
            for t in range(T):
                if keypoint[m, t, v].any() or not there[t]:
                    continue
                a, b = t, t
                while a >= 0 and there[a] and not keypoint[m, a, v].any():
                    a -= 1
                while b < T and there[b] and not keypoint[m, b, v].any():
                    b += 1
                if a < 0 or b >= T or not (there[a] and there[b]):
                    continue
                if b - a - 1 <= max_gap:
                    x, y = keypoint[m, a, v], keypoint[m, b, v]
                    result[m, t, v] = x + (y - x) * (t - a) / (b - a)
    return result


@pytest.mark.parametrize('seed', range(5))
def test_filling_agrees_with_a_loop_over_frames(seed):
    rng = np.random.default_rng(seed)
    keypoint = line(T=29) + rng.normal(0, 0.1, (2, 29, 5, 3))
    keypoint[rng.random((2, 29, 5)) < 0.3] = 0
    keypoint[rng.random((2, 29)) < 0.1] = 0

    found = fill_gaps(keypoint, 2)[0]

    np.testing.assert_allclose(found, slow_fill(keypoint, 2), atol=1e-12)


@pytest.mark.parametrize(('rate', 'T_new'), [(60, 7), (15, 25), (25.0, 15)])
def test_resampling_is_exact_on_a_line(rate, T_new):
    found, _ = resample(entry(line()), rate, 30.0)

    time = np.arange(T_new) * rate / 30
    expected = line(2)[:, :1] + time.reshape(1, -1, 1, 1) * np.diff(
        line(2), axis=1
    )
    np.testing.assert_allclose(found['keypoint'], expected)
    assert found['total_frames'] == T_new
    assert found['fps'] == 30.0


def test_labels_stay_with_their_frames():
    labels = np.array([0, 0, 3, 3, 3, 3, 0, 0, 5, 5, 5, 5, 5])
    annotation = entry(
        line(),
        segments=np.array([[2, 6], [8, 13]]),
        segment_labels=np.array([3, 5]),
    )

    found, dropped = resample(annotation, 30.0, 90.0)

    painted = np.zeros(37)
    for (start, end), label in zip(
        found['segments'], found['segment_labels']
    ):
        painted[start:end] = label
    nearest = [labels[int(k / 3 + 0.5)] for k in range(37)]
    np.testing.assert_array_equal(painted, nearest)
    assert found['segments'].tolist() == [[5, 17], [23, 37]]
    assert dropped == 0


def test_segments_without_a_new_frame_are_counted():
    annotation = entry(
        line(), segments=[[1, 2], [4, 9]], segment_labels=[0, 1]
    )

    found, mended = clean(annotation, Hygiene(fps=10))

    assert found['segments'].tolist() == [[2, 3]]
    assert found['segment_labels'].tolist() == [1]
    assert mended == ['1 segments were dropped, they have no frame at 10 '
                      'frames/s']


def test_resampling_mixes_no_joint_with_a_lost_one():
    keypoint = np.ones((1, 3, 5, 3))
    keypoint[0, 1, 2] = 0

    found, _ = resample(entry(keypoint), 30.0, 75.0)

    joint = found['keypoint'][0, :, 2, 0]
    assert set(joint.tolist()) == {0.0, 1.0}
    assert (found['keypoint'][0, :, 3] == 1).all()


def test_scores_move_with_their_joints():
    score = line()[..., 0] / 10
    found, _ = resample(entry(line(), keypoint_score=score), 60.0, 30.0)

    np.testing.assert_allclose(found['keypoint_score'], score[:, ::2])


def test_the_same_rate_changes_nothing():
    annotation = entry(line())

    assert resample(annotation, 30.0, 30.0)[0]['keypoint'] is (
        annotation['keypoint']
    )


def test_an_unknown_rate_cannot_be_changed():
    annotation = entry(line())
    del annotation['fps']

    with pytest.raises(SequenceError, match='clip states no frame rate'):
        clean(annotation, Hygiene(fps=30.0))
    assert clean(annotation, Hygiene(fps=15.0), fps=30.0)[0]['fps'] == 15.0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(fps=0), 'fps=0 must be a positive'),
        (dict(fps=float('nan')), 'fps=nan'),
        (dict(unit='inch'), "unit='inch' is unknown"),
        (dict(up='w'), "up='w' is no axis"),
        (dict(max_gap=-1), 'max_gap=-1'),
    ],
)
def test_what_is_no_option_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Hygiene(**options)


def test_bodies_in_millimetres_look_too_large():
    body = np.array([[0, 0, 2.0], [0.1, 0.9, 2.1], [0.2, 1.7, 2.0]])
    keypoint = np.tile(body, (1, 13, 1, 1))

    assert unlikely_size(keypoint) == ''
    assert unlikely_size(np.zeros_like(keypoint)) == ''
    assert 'measure 1700' in unlikely_size(keypoint * 1000)
