from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.io.detections import load_detections, save_detections

CLASSES = ['walk', 'stand up']
FOUND = {
    'b': np.array([[1, 2, 9, 0.125], [0, 11, 12, -0.25]]),
    'a/1': np.zeros((0, 4)),
}


def test_detections_and_metrics_come_back(tmp_path):
    path = tmp_path / 'new' / 'out.json'
    metrics = {'mAP': 0.5, 'AP@0.50/walk': float('nan')}  # null in JSON

    save_detections(path, FOUND, metrics, CLASSES, {'b': 29.97, 'a/1': 30})

    found, read = load_detections(path)
    assert list(found) == list(FOUND)
    np.testing.assert_array_equal(found['b'], FOUND['b'])
    assert found['a/1'].shape == (0, 4)
    np.testing.assert_equal(read, metrics)


def test_file_has_the_layout_of_the_contract(tmp_path):
    path = tmp_path / 'out.json'

    metrics = {'mAP': np.float32(0.5), 'b': -np.inf}
    about = dict(protocol='babel', label_rule='late start', classes='no')
    save_detections(path, FOUND, metrics, CLASSES, 10, about)

    def refuse(name):
        raise AssertionError(name)

    document = json.loads(path.read_text(), parse_constant=refuse)
    extra = document['external_data']
    assert (extra['label_rule'], extra['classes']) == ('late start', CLASSES)
    assert document['metrics'] == {'mAP': 0.5, 'b': None}
    assert document['results'] == {
        'b': [
            {'label': 'stand up', 'segment': [0.2, 0.9], 'score': 0.125},
            {'label': 'walk', 'segment': [1.1, 1.2], 'score': -0.25},
        ],
        'a/1': [],
    }


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'out.json'
    save_detections(path, FOUND, None, CLASSES, 30)
    before = path.read_bytes()

    with pytest.raises(ValueError, match=r"video 'c', row 0 is \[2\.0"):
        save_detections(path, {'c': [[2, 0, 1, 1]]}, None, CLASSES, 30)

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ['out.json']


@pytest.mark.parametrize(
    ('rows', 'fps', 'message'),
    [
        ([[0, 0, 1, np.nan]], 30, "video 'v', row 0 is .*finite"),
        ([[0, 0, 1]], 30, r"video 'v' have shape \(1, 3\)"),
        ([[0.5, 0, 1, 1]], 30, "video 'v', row 0 is"),
        ([[0, 0, 1, 1]], {'w': 30}, "no entry for video 'v'"),
        ([[0, 0, 1, 1]], {'v': 0}, "video 'v': fps=0"),
    ],
)
def test_save_refuses_and_names_the_video(tmp_path, rows, fps, message):
    with pytest.raises(ValueError, match=message):
        save_detections(tmp_path / 'x', {'v': rows}, None, CLASSES, fps)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('not json', 'line 1: '),
        ('[1]', "lacks the key 'results'"),
        ('{"results": {}}', 'says nothing about classes'),
        (
            '{"results": {"v": [{"label": "fly", "segment": [0, 1], '
            '"score": 1}]}, "external_data": {"classes": ["a"], "fps": 30}}',
            "video 'v', entry 0: found .*'fly'",
        ),
        (
            '{"results": {"v": [{"label": "a", "segment": [0]}]}, '
            '"external_data": {"classes": ["a"], "fps": 30}}',
            "video 'v', entry 0 is",
        ),
    ],
)
def test_load_refuses_and_names_the_file(tmp_path, text, message):
    path = tmp_path / 'odd.json'
    path.write_text(text)

    with pytest.raises(ValueError, match=rf'odd\.json.*{message}'):
        load_detections(path)


def test_load_takes_classes_and_frame_rate_of_a_foreign_file(tmp_path):
    path = tmp_path / 'foreign.json'
    entry = {'label': 'sit', 'segment': [0.5, 2.0], 'score': 0.75}
    path.write_text(json.dumps({'results': {'v': [entry]}}))

    found, metrics = load_detections(path, classes=['run', 'sit'], fps=20)

    assert found['v'].tolist() == [[1, 10, 40, 0.75]]
    assert metrics == {}


def test_tracks_name_the_person_of_each_detection(tmp_path):
    rows = {'a': np.array([[0, 1, 4, 0.5], [1, 2, 5, 0.25]]), 'b': []}
    path = tmp_path / 'd.json'

    save_detections(
        path, rows, None, ['x', 'y'], 10.0, tracks=dict(a=['ann', 'bo'])
    )

    entries = json.loads(path.read_text())['results']['a']
    assert [entry['track'] for entry in entries] == ['ann', 'bo']
    assert load_detections(path)[0]['a'].tolist() == rows['a'].tolist()
    with pytest.raises(ValueError, match="'a' has 2 detections and 1 tracks"):
        save_detections(
            path, rows, None, ['x', 'y'], 10.0, tracks=dict(a=['ann'])
        )
