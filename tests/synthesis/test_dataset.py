from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import check_annotation, load_annotation
from mmsnip.synthesis.dataset import (
    synthesize_clip,
    synthesize_trimmed,
    synthesize_untrimmed,
    synthesize_video,
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


def test_every_joint_is_before_the_sensor(untrimmed):
    for video in untrimmed['annotations']:
        depth = video['keypoint'][0, :, :, 2]
        assert depth.min() >= 0
        assert depth.max() < 12


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


def test_another_seed_gives_another_clip():
    first, second = (synthesize_clip(seed, 'train', 0) for seed in (0, 1))
    assert first['keypoint'].shape != second['keypoint'].shape or (
        np.abs(first['keypoint'] - second['keypoint']).max() > 0.01
    )


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


def test_no_trimmed_clips_are_no_file(tmp_path):
    command = [sys.executable, str(ROOT / 'tools' / 'synthesize.py')]
    sizes = ['--videos', '2', '--val', '1', '--trimmed', '0']

    subprocess.run([*command, str(tmp_path), *sizes], check=True)

    assert [path.name for path in tmp_path.iterdir()] == ['untrimmed.pkl']
