"""One recording as it is expected: units, axes, gaps, persons, rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmsnip.prepare.fit import (
    Expected,
    Given,
    fill_gaps,
    fit,
    motion_of,
    resample,
)
from mmsnip.prepare.job import Wanted
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.structures import DataError, Recording, Segments
from tests.skeleton.test_orientation import LAYOUT as STICK_LAYOUT
from tests.skeleton.test_orientation import STICK

LAYOUT = SkeletonLayout(
    'five', ('root', 'spine', 'head', 'arm', 'leg'), (-1, 0, 1, 1, 0)
)
BODY = Expected(LAYOUT, of_model=True)


def line(T=13, M=2, V=5, C=3):
    """Joints that move at a constant speed, each its own; none is zero."""
    speed = np.arange(1, M * V * C + 1).reshape(M, 1, V, C) / 700
    walk = 1 + np.arange(T).reshape(1, T, 1, 1) * speed
    return walk.astype(np.float32)


def recording(keypoint, **facts):
    facts = dict(dict(layout=LAYOUT, fps=30.0, source='a.bvh'), **facts)
    return Recording('a', keypoint, **facts)


def told(fitted):
    return ' | '.join(map(str, fitted.notes))


def stick(factor=1.0, T=13, **facts):
    """A person of 1.68 m who stands, y up and left on the left."""
    body = np.tile(STICK + [3.0, 1.0, 2.0], (1, T, 1, 1))
    return recording(factor * body, **{'layout': STICK_LAYOUT, **facts})


METRES = Expected(unit='m', up='y')


# Lengths


@pytest.mark.parametrize(
    ('model', 'file', 'factor'),
    [('m', 'cm', 0.01), ('mm', 'm', 1000), ('cm', 'cm', 1), ('m', 'yard', 1)],
)
def test_lengths_become_those_that_are_expected(model, file, factor):
    fitted = fit(recording(line(), unit=file), replace(BODY, unit=model))

    np.testing.assert_allclose(fitted.keypoint, line() * factor, rtol=1e-6)
    assert fitted.unit == (file if file == 'yard' else model)
    assert fitted.keypoint.dtype == np.float32


def test_what_the_user_says_wins_over_the_file_with_a_note():
    file = stick(100, unit='m', up='z', fps=25.0)

    fitted = fit(file, METRES, Given(unit='cm', up='y', fps=50.0))

    np.testing.assert_allclose(fitted.keypoint, stick().keypoint, rtol=1e-6)
    assert (fitted.unit, fitted.up, fitted.fps) == ('m', 'y', 50.0)
    for said in ('unit is cm', 'up is y', 'frame rate is 50', 'says 25'):
        assert said in told(fitted)
    assert not fitted.look_at


def test_a_scale_makes_metres():
    fitted = fit(stick(20), METRES, Given(scale=0.05))

    np.testing.assert_allclose(fitted.keypoint, stick().keypoint, rtol=1e-5)
    assert fitted.unit == 'm'
    assert not fitted.notes


def test_a_scale_wins_over_a_unit():
    fitted = fit(stick(20), METRES, Given(scale=0.05, unit='cm'))

    np.testing.assert_allclose(fitted.keypoint, stick().keypoint, rtol=1e-5)
    assert told(fitted) == 'unit cm was not applied, scale is stated'


def test_a_unit_of_one_recording_wins_over_a_scale_of_all():
    given = Wanted(METRES, Given(scale=0.3), {'b*': dict(unit='cm')})

    assert given.given_for('a').scale == 0.3
    assert given.given_for('b1').unit == 'cm'
    assert given.given_for('b1').scale is None


@pytest.mark.parametrize(
    ('factor', 'given', 'remedy'),
    [
        (100, {}, '--unit cm'),
        (1000, {}, '--unit mm'),
        (1000, dict(unit='cm'), '--unit mm'),
        (15, {}, '--scale 0.056'),  # 25 units, as of the cgspeed files
        (15, dict(unit='cm'), '--scale 0.056'),
        (15, dict(unit='mm'), '--scale 0.056'),
    ],
)
def test_a_size_that_is_no_persons_is_looked_at(factor, given, remedy):
    fitted = fit(stick(factor), METRES, Given(**given))

    assert remedy in fitted.look_at[0].text
    assert 'mm or cm' not in told(fitted)
    units = [u for u in ('mm', 'cm') if f'--unit {u}' in told(fitted)]
    assert '--scale' not in told(fitted) or not units


def test_a_giant_of_no_unit_is_refused_by_a_model():
    expected = replace(METRES, of_model=True, layout=STICK_LAYOUT)

    with pytest.raises(DataError, match=r'a\.bvh: bodies measure.*--unit cm'):
        fit(stick(100), expected)

    for free in (replace(expected, scale_free=True), BODY):
        file = stick(100)
        free = replace(free, layout=STICK_LAYOUT)
        np.testing.assert_array_equal(fit(file, free).keypoint, file.keypoint)


def test_two_dimensions_have_no_length():
    flat = recording(line(C=2))

    for given in (Given(unit='mm'), Given(scale=2), Given(up='z')):
        with pytest.raises(DataError, match='needs x, y and z'):
            fit(flat, METRES, given)
    told_ = fit(flat, replace(BODY, unit='m'), Given(unit='cm'))
    assert 'unit cm was not applied' in told(told_)
    assert fit(flat, METRES).keypoint.shape == (2, 13, 5, 2)


def test_a_unit_that_a_model_cannot_use_is_told():
    assert 'lengths in mm stay' in told(
        fit(recording(line(), unit='mm'), BODY)
    )
    assert not fit(recording(line(), unit='m'), BODY).notes


# Axes


@pytest.mark.parametrize('model', ['y', 'z', 'x', '-y', '-z', '-x'])
@pytest.mark.parametrize('file', ['y', 'z', '-x'])
def test_the_vertical_becomes_that_of_the_model(model, file):
    axes, height = dict(x=0, y=1, z=2), np.arange(1, 6)
    keypoint = np.zeros((1, 3, 5, 3), np.float32)
    keypoint[..., axes[file[-1]]] = height * (-1 if '-' in file else 1)

    fitted = fit(recording(keypoint), replace(BODY, up=model), Given(up=file))

    expected = np.zeros_like(keypoint)
    expected[..., axes[model[-1]]] = height * (-1 if '-' in model else 1)
    np.testing.assert_array_equal(fitted.keypoint, expected)


def test_turning_never_mirrors():
    keypoint = np.random.default_rng(0).normal(size=(1, 3, 5, 3))

    fitted = fit(recording(keypoint), replace(BODY, up='z'), Given(up='-x'))

    before, after = keypoint[0, 0, :3], fitted.keypoint[0, 0, :3]
    assert np.linalg.det(after) == pytest.approx(np.linalg.det(before), 1e-4)


@pytest.mark.parametrize('of_model', [False, True])
def test_trunks_that_point_elsewhere_are_looked_at(of_model):
    layout = replace(STICK_LAYOUT, shoulders=(3, 2), spine=(0, 1))
    expected = replace(METRES, layout=layout, of_model=of_model)
    lying = stick(layout=layout)
    lying = lying.but(keypoint=lying.keypoint[..., [2, 0, 1]], up='y')

    fitted = fit(lying, expected)

    assert 'trunks point along z' in fitted.look_at[0].text
    remedy = '--up AXIS for this file' if of_model else '--for a up=AXIS'
    assert remedy in fitted.look_at[0].text
    assert not fit(lying, expected, Given(up='z')).look_at


@pytest.mark.parametrize('of_model', [False, True])
@pytest.mark.parametrize('up', ['y', '-z', 'x', None])
def test_a_mirrored_body_is_looked_at_and_mended(of_model, up):
    file = stick()
    turn = dict(y=[0, 1, 2], x=[1, 2, 0]).get(up, [0, 1, 2])
    keypoint = file.keypoint[..., turn]
    if up == '-z':
        keypoint = file.keypoint[..., [0, 2, 1]] * [1, 1, -1]
    file = file.but(keypoint=keypoint, up=up)
    expected = Expected(STICK_LAYOUT, up='y', of_model=of_model)
    mirrored = file.but(keypoint=keypoint * [1, -1, 1])

    assert not fit(file, expected).look_at
    fitted = fit(mirrored, replace(expected, up=None))
    assert 'left joints are on the right' in fitted.look_at[0].text
    assert 'mirror' in fitted.look_at[0].text
    mended = fit(mirrored, expected, Given(mirror=True))
    assert 'left joints' not in told(mended)


# Gaps


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('max_gap', [0, 1, 3])
def test_filling_agrees_with_a_loop_over_frames(seed, max_gap):
    rng = np.random.default_rng(seed)
    keypoint = line(T=29).astype(np.float64) + rng.normal(
        0, 0.1, (2, 29, 5, 3)
    )
    present = rng.random((2, 29, 5)) > 0.3
    present &= rng.random((2, 29, 1)) > 0.1
    keypoint[~present] = 0
    expected = keypoint.copy()
    there = present.any(axis=2)
    for m, t, v in np.argwhere(there[..., None] & ~present):
        a = b = t
        while a >= 0 and there[m, a] and not present[m, a, v]:
            a -= 1
        while b < 29 and there[m, b] and not present[m, b, v]:
            b += 1
        if a < 0 or b >= 29 or not (there[m, a] and there[m, b]):
            continue
        if b - a - 1 <= max_gap:
            x, y = keypoint[m, a, v], keypoint[m, b, v]
            expected[m, t, v] = x + (y - x) * (t - a) / (b - a)

    found, filled = fill_gaps(keypoint, present, max_gap)

    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(found[~filled], keypoint[~filled])


@pytest.mark.parametrize(
    ('max_gap', 'sentences'),
    [
        (10, ['13 positions of lost joints were interpolated']),
        (4, ['4 positions of lost', '9 positions of lost joints stay 0']),
        (0, ['13 positions of lost joints stay 0']),
    ],
)
def test_gaps_are_told_and_looked_at_beyond_five_percent(max_gap, sentences):
    keypoint = line(T=40)
    keypoint[0, 10:14, 3] = keypoint[0, 20:29, 3] = 0

    fitted = fit(recording(keypoint), replace(BODY, max_gap=max_gap))

    assert len(fitted.notes) == len(fitted.look_at) == len(sentences)
    assert all(s in n.text for s, n in zip(sentences, fitted.notes))
    again = fit(fitted.but(notes=()), replace(BODY, max_gap=max_gap))
    np.testing.assert_array_equal(again.keypoint, fitted.keypoint)
    keypoint[0, 11:29, 3] = line(T=40)[0, 11:29, 3]  # 1 frame of 40
    assert not fit(recording(keypoint), BODY).look_at


def test_a_joint_that_is_there_at_the_origin_is_never_lost():
    keypoint = line()
    keypoint[0, 4, 2] = 0
    there = np.ones((2, 13, 5), bool)

    fitted = fit(recording(keypoint, present=there), BODY)

    assert not fitted.notes
    assert fitted.present.all()
    np.testing.assert_allclose(fitted.keypoint, keypoint, atol=2e-6)
    # Who reads the coordinates alone, as a data set, sees it too.
    assert Recording('b', fitted.keypoint).present.all()


# Persons


def test_persons_of_no_motion_are_left_out():
    crowd = np.concatenate([line(M=1)[:, :1].repeat(13, axis=1)] * 4)
    crowd[1:3] += np.arange(13, dtype='f4')[:, None, None]
    crowd[1] /= 2

    fitted = fit(recording(crowd, tracks='abcd'), replace(BODY, persons=2))

    np.testing.assert_array_equal(fitted.keypoint, crowd[[2, 1]])
    assert fitted.tracks == ('c', 'b')
    assert '2 of 4 persons were left out' in fitted.look_at[0].text
    assert len(fit(recording(crowd), BODY).keypoint) == 4
    assert len(fit(recording(crowd), BODY, Given(persons=3)).keypoint) == 3


def test_motion_is_variance_times_the_share_of_frames():
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(2, 13, 5, 3))
    keypoint[1, 3:] = 0

    expected = [
        keypoint[m, :n].var(axis=0).sum(-1).mean() * n / 13
        for m, n in ((0, 13), (1, 3))
    ]

    np.testing.assert_allclose(motion_of(keypoint), expected)


def test_persons_whom_the_model_does_not_read_are_told():
    fitted = fit(recording(line(M=3)), replace(BODY, num_person=2))

    assert 'of whom the model reads 2' in fitted.look_at[0].text
    assert len(fitted.keypoint) == 3


# Channels


def test_scores_are_the_channel_that_a_model_wants():
    expected = replace(BODY, num_channels=3, with_score=True, num_coords=2)
    flat, score = line(C=2), np.full((2, 13, 5), 0.5, np.float32)

    beside = fit(recording(flat, score=score), expected)
    within = fit(
        recording(np.concatenate([flat, score[..., None]], -1)), expected
    )

    np.testing.assert_array_equal(beside.keypoint, within.keypoint)
    np.testing.assert_array_equal(beside.score, within.score)
    with pytest.raises(DataError, match=r'C = 3 \(x, y, score\)'):
        fit(recording(flat), expected)


# Rate


def test_a_rate_that_nobody_knows_is_the_models_or_refused():
    unknown = recording(line(), fps=None)

    fitted = fit(unknown, replace(BODY, fps=15.0))

    assert (fitted.fps, fitted.num_frames) == (15.0, 13)
    assert 'states no frame rate' in told(fitted)
    with pytest.raises(DataError, match='--source-fps'):
        fit(unknown, Expected(LAYOUT, fps=15.0))
    assert fit(unknown, Expected(LAYOUT)).fps is None


def test_a_frame_time_in_milliseconds_is_looked_at():
    fitted = fit(recording(line(), fps=0.03), BODY)

    assert '0.03 frames a second' in fitted.look_at[0].text
    assert '--fps' in fitted.look_at[0].text
    assert not fit(recording(line(), fps=0.03), BODY, Given(fps=30)).look_at


@pytest.mark.parametrize(('rate', 'T_new'), [(60, 7), (15, 25), (25.0, 15)])
def test_resampling_is_exact_on_a_line(rate, T_new):
    found = resample(recording(line(), fps=rate), 30.0)

    time = np.arange(T_new).reshape(1, -1, 1, 1) * rate / 30
    step = line(2)[:, 1:] - line(2)[:, :1]
    np.testing.assert_allclose(
        found.keypoint, line(2)[:, :1] + time * step, rtol=1e-5
    )
    assert (found.num_frames, found.fps) == (T_new, 30.0)


def test_labels_stay_with_their_frames():
    labels = np.array([0, 0, 3, 3, 3, 3, 0, 0, 5, 5, 5, 5, 5])
    segments = Segments.of([[2, 6], [8, 13]], [3, 5], num_frames=13)

    found = resample(recording(line(), segments=segments), 90.0).segments

    nearest = [labels[int(k / 3 + 0.5)] for k in range(37)]
    assert found.frames(0).tolist() == nearest
    assert found.bounds.tolist() == [[5, 17], [23, 37]]


def test_segments_without_a_new_frame_are_looked_at():
    segments = Segments.of([[1, 2], [4, 9]], [0, 1], num_frames=13)

    found = fit(recording(line(), segments=segments), Expected(fps=10.0))

    assert found.segments.bounds.tolist() == [[2, 3]]
    assert found.segments.label.tolist() == [1]
    assert '1 segments were dropped' in found.look_at[0].text


def test_the_rate_of_a_file_takes_no_memory():
    slow = Recording('slow', np.ones((1, 1000, 5, 3)), fps=1e-5)

    with pytest.raises(DataError, match=r'slow states 1e-05 .*source-fps'):
        resample(slow, 30.0)


def test_resampling_mixes_no_joint_with_a_lost_one():
    keypoint = np.ones((1, 3, 5, 3))
    keypoint[0, 1, 2] = 0

    found = resample(recording(keypoint), 75.0)

    assert set(found.keypoint[0, :, 2, 0].tolist()) == {0.0, 1.0}
    assert (found.keypoint[0, :, 3] == 1).all()
    np.testing.assert_array_equal(
        found.present[0, :, 2], found.keypoint[0, :, 2, 0] == 1
    )


def test_scores_move_with_their_joints():
    score = line()[..., 0] / 10

    found = resample(recording(line(), score=score, fps=60.0), 30.0)

    np.testing.assert_allclose(found.score, score[:, ::2])
