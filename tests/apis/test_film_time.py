"""Poses that begin later than their film: whose seconds are whose."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from mmsnip.apis.results_folder import write_all, write_answer
from mmsnip.io.labels.elan import read_elan
from mmsnip.prepare.folder import FolderSource
from mmsnip.skeleton.layout import get_layout
from tests.apis.stand_in import StandIn, localize
from tests.prepare.noted import run

T, HIGH = 90, (30, 60)  # frames of the file in which an ear is high


def write_poses(path, first):
    """AlphaPose's results of the images of a film from a number on."""
    body = np.random.default_rng(0).uniform(2, 40, (17, 3))
    entries = []
    for frame in range(T):
        body[3, 1] = 2.0 if HIGH[0] <= frame < HIGH[1] else 1.0
        entries.append(
            dict(
                image_id=f'{first + frame}.jpg',
                category_id=1,
                keypoints=body.ravel().tolist(),
                score=2.0,
                idx=1,
            )
        )
    path.write_text(json.dumps(entries))
    return path


def find(path, **options):
    infer = StandIn(layout=get_layout('coco'), num_channels=2, num_coords=2)
    return localize(infer, [path], names=[path.stem], **options)[0]


@pytest.mark.parametrize('persons', ['joint', 'each'])
@pytest.mark.parametrize(('first', 'before'), [(300, 300), (1, 0), (0, 0)])
def test_seconds_are_those_of_the_film(tmp_path, first, before, persons):
    result = find(write_poses(tmp_path / 'a.json', first), persons=persons)

    (entry,) = result['detections']
    assert entry['frames'] == list(HIGH)
    assert entry['segment'] == [(before + f) / 30 for f in HIGH]
    assert result.get('first_frame', 0) == before
    told = f'begins with frame {before} of its film, at {before / 30:g} s'
    assert any(told in note for note in result['notes']) is (before > 0)


def test_all_files_say_the_seconds_of_the_film(tmp_path):
    result = find(write_poses(tmp_path / 'a.json', 300))
    out = tmp_path / 'out'

    write_answer(out, result, StandIn.classes)
    write_all(out, [result], StandIn.classes, {})

    document = json.loads((out / 'results.json').read_text())
    assert document['results']['a'][0]['segment'] == [11, 12]
    assert document['external_data']['first_frame'] == {'a': 300}
    with (out / 'a.csv').open() as stream:
        (row,) = csv.DictReader(stream)
    assert (float(row['start_s']), float(row['end_s'])) == (11, 12)
    (video,) = read_elan(out / 'a.eaf', tiers=['action']).videos.values()
    assert video.segments.tolist() == [[11, 12]]


@pytest.mark.parametrize('first', [0, 1, 300])
def test_the_table_labels_the_frames_that_were_found(tmp_path, first):
    path = write_poses(tmp_path / 'a.json', first)
    write_all(tmp_path / 'out', [find(path)], StandIn.classes, {})

    source = FolderSource(
        tmp_path, ['.json'], labels=tmp_path / 'out' / 'results.csv'
    )
    _, data = run(source, tmp_path / 'o.pkl', dict(fps=30))

    (video,) = data['annotations']
    assert video['segments'].tolist() == [list(HIGH)]
