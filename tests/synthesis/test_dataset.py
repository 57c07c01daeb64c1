from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import check_annotation, load_annotation
from mmsnip.synthesis.body import (
    PARAMETERS,
    forward_kinematics,
    sample_body,
)
from mmsnip.synthesis.dataset import (
    Camera,
    add_noise,
    sample_camera,
    synthesize_trimmed,
    synthesize_untrimmed,
    synthesize_video,
    to_sensor,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def untrimmed():
    return synthesize_untrimmed(13, 12, seed=3, frames=(200, 290))


@pytest.fixture(scope='module')
def trimmed():
    return synthesize_trimmed(25, 12, seed=3)


def test_both_sets_pass_the_schema_check(untrimmed, trimmed):
    assert check_annotation(untrimmed) == []
    assert check_annotation(trimmed) == []


def test_arrays_are_finite_and_of_the_contract_shapes(untrimmed, trimmed):
    for video in untrimmed['annotations'] + trimmed['annotations']:
        keypoint = video['keypoint']
        assert keypoint.shape == (2, video['total_frames'], 25, 3)
        assert keypoint.dtype == np.float32
        assert np.isfinite(keypoint).all()
    lengths = [video['total_frames'] for video in untrimmed['annotations']]
    assert min(lengths) >= 200
    assert max(lengths) <= 290


def test_every_class_is_in_train_and_val(untrimmed, trimmed):
    classes = set(range(len(untrimmed['metainfo']['classes'])))
    for data in (untrimmed, trimmed):
        for names in data['split'].values():
            seen = set()
            for video in data['annotations']:
                if video['frame_dir'] in names:
                    labels = video.get('segment_labels', video.get('label'))
                    seen |= set(np.atleast_1d(labels).tolist())
            assert seen == classes


def test_second_person_is_absent_in_some_and_present_in_others(untrimmed):
    second = [video['keypoint'][1].any() for video in untrimmed['annotations']]
    assert any(second)
    assert not all(second)


def test_some_frames_of_the_first_person_are_lost(untrimmed):
    seen = [v['keypoint'][0].any((1, 2)) for v in untrimmed['annotations']]
    assert any(not frames.all() for frames in seen)
    assert all(frames.mean() > 0.8 for frames in seen)


def test_at_least_a_third_of_the_frames_is_background(untrimmed):
    frames = sum(video['total_frames'] for video in untrimmed['annotations'])
    labelled = sum(
        int(np.diff(video['segments']).sum())
        for video in untrimmed['annotations']
    )
    assert labelled / frames < 0.65


def test_a_video_is_the_same_alone_and_within_a_larger_set(untrimmed):
    alone = synthesize_video(3, 'train', 7, frames=(200, 290))
    among = untrimmed['annotations'][7]
    assert alone['frame_dir'] == among['frame_dir']
    np.testing.assert_array_equal(alone['keypoint'], among['keypoint'])
    np.testing.assert_array_equal(alone['segments'], among['segments'])


def test_too_short_videos_are_refused():
    with pytest.raises(ValueError, match='at least 60 frames'):
        synthesize_untrimmed(1, 1, frames=(13, 100))


def test_tool_writes_files_that_load_as_plain_pickles(tmp_path):
    command = [
        sys.executable,
        str(ROOT / 'tools' / 'synthesize.py'),
        str(tmp_path),
        *('--videos', '2', '--val', '1', '--trimmed', '5'),
        *('--frames', '70', '110', '--seed', '4'),
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '2 videos' in done.stdout
    untrimmed = load_annotation(tmp_path / 'untrimmed.pkl')
    trimmed = load_annotation(tmp_path / 'trimmed.pkl')
    assert [len(v) for v in untrimmed['split'].values()] == [2, 1]
    assert [len(v) for v in trimmed['split'].values()] == [4, 1]


def standing(T: int = 13) -> np.ndarray:
    body = sample_body(np.random.default_rng(0))
    return forward_kinematics(body, np.zeros((T, len(PARAMETERS))))


def test_sensor_keeps_distances():
    joints = standing()
    camera = sample_camera(np.random.default_rng(1), 'val')
    seen = to_sensor(joints, camera)
    np.testing.assert_allclose(
        np.linalg.norm(seen[:, 3] - seen[:, 19], axis=-1),
        np.linalg.norm(joints[:, 3] - joints[:, 19], axis=-1),
    )


def test_person_facing_the_sensor_has_the_left_side_at_negative_x():
    seen = to_sensor(standing(), Camera(0, 0, 0, 1.0, 2.5))
    assert seen[0, 4, 0] < seen[0, 8, 0]
    assert seen[0, 3, 1] > seen[0, 0, 1]
    np.testing.assert_allclose(seen[0, 0, [0, 2]], [0, 2.5], atol=1e-9)
    # The toes of a person who faces the sensor are nearer than the ankles.
    assert seen[0, 15, 2] < seen[0, 14, 2]


def test_viewpoints_of_val_never_occur_in_train():
    for seed in range(40):
        train = sample_camera(np.random.default_rng(seed), 'train')
        val = sample_camera(np.random.default_rng(seed), 'val')
        assert abs(train.azimuth) < 50 < abs(val.azimuth)
        assert train.pitch < 12 < val.pitch


def test_noise_is_correlated_in_time_and_millimetres_large():
    still = np.zeros((600, 25, 3))
    noise = add_noise(np.random.default_rng(2), still, strength=1.0)
    assert 0.004 < np.median(np.abs(noise)) < 0.02
    trunk = noise[:, 1, 0]
    assert np.corrcoef(trunk[1:], trunk[:-1])[0, 1] > 0.3
