"""Every file that a tool writes is read, every other one is refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from mmsnip.io.detections import save_detections
from mmsnip.io.scores import save_scores
from mmsnip.report.results import load_results

CLASSES = ['walk', 'sit']


def answer(video='a', frames=30, **changes):
    """What the inferencer says of a video, at 10 frames a second."""
    return {
        'video': video,
        'num_frames': frames,
        'fps': 10.0,
        'detections': [{'label': 'sit', 'segment': [0.5, 1.2], 'score': 0.75}],
        **changes,
    }


def write_json(folder, value, name='r.json'):
    """Path of a file that holds a value."""
    path = folder / name
    path.write_text(json.dumps(value))
    return path


def test_scores_come_with_their_truth(tmp_path):
    scores = {'a': np.full((7, 3), 1 / 3), 'b': np.full((5, 3), 1 / 3)}
    truth = {'a': np.array([[1, 2, 6]]), 'b': np.zeros((0, 3), int)}
    save_scores(
        tmp_path / 'any.name',
        scores,
        CLASSES,
        truth,
        {'a': 25.0},
        dict(protocol='voc'),
    )

    results = load_results(tmp_path / 'any.name')

    assert results.names == ['a', 'b']
    assert results.classes == CLASSES
    assert results.truth['a'].tolist() == [[1, 2, 6]]
    assert results.num_frames == {'a': 7, 'b': 5}
    assert results.fps == {'a': 25.0}
    assert results.settings == dict(protocol='voc')


def test_a_dump_comes_with_its_metrics(tmp_path):
    rows = {'a': np.array([[1, 3, 9, 0.5]]), 'b': np.zeros((0, 4))}
    about = dict(protocol='babel', label_rule='the first')
    save_detections(
        tmp_path / 'd.json', rows, {'runs/mAP': 0.25}, CLASSES, 20.0, about
    )

    results = load_results(tmp_path / 'd.json')

    assert results.found['a'].tolist() == [[1, 3, 9, 0.5]]
    assert results.metrics == {'runs/mAP': 0.25}
    assert results.settings == about
    assert results.fps == {'a': 20.0, 'b': 20.0}
    assert not results.num_frames


@pytest.mark.parametrize('several', [True, False])
def test_an_answer_of_the_inferencer_is_read(tmp_path, several):
    path = write_json(tmp_path, [answer()] if several else answer())

    results = load_results(path)

    assert results.found['a'].tolist() == [[0, 5, 12, 0.75]]
    assert results.classes == ['sit']
    assert results.num_frames == {'a': 30}
    assert 'names no classes' in results.notes[0]


def test_scores_of_an_answer_need_class_names(tmp_path):
    path = write_json(tmp_path, answer(frames=4, scores=[[0.2, 0.3, 0.5]] * 4))

    without, given = load_results(path), load_results(path, CLASSES)

    assert not without.scores
    assert 'nothing names their classes' in without.notes[1]
    assert given.scores['a'].shape == (4, 3)
    assert given.found['a'][0, 0] == 1


def test_a_folder_of_infer_joins_detections_and_scores(tmp_path):
    rows = {'x/a': np.array([[1, 5, 12, 0.75]])}
    about = dict(
        num_frames={'x/a': 30},
        notes={'x/a': ['it was turned']},
        failed={'b': 'b.npy is empty'},
    )
    save_detections(
        tmp_path / 'results.json', rows, None, CLASSES, 10.0, about
    )
    scores = {'x/a': np.full((30, 3), 0.25), 'old': np.full((4, 3), 0.25)}
    save_scores(tmp_path / 'scores.npz', scores, CLASSES)

    results = load_results(tmp_path)

    assert results.names == ['x/a']
    assert results.num_frames == {'x/a': 30}
    assert results.scores['x/a'].shape == (30, 3)
    assert results.notes == ['x/a: it was turned', 'b: b.npy is empty']
    assert not results.settings


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(video=3), "key 'video': .* found int 3"),
        (dict(num_frames=0), "key 'num_frames': .* found int 0"),
        (dict(fps=-1), "key 'fps': .* found int -1"),
        (dict(detections={}), "key 'detections': .* found dict"),
        (
            dict(detections=[{'label': 'sit'}]),
            r"key 'detections\[0\].segment'",
        ),
        (
            dict(detections=[dict(label='s', segment=[2, 1], score=1)]),
            'ends before it starts',
        ),
        (
            dict(scores=[[0.5, 0.5]]),
            r'key .scores.: found .*\(1, 2\).*\(30, num',
        ),
        (dict(scores='no'), r"key 'scores'"),
    ],
)
def test_a_malformed_answer_is_refused_by_key(tmp_path, changes, message):
    path = write_json(tmp_path, answer(**changes))

    with pytest.raises(ValueError, match=message) as error:
        load_results(path)

    assert 'r.json' in str(error.value)


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        ({'metrics': {}}, "key 'video': Field required"),
        ([3], 'entry 0: .* found int 3'),
        ({'results': []}, "'external_data': found no 'classes'"),
        ({'results': {'a': []}}, "'external_data': found no 'classes'"),
        (
            {'results': {}, 'external_data': {'classes': ['a']}},
            "found no 'fps'",
        ),
        (
            {'results': {}, 'external_data': {'classes': 'ab', 'fps': 3}},
            'expected a list of different names',
        ),
        ([answer(), answer()], "key 'video': found 'a' twice"),
    ],
)
def test_other_json_is_refused(tmp_path, value, message):
    path = write_json(tmp_path, value)

    with pytest.raises(ValueError, match=message) as error:
        load_results(path)

    assert 'r.json' in str(error.value)


def test_an_annotation_file_is_sent_to_its_option(tmp_path):
    (tmp_path / 'ann.pkl').write_bytes(pickle.dumps({}, protocol=4))

    with pytest.raises(ValueError, match=r'ann.pkl begins with .* --ann'):
        load_results(tmp_path / 'ann.pkl')


@pytest.mark.parametrize('text', ['{', '{"results": ', '[1,'])
def test_cut_json_is_refused(tmp_path, text):
    (tmp_path / 'cut.json').write_text(text)

    with pytest.raises(ValueError, match=r'cut\.json, line 1'):
        load_results(tmp_path / 'cut.json')
