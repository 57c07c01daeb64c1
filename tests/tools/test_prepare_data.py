"""The command that converts folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.io.store import SkeletonStore

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'prepare_data.py'


def run(*arguments):
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': path},
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        path = tmp_path / 'in' / ('sit', 'walk')[number % 2] / f'{number}.npz'
        path.parent.mkdir(parents=True, exist_ok=True)
        keypoint = rng.normal(0, 400, (20 + number, 25, 3))
        np.savez(path, keypoint=keypoint, fps=30)
    (tmp_path / 'in' / 'walk' / 'broken.npy').write_bytes(b'?')
    return tmp_path / 'in'


def test_a_folder_becomes_an_annotation_file(folder, tmp_path):
    split = tmp_path / 'split.json'
    split.write_text(json.dumps(dict(train=['sit/0', 'walk/1'], val=['no'])))
    output = tmp_path / 'out.pkl'
    options = ['--fps', '15', '--unit', 'mm', '--up', 'z', '--workers', '2']
    done = run(
        *('npy', folder, output, '--classes-from-folders', '--split', split),
        *options,
    )

    assert done.returncode == 0, done.stderr
    assert '6 of 7 recordings converted' in done.stdout
    assert 'broken.npy cannot be read' in done.stdout
    data = load_annotation(output)
    assert data['metainfo']['classes'] == ['sit', 'walk']
    assert data['metainfo']['fps'] == 15.0
    assert data['split'] == dict(train=['sit/0', 'walk/1'])
    first = data['annotations'][0]
    saved = np.load(folder / 'sit' / '0.npz')['keypoint']
    x, y, z = saved[::2].transpose(2, 0, 1) / 1000
    np.testing.assert_allclose(
        first['keypoint'][0], np.stack((x, z, -y), -1), rtol=1e-5
    )
    report = json.loads((tmp_path / 'out.pkl.report.json').read_text())
    assert [Path(s['path']).name for s in report['skipped']] == ['broken.npy']
    assert report['missing'] == dict(val=['no'])


def test_a_store_is_packed_from_the_annotation_file(folder, tmp_path):
    run('folder', folder, tmp_path / 'out.pkl', '--quiet')
    done = run('pack', tmp_path / 'out.pkl', tmp_path / 'out.safetensors')

    assert done.returncode == 0, done.stderr
    assert len(SkeletonStore(tmp_path / 'out.safetensors')) == 6


def test_a_dry_run_writes_nothing(folder, tmp_path):
    before = sorted(tmp_path.rglob('*'))
    done = run('npy', folder, tmp_path / 'out.pkl', '--dry-run')

    assert done.returncode == 0, done.stderr
    assert 'sit/0' in done.stdout
    assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize('options', [[], ['--dry-run']])
def test_nothing_usable_ends_with_status_1(tmp_path, options):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'readme.md').write_text('empty')
    done = run('folder', tmp_path / 'in', tmp_path / 'out.pkl', *options)

    assert done.returncode == 1
    assert 'readme.md' in done.stdout
    assert 'nothing usable' in done.stderr
    assert not (tmp_path / 'out.pkl').exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['fly', 'in', 'out.pkl'], "invalid choice: 'fly'"),
        (['npy', 'in'], 'OUTPUT'),
        (['npy', 'gone', 'out.pkl'], 'gone does not exist'),
        (['npy', 'in', 'out.h5'], r'expected .pkl'),
        (['npy', 'in', 'out.pkl', '--fps', '0'], 'fps=0.0 must be'),
        (['npy', 'in', 'out.pkl', '--workers', '-1'], '-1 is negative'),
        (['npy', 'in', 'out.pkl', '--split', 'gone.json'], 'gone.json'),
    ],
)
def test_wrong_arguments_end_with_status_2(tmp_path, arguments, message):
    (tmp_path / 'in').mkdir()
    done = run(
        arguments[0],
        *(tmp_path / a if a in ('in', 'out.pkl', 'out.h5') else a
          for a in arguments[1:]),
    )

    assert done.returncode == 2
    assert message in done.stderr
    assert 'Traceback' not in done.stderr


def test_labels_of_a_table_reach_the_output(folder, tmp_path):
    rows = 'video;label;start_s;end_s\n0;sit;0.1;0.5\n1.mp4;walk;0.2;0.4\n'
    (tmp_path / 'labels.csv').write_text(rows)
    done = run(
        *('npy', folder, tmp_path / 'out.pkl', '--keep-unlabelled'),
        *('--labels', tmp_path / 'labels.csv', '--overlaps', 'one-label'),
        *('--persons', '1', '--map-layout', 'coco'),
    )

    assert done.returncode == 0, done.stderr
    assert 'split unlabelled' in done.stdout
    data = load_annotation(tmp_path / 'out.pkl')
    assert data['metainfo']['classes'] == ['sit', 'walk']
    assert data['metainfo']['layout'] == 'coco'
    found = {v['frame_dir']: v['segments'] for v in data['annotations']}
    assert found['sit/0'].tolist() == [[3, 15]]
    assert found['walk/1'].tolist() == [[6, 12]]


@pytest.mark.parametrize('kind', ['bvh', 'csv', 'pose-json', 'folder', 'npy'])
def test_every_folder_kind_explains_its_labels(kind):
    done = run(kind, '--help')

    assert done.returncode == 0, done.stderr
    assert '--labels-unit' in done.stdout
    assert ('(default: 2)' if kind == 'pose-json' else '(default: all)') in (
        ' '.join(done.stdout.split())
    )


@pytest.mark.skipif(os.name != 'posix', reason='of pipes')
def test_a_reader_that_stops_leaves_no_traceback(folder, tmp_path):
    path = os.pathsep.join(p for p in sys.path if p)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, 'w') as closed:
        done = subprocess.run(
            [sys.executable, TOOL, 'npy', folder, tmp_path / 'o.pkl'],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONPATH': path},
            check=False,
        )

    assert done.returncode == 0
    assert 'Broken' not in done.stderr
    assert (tmp_path / 'o.pkl').exists()
