"""A live stream against the whole video at once, and its refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer, StreamingLocalizer
from mmsnip.apis.streaming import LiveResampler, PoseMemory
from mmsnip.evaluation import run_detections
from mmsnip.prepare.fit import resample
from mmsnip.structures import DataError, Recording
from tests.apis.streaming_models import (
    RECIPE,
    checkpoint,
    feed,
    joined,
    poses,
)


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp('stream') / 'model.pth')


@pytest.fixture
def stream(model):
    return StreamingLocalizer(
        model, device='cpu', look_ahead=12, context=24, hop=8
    )


def whole(path, keypoint, **options):
    infer = SkeletonLocalizationInferencer(path, device='cpu')
    result = infer(keypoint, return_scores=True, **options)
    return np.array(result['scores'])


@pytest.mark.parametrize('smooth', [1, 7])
@pytest.mark.parametrize('neck', [None, 'UShapeFusionNeck', 'UNetFusionNeck'])
def test_scores_are_those_of_one_pass_where_all_that_is_seen_is_known(
    tmp_path, neck, smooth, record_property
):
    path = checkpoint(tmp_path / 'model.pth', neck=neck, smooth=smooth)
    live = StreamingLocalizer(
        path, device='cpu', look_ahead='full', context='full', hop=20
    )
    keypoint = poses(T=480)

    found, _ = joined(feed(live, keypoint, 33))

    expected = whole(path, keypoint)
    assert live.plan.context + live.plan.look_ahead < 480
    assert len(np.unique(expected.argmax(axis=1))) > 1
    record_property('deviation of scores', float(abs(found - expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_stream_fills_no_gap_whatever_the_pieces(stream):
    lost = poses(T=149)
    lost[0, 50:53, 2] = 0

    found, _ = joined(feed(stream, lost, 149))
    stream.reset()
    pieces, _ = joined(feed(stream, lost, 7))

    np.testing.assert_allclose(pieces, found, rtol=0, atol=1e-5)
    assert (stream.expected.max_gap, stream.expected.persons) == (0, None)


@pytest.mark.parametrize('size', [1, 7, 300])
def test_pieces_change_nothing(stream, size):
    keypoint = poses(T=149)
    expected, segments = joined(feed(stream, keypoint, 20))
    stream.reset()

    found, found_segments = joined(feed(stream, keypoint, size))

    np.testing.assert_array_equal(found, expected)
    assert found_segments == segments


def test_a_frame_without_time_and_absent_persons_are_pushed(stream):
    keypoint = poses(M=1, T=61)
    padded = np.concatenate([keypoint, np.zeros_like(keypoint)])
    expected, _ = joined(feed(stream, padded, 1))
    stream.reset()

    updates = [stream.push(frame) for frame in keypoint[0]]
    found, _ = joined([*updates, stream.close()])

    assert stream.num_person == 2
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('T', [1, 19, 20, 21, 150])
def test_segments_are_the_runs_of_all_final_scores(stream, T):
    updates = feed(stream, poses(M=1, T=T), 5)

    scores, segments = joined(updates)

    rows = run_detections(scores)
    assert len(scores) == T
    assert stream.open_segment is None
    assert [s['class_index'] for s in segments] == rows[:, 0].tolist()
    assert [s['frames'] for s in segments] == rows[:, 1:3].tolist()
    np.testing.assert_allclose([s['score'] for s in segments], rows[:, 3])
    for segment in segments:
        assert segment['label'] == stream.classes[segment['class_index']]
        np.testing.assert_allclose(
            segment['segment'], np.array(segment['frames']) / 30
        )


def test_updates_tile_the_video_and_wait_as_long_as_latency_says(stream):
    waits, stop = [], 0
    for newest, frame in enumerate(poses(M=1, T=200)[0]):
        update = stream.push(frame)
        if len(update.scores):
            assert update.first_frame == stop
            stop += len(update.scores)
            waits.append(newest - update.first_frame)

    assert stream.plan.look_ahead == 12
    assert max(waits) == stream.latency.frames == 8 - 1 + 12 + 5 // 2
    assert stream.latency.seconds == stream.latency.frames / 30


def test_open_segment_is_the_last_run_of_the_frames_seen(tmp_path):
    path = checkpoint(tmp_path / 'model.pth', smooth=1)
    stream = StreamingLocalizer(path, device='cpu', look_ahead=0, hop=4)
    assert stream.open_segment is None
    scores = np.zeros((0, 4))
    seen = set()
    for frame in poses(M=1, T=160)[0]:
        scores = np.concatenate([scores, stream.push(frame).scores])
        found = stream.open_segment
        rows = run_detections(scores)
        going_on = len(rows) and rows[-1, 2] == len(scores)
        seen.add(found and found['label'])
        if not going_on:
            assert found is None
        else:
            assert found['frames'] == rows[-1, 1:3].tolist()
            assert found['score'] == pytest.approx(rows[-1, 3])

    assert len(seen) > 1


def test_open_segment_reaches_into_frames_that_are_not_final(stream):
    reached = []
    for frame in poses(M=1, T=100)[0]:
        update = stream.push(frame)
        if len(update.scores) and stream.open_segment:
            stop = update.first_frame + len(update.scores)
            reached.append(stream.open_segment['frames'][1] - stop)

    assert set(reached) == {12 + 5 // 2}


def test_memory_does_not_grow_with_the_stream(model):
    live = StreamingLocalizer(
        model, device='cpu', look_ahead=4, context=8, hop=80, memory=40
    )
    keypoint = poses(T=400)
    sizes = []
    for _ in range(12):
        live.push(keypoint)
        parts = (live._window.memory, live._window._frames)
        parts += (live._window.ahead, live._runs)
        sizes.append(len(pickle.dumps(parts)))

    assert live._window.memory.frames().shape[1] <= 40 + 2
    assert max(sizes[6:]) <= max(sizes[:6])
    assert max(sizes) < keypoint.nbytes


def test_reset_begins_a_new_stream(stream):
    keypoint = poses(M=1, T=99)
    expected, _ = joined(feed(stream, keypoint, 9))
    stream.reset()
    stream.calibrate(3 * poses(M=1, T=50, seed=1))
    stream.push(poses(M=1, T=77, seed=2))
    stream.reset()

    found, _ = joined(feed(stream, keypoint, 9))

    np.testing.assert_array_equal(found, expected)


def test_calibration_tells_what_only_the_whole_video_knows(tmp_path):
    path = checkpoint(
        tmp_path / 'model.pth', normalize=RECIPE, stream=('joint',), smooth=1
    )
    live = StreamingLocalizer(
        path,
        device='cpu',
        look_ahead='full',
        context='full',
        hop=20,
        memory=1248,
    )
    keypoint = poses(M=1, T=1248)
    keypoint[:, 240:] *= 2  # the median size of the body comes late
    expected = whole(path, keypoint)[:60]
    without, _ = joined(feed(live, keypoint[:, :240], 50))
    live.reset()

    live.calibrate(keypoint)
    found, _ = joined(feed(live, keypoint[:, :240], 50))

    far = abs(without[:60] - expected).max()
    near = abs(found[:60] - expected).max()
    assert far > 0.5
    assert near < 0.05


def test_another_frame_rate_gives_segments_in_its_frames(model):
    live = StreamingLocalizer(
        model, device='cpu', look_ahead='full', context='full', fps=60.0
    )
    keypoint = poses(M=1, T=960)
    infer = SkeletonLocalizationInferencer(model, device='cpu')

    _, segments = joined(feed(live, keypoint, 31))

    expected = infer(keypoint, fps=60.0)['detections']
    assert len(segments) == len(expected) > 1
    for found, wanted in zip(segments, expected):
        assert found['label'] == wanted['label']
        assert found['segment'] == pytest.approx(wanted['segment'])
        assert found['score'] == pytest.approx(wanted['score'], abs=1e-4)
        assert found['frames'] == pytest.approx(
            [60 * second for second in wanted['segment']]
        )


def test_a_longer_mean_of_the_heading_reaches_further(tmp_path):
    reach = []
    for seconds in (0.3, 2.0):
        path = checkpoint(
            tmp_path / f'{seconds}.pth',
            'AGCN',
            normalize=RECIPE,
            stream=dict(stream='egocentric', heading_seconds=seconds),
        )
        live = StreamingLocalizer(
            path, device='cpu', context='full', look_ahead='full'
        )
        reach.append(live.latency.frames)
        keypoint = poses(T=192)
        found, _ = joined(feed(live, keypoint, 64))
        np.testing.assert_allclose(found, whole(path, keypoint), atol=1e-5)

    assert abs(reach[1] - reach[0] - (30 - 5)) < 16  # whole strides
    usual = StreamingLocalizer(path, device='cpu')
    assert usual.plan[:3] == (128, 16, 64)


@pytest.mark.parametrize(
    ('frames', 'message'),
    [
        (np.zeros((3, 4, 3)), r'push\(\) at frame 9 has 4 joints'),
        (np.zeros((3, 5, 2)), r'has C = 2 numbers a joint'),
        (np.ones((3, 3, 5, 3)), r'has M = 3 persons.*num_person=2 at most'),
        (np.full((5, 3), np.inf), 'holds infinity'),
        (np.zeros((0, 5, 3)), 'is empty'),
        (np.zeros(5), r'has shape \(5,\)'),
        ('walk.npy', "got 'walk.npy'; expected an array"),
    ],
)
def test_frames_that_do_not_fit_are_refused_and_leave_the_stream(
    stream, frames, message
):
    keypoint = poses(M=1, T=60)
    expected, _ = joined(feed(stream, keypoint, 60))
    stream.reset()
    stream.push(keypoint[:, :9])

    with pytest.raises(DataError, match=message):
        stream.push(frames)

    rest = feed(stream, keypoint[:, 9:], 60)
    np.testing.assert_array_equal(joined(rest)[0], expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(look_ahead=-1), 'look_ahead=-1 must be a whole number'),
        (dict(look_ahead='all'), "look_ahead='all' must be .*'full'"),
        (dict(context=2.5), 'context=2.5 must be a whole number'),
        (dict(hop=0), 'hop=0 must be a whole number of at least 1'),
        (dict(num_person=0), 'num_person=0 must be'),
        (dict(fps=-30), 'fps=-30 must be a positive number'),
        (dict(memory=-1), 'memory=-1 must be'),
    ],
)
def test_options_out_of_range_are_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        StreamingLocalizer(model, device='cpu', **options)


def test_a_closed_or_begun_stream_says_so(stream):
    stream.push(poses(M=1, T=3))
    with pytest.raises(ValueError, match='comes before the first push'):
        stream.calibrate(poses(M=1, T=3))
    stream.close()
    with pytest.raises(ValueError, match='closed; reset'):
        stream.push(poses(M=1, T=3))
    with pytest.raises(ValueError, match='closed; reset'):
        stream.close()


@pytest.mark.parametrize('T', [1, 2, 53])
@pytest.mark.parametrize('step', [0.4, 25 / 30, 1.0, 1.2, 2.0, 7.3])
def test_live_resampling_is_that_of_the_whole_video(step, T):
    rng = np.random.default_rng(1)
    keypoint = rng.normal(size=(2, T, 5, 3)).astype(np.float32)
    keypoint[1, T // 3 : T // 2] = 0
    keypoint[0, T // 4 : T // 3, 2] = 0
    live, found, stop = LiveResampler(step), [], 0

    while stop < T:
        start, stop = stop, min(T, stop + int(rng.integers(1, 7)))
        found.append(live.push(keypoint[:, start:stop]))

    whole = resample(Recording('a', keypoint, fps=30 * step), 30).keypoint
    found = np.concatenate(found, axis=1)
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-5)
    assert live.num_read == T


def test_memory_keeps_first_and_last_poses_and_an_even_sample():
    T = 1000
    keypoint = np.zeros((2, T, 1, 1), np.float32)
    keypoint[0, :, 0, 0] = np.arange(1, T + 1)
    keypoint[1, 300:700, 0, 0] = -np.arange(300, 700)
    memory, empty = PoseMemory(10), PoseMemory(0)
    assert empty.frames() is None

    for start in range(0, T, 3):
        memory.add(keypoint[:, start : start + 3])
    empty.add(keypoint)

    found = memory.frames()[..., 0, 0]
    assert found[:, 0].tolist() == [1, -300]
    assert found[:, -1].tolist() == [1000, -699]
    assert np.unique(np.diff(found[0, 1:-1])).tolist() == [128]
    assert 5 <= found.shape[1] - 2 <= 10
    assert empty.frames()[0, :, 0, 0].tolist() == [1, 1000]
