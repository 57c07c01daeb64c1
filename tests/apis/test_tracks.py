"""Persons together, or each on its own while it is there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.inferencer import present_stretches
from tests.apis.stand_in import StandIn, localize, raising
from tests.apis.streaming_models import checkpoint, poses

FPS = 30.0


@pytest.fixture(scope='module')
def infer(tmp_path_factory):
    path = tmp_path_factory.mktemp('tracks') / 'model.pth'
    return SkeletonLocalizationInferencer(checkpoint(path), device='cpu')


@pytest.fixture(scope='module')
def crowd():
    """Three persons of 200 frames: all the time, coming, gone for a while."""
    keypoint = np.concatenate(
        [
            raising(200, (20, 50)),
            raising(200, (120, 160)),
            raising(200, (0, 30), (150, 200)),
        ]
    )
    keypoint[1, :110] = 0
    keypoint[1, 170:] = 0
    keypoint[2, 40:140] = 0
    keypoint[2, 160:163] = 0
    return keypoint


def spans(result, track):
    return [
        entry['frames']
        for entry in result['detections']
        if entry['track'] == track
    ]


def test_each_track_is_told_in_frames_of_the_file(crowd, tmp_path):
    path = tmp_path / 'crowd.npz'
    np.savez(path, keypoint=crowd, fps=FPS, track_ids=['ann', 'bo', 'cy'])

    (found,) = localize(StandIn(), [path], persons='each', batch_size=2)

    assert found['tracks'] == ['ann', 'bo', 'cy']
    assert spans(found, 'ann') == [[20, 50]]
    assert spans(found, 'bo') == [[120, 160]]
    # a short absence: the hand is down, what is around it stays one stretch
    assert spans(found, 'cy') == [[0, 30], [150, 160], [163, 200]]
    for entry in found['detections']:
        seconds = np.divide(entry['frames'], FPS)
        np.testing.assert_allclose(entry['segment'], seconds)


def test_track_scores_have_a_row_a_frame_and_background_while_away(crowd):
    (found,) = localize(StandIn(), [crowd], persons='each', return_scores=True)

    scores = {t: np.array(s) for t, s in found['track_scores'].items()}
    assert sorted(scores) == found['tracks'] == ['0', '1', '2']
    assert all(rows.shape == (200, 3) for rows in scores.values())
    assert (scores['1'][:110] == [0, 0, 1]).all()
    assert (scores['1'][170:] == [0, 0, 1]).all()
    np.testing.assert_allclose(scores['1'][120:160, 1], 0.8)
    assert 'scores' not in found
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize('fps', [15.0, 45.0])
def test_tracks_of_another_rate_keep_their_seconds(crowd, fps):
    (found,) = localize(StandIn(), [crowd], persons='each', fps=fps)

    (span,) = spans(found, '1')
    assert np.divide(span, fps) == pytest.approx(
        [120 / fps, 160 / fps], abs=2 / min(fps, FPS)
    )


def test_together_all_persons_make_one_answer(crowd):
    (found,) = localize(StandIn(), [crowd], return_scores=True)

    assert [entry['frames'] for entry in found['detections']] == [
        [0, 50],
        [120, 160],
        [163, 200],
    ]
    assert np.shape(found['scores']) == (200, 3)
    assert 'tracks' not in found


def test_a_person_who_is_never_there_is_no_track(crowd):
    crowd = np.concatenate([crowd[:1], np.zeros_like(crowd[:1])])

    (found,) = localize(StandIn(), [crowd], persons='each')
    (nobody,) = localize(StandIn(), [crowd[1:]], persons='each')

    assert found['tracks'] == ['0']
    assert nobody['tracks'] == nobody['detections'] == []


def test_each_is_what_a_person_alone_gives(infer):
    keypoint = poses(M=3, T=240)
    keypoint[1:] = 0
    keypoint[1, 50:200] = poses(T=150, M=1, seed=1)[0]
    keypoint[2, 10:90] = poses(T=80, M=1, seed=2)[0]

    found = infer(keypoint, persons='each', return_scores=True)

    for track, start, end in ((0, 0, 240), (1, 50, 200), (2, 10, 90)):
        alone = infer(keypoint[track, start:end], return_scores=True)
        rows = np.array(found['track_scores'][str(track)])[start:end]
        np.testing.assert_allclose(rows, alone['scores'], atol=1e-5)
        own = [d for d in found['detections'] if d['track'] == str(track)]
        assert len(own) == len(alone['detections']) > 0
        for ours, theirs in zip(own, alone['detections']):
            assert ours['label'] == theirs['label']
            assert ours['frames'] == [f + start for f in theirs['frames']]


@pytest.mark.parametrize('M', [1, 3, 5])
@pytest.mark.parametrize('persons', ['joint', 'each'])
def test_any_number_of_persons_passes_a_model_of_two(infer, M, persons):
    found = infer(poses(M=M, T=90), persons=persons, batch_size=2)

    assert found['num_frames'] == 90
    assert ('tracks' in found) == (persons == 'each')


def test_one_person_gives_the_same_both_ways(infer):
    alone = poses(M=1, T=90)

    joint, each = (infer(alone, persons=p) for p in ('joint', 'each'))

    for entry in each['detections']:
        assert entry.pop('track') == '0'
    assert each['detections'] == joint['detections']


def test_each_track_has_a_picture(infer, tmp_path):
    infer(poses(M=2, T=60), persons='each', show_dir=tmp_path, names=['a'])

    assert len(list(tmp_path.glob('a_person_*.png'))) == 2


@pytest.mark.parametrize(
    ('there', 'longest', 'expected'),
    [
        ([0, 0, 0], 1, []),
        ([1, 1, 1], 0, [(0, 3)]),
        ([0, 1, 0, 1, 0, 0, 1], 0, [(1, 2), (3, 4), (6, 7)]),
        ([0, 1, 0, 1, 0, 0, 1], 1, [(1, 4), (6, 7)]),
        ([0, 1, 0, 1, 0, 0, 1, 0], 2, [(1, 7)]),
    ],
)
def test_stretches_are_parted_by_long_gaps_only(there, longest, expected):
    assert present_stretches(np.array(there) > 0, longest) == expected
