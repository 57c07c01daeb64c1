"""Files of any frame rate: times are those of the file."""

from __future__ import annotations

import numpy as np
import pytest

from tests.apis.stand_in import NAMES, StandIn, localize, raising


def at_rate(fps, start_s, end_s, length_s):
    T, start, end = (round(s * fps) for s in (length_s, start_s, end_s))
    return raising(T, (start, end)), T, start / fps, end / fps


@pytest.mark.parametrize('fps', [7.5, 15.0, 25.0, 29.97, 50.0, 60.0, 120.0])
def test_a_step_stays_at_its_second(fps):
    keypoint, T, start_s, end_s = at_rate(fps, 2.0, 3.2, 5.0)

    (found,) = localize(StandIn(), [keypoint], fps=fps, return_scores=True)

    frame_s = max(1 / fps, 1 / 30)
    (entry,) = found['detections']
    assert (found['num_frames'], found['fps']) == (T, fps)
    assert entry['label'] == 'high'
    assert entry['segment'] == pytest.approx([start_s, end_s], abs=frame_s)
    scores = np.array(found['scores'])
    assert scores.shape == (T, 3)
    inside = np.flatnonzero(scores.argmax(axis=1) == 1) / fps
    assert inside[0] == pytest.approx(start_s, abs=frame_s)
    assert inside[-1] + 1 / fps == pytest.approx(end_s, abs=frame_s)


@pytest.mark.parametrize('fps', [30.0, 60.0, 90.0])
def test_whole_multiples_of_the_rate_keep_steps_exactly(fps):
    keypoint, _, start_s, end_s = at_rate(fps, 2.0, 3.2, 5.0)

    (found,) = localize(StandIn(), [keypoint], fps=fps)

    (entry,) = found['detections']
    assert entry['segment'] == pytest.approx([start_s, end_s])
    assert entry['frames'] == [round(start_s * fps), round(end_s * fps)]


@pytest.mark.parametrize('fps', [11.0, 29.97, 31.0, 48.0, 1000.0])
@pytest.mark.parametrize('T', [1, 2, 3, 17])
def test_frames_are_whole_ones_of_the_file_next_to_the_seconds(fps, T):
    (found,) = localize(StandIn(), [raising(T, (0, T))], fps=fps)

    (entry,) = found['detections']
    start, end = entry['frames']
    assert 0 <= start < end <= T
    assert entry['segment'] == pytest.approx([0, T / fps])
    assert (start, end) == (0, T)


@pytest.mark.parametrize('model_fps', [15.0, 30.0, 50.0])
def test_the_model_sees_its_own_rate(model_fps):
    model = StandIn(fps=model_fps)
    keypoint, _, start_s, end_s = at_rate(60.0, 1.0, 2.0, 3.0)

    (found,) = localize(model, [keypoint], fps=60.0)

    (entry,) = found['detections']
    bound = 1 / model_fps
    assert entry['segment'] == pytest.approx([start_s, end_s], abs=bound)


def test_seconds_of_a_table_are_those_of_its_clock(tmp_path):
    path = tmp_path / 'a.csv'
    kept = np.r_[:150, 240:450]  # 3 s are lost
    keypoint = raising(450, (300, 360))[0, kept].reshape(len(kept), -1)
    header = [f'{name}_{axis}' for name in NAMES for axis in 'xyz']
    table = np.column_stack([kept / 30, keypoint])
    np.savetxt(
        *(path, table, '%.3f', ','),
        header=','.join(['time_s', *header]),
        comments='',
    )

    (found,) = localize(StandIn(), [path])

    (entry,) = found['detections']
    assert entry['segment'] == pytest.approx([10, 12])
    assert found['num_frames'] == 450


def test_a_file_without_a_rate_is_taken_for_the_models_and_says_so(tmp_path):
    np.save(tmp_path / 'a.npy', raising(60))

    file, array = localize(StandIn(25.0), [tmp_path / 'a.npy', raising(60)])

    assert file['fps'] == array['fps'] == 25.0
    assert 'taken for 25 frames/s' in file['notes'][0]
    assert array['notes'] == []


def test_a_bad_input_stops_no_other():
    model, wrong = StandIn(), {}
    good = raising(30, (5, 9))
    inputs = [good, good[:, :, :4], 1000 * good, good + np.inf, good]

    found = localize(model, inputs, wrong.__setitem__, batch_size=3)

    assert [one['video'] for one in found] == ['sequence_0', 'sequence_4']
    assert all(len(one['detections']) == 1 for one in found)
    assert sorted(wrong) == [1, 2, 3]
    assert 'a giant' in str(wrong[2])
    assert 'has 4 joints' in str(wrong[1])


def test_a_bad_input_raises_where_nobody_takes_it():
    with pytest.raises(ValueError, match='sequence_1: a giant'):
        localize(StandIn(), [raising(9), 1000 * raising(9)], batch_size=2)


def test_so_many_inputs_pass_at_once_as_asked():
    model = StandIn()

    found = localize(model, [raising(T) for T in range(5, 10)], batch_size=2)

    assert [len(shapes) for shapes in model.seen] == [2, 2, 1]
    assert [one['num_frames'] for one in found] == [5, 6, 7, 8, 9]
