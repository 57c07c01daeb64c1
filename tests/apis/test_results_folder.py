"""Answers as files: JSON, CSV and ELAN say the same, and read back."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from mmsnip.apis.results_folder import write_all, write_answer
from mmsnip.io.detections import load_detections
from mmsnip.io.labels import read_labels
from mmsnip.io.labels.elan import read_elan
from mmsnip.io.labels.table import read_label_table
from mmsnip.report.results import load_results

CLASSES = ['sit', 'stand, then "go"', 'gehen ü']


def answer(video='walk', tracks=(), fps=25.0, scores=None):
    """Two actions a track, or of nobody in particular."""
    spans = [(2, 10, 35, 0.75), (1, 40, 55, 0.5)]
    detections = []
    for place, track in enumerate(tracks or [None]):
        for label, start, end, score in spans:
            start, end = start + place, end + place
            entry = dict(
                label=CLASSES[label],
                segment=[start / fps, end / fps],
                frames=[start, end],
                score=score,
            )
            if track is not None:
                entry['track'] = track
            detections.append(entry)
    result = dict(
        video=video,
        num_frames=60,
        fps=fps,
        detections=detections,
        notes=[],
    )
    if tracks:
        result['tracks'] = list(tracks)
    if scores is not None:
        result['scores'] = scores
    return result


def test_json_is_that_of_activitynet(tmp_path):
    write_answer(tmp_path, answer('a/b'), CLASSES)

    (path,) = tmp_path.glob('a_b-*.json')
    document = json.loads(path.read_text())
    assert document['results'] == {
        'a/b': [
            dict(label=CLASSES[2], segment=[0.4, 1.4], score=0.75),
            dict(label=CLASSES[1], segment=[1.6, 2.2], score=0.5),
        ]
    }
    rows, _ = load_detections(path)
    assert rows['a/b'].tolist() == [[2, 10, 35, 0.75], [1, 40, 55, 0.5]]


def test_the_table_reads_back_as_labels(tmp_path):
    quiet = {**answer('still'), 'detections': []}
    write_all(tmp_path, [answer(), quiet], CLASSES, {})

    found = read_label_table(tmp_path / 'results.csv')

    lines = (tmp_path / 'results.csv').read_text().splitlines()
    assert lines[0] == 'video,track,label,start_s,end_s,score'
    assert found.classes == sorted(CLASSES[1:])
    assert sorted(found.videos) == ['still', 'walk']
    assert lines[1] == 'walk,,gehen ü,0.4,1.4,0.75'


def test_elan_has_a_tier_a_person_and_reads_back(tmp_path):
    write_answer(tmp_path, answer(tracks=['ann', 'bo']), CLASSES)

    path = tmp_path / 'walk.eaf'
    root = ElementTree.parse(path).getroot()
    tiers = [tier.get('TIER_ID') for tier in root.iter('TIER')]
    slots = [int(s.get('TIME_VALUE')) for s in root.iter('TIME_SLOT')]
    assert root.get('FORMAT') == '3.0'
    assert [name for name in tiers if 'score' not in name] == [
        'person ann',
        'person bo',
    ]
    assert slots == sorted(slots)
    assert slots[:2] == [400, 440]
    quiet = answer('quiet', tracks=['ann', 'bo'])
    quiet['detections'] = quiet['detections'][:2]
    write_answer(tmp_path, quiet, CLASSES)
    root = ElementTree.parse(tmp_path / 'quiet.eaf').getroot()
    sizes = {t.get('TIER_ID'): len(t) for t in root.iter('TIER')}
    assert (sizes['person ann'], sizes['person bo']) == (2, 0)
    found = read_elan(path, tiers='person bo').videos['walk']
    assert found.names == [CLASSES[2], CLASSES[1]]
    np.testing.assert_allclose(found.segments, [[0.44, 1.44], [1.64, 2.24]])


def test_the_folder_reads_back_as_labels(tmp_path):
    results = [answer(), answer('run', tracks=['ann', 'bo'])]
    write_all(tmp_path, results, CLASSES, {})
    for result in results:
        write_answer(tmp_path, result, CLASSES)

    found = read_labels(tmp_path)

    assert sorted(found.classes) == sorted(CLASSES[1:])
    assert {name: len(v.names) for name, v in found.videos.items()} == dict(
        walk=2, run=4
    )


def test_tracks_stand_in_json_and_table(tmp_path):
    results = [answer(tracks=['ann', 'bo']), answer('alone')]
    rows = np.full((60, 4), 0.25)
    results[0]['track_scores'] = dict.fromkeys(('ann', 'bo'), rows)

    path = write_all(tmp_path, results, CLASSES, {})

    with np.load(tmp_path / 'scores.npz') as stored:
        assert stored['videos'].tolist() == ['walk/ann', 'walk/bo']

    entries = json.loads(path.read_text())['results']
    assert [e['track'] for e in entries['walk']] == ['ann', 'ann', 'bo', 'bo']
    assert 'track' not in entries['alone'][0]
    lines = (tmp_path / 'results.csv').read_text().splitlines()
    assert lines[3].startswith('walk,bo,gehen ü,0.44,')


def test_the_report_reads_the_folder(tmp_path):
    scores = np.full((60, 4), 0.25)
    noted = {**answer('noted', scores=scores), 'notes': ['no frame rate']}

    write_all(tmp_path, [answer(), noted], CLASSES, {'bad': 'bad.npy is cut'})

    results = load_results(tmp_path)
    assert results.names == ['noted', 'walk']
    assert results.num_frames == {'noted': 60, 'walk': 60}
    assert results.fps == {'noted': 25.0, 'walk': 25.0}
    assert results.scores['noted'].shape == (60, 4)
    assert results.notes == ['noted: no frame rate', 'bad: bad.npy is cut']


def test_the_report_counts_frames_of_the_poses(tmp_path):
    late = answer()
    for entry in late['detections']:
        entry['segment'] = [s + 12 for s in entry['segment']]
    late['first_frame'] = 300
    write_all(tmp_path, [late, answer('early')], CLASSES, {})
    (tmp_path / 'one.json').write_text(json.dumps(late))

    results = load_results(tmp_path)
    alone = load_results(tmp_path / 'one.json', CLASSES)

    rows = [[2, 10, 35, 0.75], [1, 40, 55, 0.5]]
    assert results.found['early'].tolist() == rows
    assert results.found['walk'].tolist() == rows
    assert alone.found['walk'].tolist() == rows
    assert 'first_frame' not in results.settings


def test_a_first_frame_that_is_none_is_refused(tmp_path):
    path = tmp_path / 'one.json'
    path.write_text(json.dumps({**answer(), 'first_frame': -1}))

    with pytest.raises(ValueError, match=r"key 'first_frame': .*int -1"):
        load_results(path, CLASSES)


@pytest.mark.parametrize('fps', [29.97, 1000.0])
def test_all_three_say_the_same_times(tmp_path, fps):
    write_answer(tmp_path, answer(fps=fps), CLASSES)

    root = ElementTree.parse(tmp_path / 'walk.eaf').getroot()
    slots = [int(s.get('TIME_VALUE')) / 1000 for s in root.iter('TIME_SLOT')]
    rows = (tmp_path / 'walk.csv').read_text().splitlines()
    times = np.array(rows[1].split(',')[3:5], float)
    np.testing.assert_allclose(times, np.divide([10, 35], fps), atol=1e-6)
    np.testing.assert_allclose(slots[:2], times, atol=1e-3)


def test_an_elan_file_that_fails_loses_nothing_else(tmp_path, monkeypatch):
    from mmsnip.apis import results_folder

    def refuse(*_, **__):
        raise ValueError('no such letter')

    monkeypatch.setattr(results_folder, 'save_elan', refuse)

    told = write_answer(tmp_path, answer(), CLASSES)

    assert 'walk.eaf was not written' in told
    assert 'no such letter' in told
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        'walk.csv',
        'walk.json',
    ]
