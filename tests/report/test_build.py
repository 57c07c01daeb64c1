"""From files to the data of the page."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation, save_annotation
from mmsnip.io.detections import save_detections
from mmsnip.io.scores import load_scored_videos, save_scores
from mmsnip.io.store_writer import write_store
from mmsnip.report import build_report
from tests.report.made import unpack_poses, write_case


@pytest.fixture(scope='module')
def case(tmp_path_factory):
    """Annotation file and scores of three synthetic videos."""
    return write_case(tmp_path_factory.mktemp('case'))


def build(tmp_path, results, ann=None, **options):
    """Data of the page, its blobs and what was made."""
    out = tmp_path / 'deep' / 'r.html'
    made = build_report(results, ann, out, **options)
    page = out.read_text(encoding='utf-8')
    found = re.search(r'id="data">(.*?)</script>', page, re.S)[1]
    blobs = dict(
        re.findall(r'<script type="text/plain" id="([\w-]+)">(.*?)<', page)
    )
    return json.loads(found), blobs, made


def test_scores_with_annotations_give_everything(case, tmp_path):
    ann, scores = case

    data, blobs, made = build(tmp_path, scores, ann)

    assert len(data['videos']) == made['videos'] == made['skeletons'] == 3
    errors = [video['error'] for video in data['videos']]
    assert errors == sorted(errors, reverse=True)
    accuracy = {row[0]: row[2] for row in data['metrics']['frames']}
    frames = np.array([video['frames'] for video in data['videos']])
    wrong = (np.array(errors) * frames).sum() / frames.sum()
    assert accuracy['frame_accuracy'] == pytest.approx(1 - wrong, abs=1e-3)
    assert len(blobs) == 6
    ious = [table['ious'] for table in data['metrics']['proposals']]
    assert ious == [['0.50'], ['0.10', '0.30', '0.50', '0.70']]


def test_skeletons_are_those_of_the_file(case, tmp_path):
    ann, scores = case

    data, blobs, _ = build(tmp_path, scores, ann)

    for place, video in enumerate(data['videos']):
        poses = dict(video['poses'], data=blobs[f'poses-{place}'])
        joints, mask = unpack_poses(poses)
        entry = next(
            v
            for v in load_annotation(ann)['annotations']
            if v['frame_dir'] == video['name']
        )
        seen = (entry['keypoint'] != 0).any((1, 2, 3))
        kept = entry['keypoint'][seen, ::2]
        # a turn of the camera changes no distance
        found, true = (
            np.linalg.norm(each - each[:, :, :1], axis=3)
            for each in (joints, kept)
        )
        error = np.abs(found - true)[mask].max()
        assert poses['stride'] == 2
        assert error <= np.sqrt(3) * poses['step']


def test_a_store_gives_the_same_page(case, tmp_path):
    ann, scores = case
    store = tmp_path / 'ann.safetensors'
    data = load_annotation(ann)
    write_store(store, data['annotations'], data['metainfo'], data['split'])

    of_pickle, blobs, _ = build(tmp_path, scores, ann)
    of_store, same, _ = build(tmp_path, scores, store)

    of_pickle.pop('annotations'), of_store.pop('annotations')
    assert of_store == of_pickle
    assert same == blobs


def test_a_dump_without_annotations_shows_predictions_only(case, tmp_path):
    rows = {'a': np.array([[1, 3, 90.5, 0.5], [0, 9, 40, 0.2]])}
    save_detections(
        tmp_path / 'd.json', rows, {'runs/mAP@0.50': 0.25}, ['u', 'v'], 30.0
    )

    data, blobs, made = build(
        tmp_path, tmp_path / 'd.json', score_threshold=0.3
    )

    (video,) = data['videos']
    assert video['found'] == [[1, 3, 90.5, 0.5, '', -1]]
    assert video['truth'] is video['error'] is None
    assert video['frames'] == 91
    assert not blobs
    assert data['metrics']['proposals'][0]['maps'] == [0.25]
    assert any('length of 1 videos is not known' in n for n in made['notes'])
    assert any('no skeletons' in note for note in made['notes'])


def test_recordings_are_found_by_the_name_of_the_video(case, tmp_path):
    entry = load_annotation(case[0])['annotations'][0]
    (tmp_path / 'raw' / 'day').mkdir(parents=True)
    np.save(tmp_path / 'raw' / 'day' / 'take.npy', entry['keypoint'])
    answer = dict(
        video='day/take',
        num_frames=entry['total_frames'],
        fps=30.0,
        detections=[dict(label='walk', segment=[0, 1], score=0.5)],
    )
    (tmp_path / 'a.json').write_text(json.dumps(answer))

    with_them = build(
        tmp_path, tmp_path / 'a.json', recordings=tmp_path / 'raw'
    )
    without = build(tmp_path, tmp_path / 'a.json')

    assert with_them[2]['skeletons'] == 1
    assert without[2]['skeletons'] == 0


OUTSIDE = ['{}/secret', '{}/secret.npy', '../secret', 'day/../../secret']


@pytest.mark.parametrize('name', [*OUTSIDE, '..\\secret', 'C:secret', ''])
def test_a_foreign_name_leads_to_no_file_outside_the_folder(
    case, tmp_path, monkeypatch, name
):
    entry = load_annotation(case[0])['annotations'][0]
    np.save(tmp_path / 'secret.npy', entry['keypoint'])
    (tmp_path / 'raw' / 'day').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'raw')
    answer = dict(
        video=name.format(tmp_path),
        num_frames=entry['total_frames'],
        fps=30.0,
        detections=[],
    )
    path = tmp_path / 'a.json'
    path.write_text(json.dumps([answer, {**answer, 'video': 'secret'}]))

    with pytest.raises(ValueError, match=r'cannot name|non-empty'):
        build(tmp_path, path, recordings=tmp_path / 'raw')
    if name:
        _, blobs, made = build(tmp_path, path)  # not looked for at all
        assert made['skeletons'] == 0
        assert not blobs


def test_a_foreign_length_takes_no_memory(tmp_path):
    answer = dict(video='a', num_frames=10**12, fps=30.0, detections=[])
    far = dict(label='walk', segment=[0, 1e15], score=0.5)
    spoken = dict(results=dict(a=[far]))
    spoken['external_data'] = dict(classes=['walk'], fps=30.0)
    for document in (answer, spoken):
        (tmp_path / 'a.json').write_text(json.dumps(document))
        with pytest.raises(ValueError, match=r"a\.json: with video 'a'"):
            build(tmp_path, tmp_path / 'a.json')


def test_a_deep_document_is_refused_by_name(tmp_path):
    (tmp_path / 'a.json').write_text('[' * 200_000)

    with pytest.raises(ValueError, match=r'a\.json is no JSON'):
        build(tmp_path, tmp_path / 'a.json')


def test_the_size_of_skeletons_has_a_limit_that_is_told(case, tmp_path):
    ann, scores = case
    _, blobs, made = build(tmp_path, scores, ann)
    full = sum(len(t) for key, t in blobs.items() if key[0] == 'p')

    _, blobs, made = build(tmp_path, scores, ann, skeleton_mb=full / 1.5e6)

    used = sum(len(t) for key, t in blobs.items() if key[0] == 'p')
    assert used <= full / 1.5
    assert any('2 times coarser' in note for note in made['notes'])
    assert any('7.5 poses a second' in note for note in made['notes'])


def test_the_worst_videos_are_kept_and_all_counted(case, tmp_path):
    ann, scores = case
    whole, _, _ = build(tmp_path, scores, ann)

    data, _, made = build(tmp_path, scores, ann, max_videos=1)

    assert [v['name'] for v in data['videos']] == [whole['videos'][0]['name']]
    assert data['metrics'] == whole['metrics']
    assert any('1 worst of 3 videos' in note for note in made['notes'])


def test_classes_are_matched_by_name(case, tmp_path):
    ann = load_annotation(case[0])
    classes = ann['metainfo']['classes']
    kept = [classes[4], classes[1]]
    video = ann['annotations'][0]
    name, T = video['frame_dir'], video['total_frames']
    scores = {name: np.tile([[0.2, 0.1, 0.7]], (T, 1))}
    save_scores(tmp_path / 's.npz', scores, kept, None, {name: 30.0})

    data, _, made = build(tmp_path, tmp_path / 's.npz', case[0])

    labels = video['segment_labels']
    expected = [kept.index(classes[i]) for i in labels if classes[i] in kept]
    assert [row[0] for row in data['videos'][0]['truth']] == expected
    left = len(labels) - len(expected)
    assert any(f'{left} true segments are of' in n for n in made['notes'])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda data: data['metainfo'].update(
                classes=[f'other {i}' for i in range(12)]
            ),
            "key 'metainfo.classes': found",
        ),
        (
            lambda data: [
                video.update(frame_dir=f'x{i}')
                for i, video in enumerate(data['annotations'])
            ],
            "key 'annotations': found no video of",
        ),
        (
            lambda data: data['annotations'][0].update(
                keypoint=data['annotations'][0]['keypoint'][:, 1:]
            ),
            'frames; expected',
        ),
        (
            lambda data: data['annotations'][0].update(
                segment_labels=np.zeros(99, int)
            ),
            '99 labels for',
        ),
    ],
)
def test_annotations_of_something_else_are_refused(
    case, tmp_path, change, message
):
    stored = load_scored_videos(case[1])
    path = tmp_path / 'plain.npz'
    save_scores(path, stored.scores, stored.classes, None, stored.fps)
    data = load_annotation(case[0])
    data['split'] = {}
    change(data)
    save_annotation(tmp_path / 'other.pkl', data, validate=False)

    with pytest.raises(ValueError, match=message) as error:
        build(tmp_path, path, tmp_path / 'other.pkl')

    assert 'other.pkl' in str(error.value)
    assert not (tmp_path / 'deep' / 'r.html').exists()


def test_long_videos_thin_their_curves_and_say_so(tmp_path):
    T = 4000
    rng = np.random.default_rng(0)
    scores = {'a': rng.dirichlet(np.ones(4), T).astype(np.float32)}
    truth = {'a': np.array([[0, 0, 9]])}
    save_scores(tmp_path / 's.npz', scores, list('uvw'), truth)

    data, blobs, made = build(tmp_path, tmp_path / 's.npz')

    about = data['videos'][0]['scores']
    size = len(zlib.decompress(base64.b64decode(blobs['scores-0']), -15))
    assert (about['stride'], about['length']) == (3, 1334)
    assert size == 1334 * 4
    assert any('one frame in 3,' in note for note in made['notes'])


ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    """Run the tool; torch must not be needed."""
    command = [sys.executable, 'tools/report.py', *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_file_is_written_and_its_notes_are_printed(tmp_path):
    ann, scores = write_case(tmp_path, 2)
    out = tmp_path / 'page.html'

    done = run(scores, '--ann', ann, '--out', out, '--title', 'Über <b>')

    assert done.returncode == 0, done.stderr
    assert '2 videos, 2 with skeletons' in done.stdout
    assert 'note: Skeletons are kept at 15 poses' in done.stdout
    assert '<title>Über &lt;b&gt;</title>' in out.read_text('utf-8')


@pytest.mark.parametrize('name', ['missing.json', 'odd.bin'])
def test_an_unusable_file_exits_with_2_and_its_name(tmp_path, name):
    (tmp_path / 'odd.bin').write_bytes(b'\x80\x04odd')

    done = run(tmp_path / name, '--out', tmp_path / 'page.html')

    assert done.returncode == 2
    assert name in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'page.html').exists()


def test_making_a_page_imports_no_torch_and_no_matplotlib():
    code = (
        'import sys, mmsnip.report; '
        "print([m for m in ('torch', 'mmengine', 'matplotlib') "
        'if m in sys.modules])'
    )

    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True
    )

    assert done.stdout.strip() == '[]', done.stderr
