"""`mmsnip prepare` on the cases of users, and the options that mend them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mmsnip.cli.command_line import main
from mmsnip.io.annotation import load_annotation
from mmsnip.io.store import SkeletonStore
from tests.prepare.test_fit import STICK, STICK_LAYOUT


def prepare(capsys, tmp_path, kind, *options):
    """Status, what is printed, and the data of ``tmp_path / 'in'``."""
    output = tmp_path / 'o.pkl'
    status = main(
        ['prepare', kind, str(tmp_path / 'in'), str(output), '--quiet']
        + ['--val-fraction', '0', *map(str, options)]
    )
    said = capsys.readouterr()
    data = load_annotation(output) if output.exists() else None
    return status, said.out + said.err, data


def save(tmp_path, name, keypoint, **facts):
    path = tmp_path / 'in' / f'{name}.npz'
    path.parent.mkdir(parents=True, exist_ok=True)
    body = dict(
        joint_names=STICK_LAYOUT.joint_names, parents=STICK_LAYOUT.parents
    )
    np.savez(path, keypoint=keypoint, **body, **facts)


def stick(T=13, **changes):
    return np.tile(STICK + [3.0, 1.0, 2.0], (1, T, 1, 1))


def test_one_who_returns_is_one_person(capsys, tmp_path):
    """Four visits of a person whose track id changes: case 01."""
    visits = np.zeros((4, 60, 10, 3))
    for m, start in enumerate((0, 15, 30, 45)):
        visits[m, start : start + 10] = stick(10)[0]
    save(tmp_path, 'a', visits)

    status, said, data = prepare(capsys, tmp_path, 'npy', '--persons', 2)

    (video,) = data['annotations']
    assert status == 0
    assert video['keypoint'].shape[0] == 1
    assert video['keypoint'].any(axis=(2, 3)).sum() == 40
    assert '4 tracks became 1 persons' in said
    assert 'left out' not in said


def test_axes_that_differ_are_named_and_mended_one_by_one(capsys, tmp_path):
    """y is up in one file, z in the other: case 03."""
    save(tmp_path, 'walk/y_up', stick())
    save(tmp_path, 'walk/z_up', stick()[..., [2, 0, 1]])

    status, said, _ = prepare(capsys, tmp_path, 'npy')
    strict = prepare(capsys, tmp_path, 'npy', '--strict')
    mended = prepare(
        *(capsys, tmp_path, 'npy', '--strict', '--for', 'walk/z_up', 'up=z')
    )

    assert status == 0
    assert 'look at' in said
    assert '--for walk/z_up up=z' in said
    assert strict[0] == 1
    names = [video['frame_dir'] for video in strict[2]['annotations']]
    assert names == ['walk/y_up']
    assert (tmp_path / 'o.pkl.parts').exists() is False  # of the last run
    assert mended[0] == 0
    one, other = (v['keypoint'] for v in mended[2]['annotations'])
    np.testing.assert_allclose(
        np.ptp(one, 2), np.ptp(other, 2)[..., [2, 1, 0]]
    )


def test_what_strict_leaves_out_keeps_the_work_that_is_done(capsys, tmp_path):
    save(tmp_path, 'good', stick())
    save(tmp_path, 'mirrored', stick() * [-1, 1, 1])

    status, said, data = prepare(capsys, tmp_path, 'npy', '--strict')
    facts = tmp_path / 'facts.yaml'
    facts.write_text('mirror*: {mirror: true}\n')
    again = prepare(capsys, tmp_path, 'npy', '--strict', '--for', facts)

    assert status == 1
    assert len(data['annotations']) == 1
    assert '--for mirrored mirror=yes' in said
    assert again[0] == 0
    assert '2 of 2 recordings converted, 1 of them before' in again[1]
    good, mended = (v['keypoint'] for v in again[2]['annotations'])
    np.testing.assert_allclose(np.ptp(good, 2), np.ptp(mended, 2), atol=1e-6)


def test_gaps_are_those_of_the_command_in_every_format(capsys, tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    head = ','.join(f'{n}_{a}' for n in ('hip', 'head') for a in 'xyz')
    rows = [f'1,{t},1,2,{t},2' for t in range(100)]
    for t in range(10, 90):
        rows[t] = f'1,{t},1,,,'
    (folder / 'a.csv').write_text(f'{head}\n' + '\n'.join(rows))
    (tmp_path / 'c.yaml').write_text('{parents: [-1, 0], fps: 30}')
    columns = ('--columns', tmp_path / 'c.yaml')

    _, said, data = prepare(capsys, tmp_path, 'csv', *columns)
    _, _, filled = prepare(capsys, tmp_path, 'csv', *columns, '--max-gap', 80)

    lost = data['annotations'][0]['keypoint'][0, 10:90, 1]
    assert not lost.any()
    assert '80 positions of lost joints stay 0' in said
    head = filled['annotations'][0]['keypoint'][0, :, 1, 1]
    np.testing.assert_allclose(head, np.arange(100), atol=1e-4)


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (['--for', 'a', 'up=w'], "up='w' must be one of"),
        (['--for', 'a', 'fps=fast'], "found fps='fast'"),
        (['--for', 'a', 'colour=red'], 'facts are fps, unit, scale'),
        (['--for', 'gone.yaml'], 'gone.yaml'),
        (['--scale', '-1'], 'scale=-1.0 must be'),
        (['--source-fps', 'nan'], 'fps=nan must be'),
        (['--for', 'a', 'unit=inch'], "unit='inch' must be"),
        (['--for', 'a', 'persons=0'], 'persons=0 must be'),
    ],
)
def test_facts_that_cannot_be_are_refused_at_once(
    capsys, tmp_path, options, told
):
    save(tmp_path, 'a', stick())

    status, said, data = prepare(capsys, tmp_path, 'npy', *options)

    assert status == 2
    assert told in said
    assert data is None


def test_a_pattern_that_names_no_recording_is_told(capsys, tmp_path):
    save(tmp_path, 'a', stick())

    _, said, _ = prepare(capsys, tmp_path, 'npy', '--for', 'b*', 'up=z')

    assert 'b*: is no recording' in said
    report = json.loads((tmp_path / 'o.pkl.report.json').read_text())
    assert report['look_at'] == []


@pytest.fixture
def folder(tmp_path):
    """Six recordings of two classes in millimetres, z up; one is broken."""
    rng = np.random.default_rng(0)
    for number in range(6):
        path = tmp_path / 'in' / ('sit', 'walk')[number % 2] / f'{number}.npz'
        path.parent.mkdir(parents=True, exist_ok=True)
        keypoint = rng.normal(0, 400, (20 + number, 25, 3))
        np.savez(path, keypoint=keypoint, fps=30)
    (tmp_path / 'in' / 'walk' / 'broken.npy').write_bytes(b'?')
    return tmp_path / 'in'


def test_a_folder_becomes_an_annotation_file_and_a_store(
    capsys, folder, tmp_path
):
    split = tmp_path / 'split.json'
    split.write_text(json.dumps(dict(train=['sit/0', 'walk/1'], val=['no'])))

    status, said, data = prepare(
        *(capsys, tmp_path, 'npy', '--classes-from-folders', '--split', split),
        *('--fps', '15', '--unit', 'mm', '--up', 'z', '--workers', '2'),
    )

    assert status == 0
    assert '6 of 7 recordings converted' in said
    assert 'broken.npy cannot be read' in said
    assert data['metainfo']['classes'] == ['sit', 'walk']
    assert data['metainfo']['fps'] == 15.0
    assert data['split'] == dict(train=['sit/0', 'walk/1'])
    saved = np.load(folder / 'sit' / '0.npz')['keypoint']
    x, y, z = saved[::2].transpose(2, 0, 1) / 1000
    np.testing.assert_allclose(
        data['annotations'][0]['keypoint'][0],
        np.stack((x, z, -y), -1),
        rtol=1e-5,
    )
    report = json.loads((tmp_path / 'o.pkl.report.json').read_text())
    assert report['skipped'][0]['path'].endswith('broken.npy')
    assert report['missing'] == dict(val=['no'])
    store = tmp_path / 'o.safetensors'
    assert main(['prepare', 'pack', str(tmp_path / 'o.pkl'), str(store)]) == 0
    assert len(SkeletonStore(store)) == 6


def test_labels_of_a_table_reach_the_output(capsys, folder, tmp_path):
    rows = 'video;label;start_s;end_s\n0;sit;0.1;0.5\n1.mp4;walk;0.2;0.4\n'
    (tmp_path / 'labels.csv').write_text(rows)

    status, _, data = prepare(
        *(capsys, tmp_path, 'npy', '--keep-unlabelled'),
        *('--labels', tmp_path / 'labels.csv', '--overlaps', 'one-label'),
        *('--persons', '1', '--map-layout', 'coco'),
    )

    assert status == 0
    assert data['metainfo']['classes'] == ['sit', 'walk']
    assert data['metainfo']['layout'] == 'coco'
    found = {
        v['frame_dir']: v['segments'].tolist()
        for v in data['annotations']
        if 'segments' in v
    }
    assert found == {'sit/0': [[3, 15]], 'walk/1': [[6, 12]]}
    assert len(data['annotations']) > len(found)


@pytest.mark.parametrize('options', [[], ['--dry-run']])
def test_nothing_usable_ends_with_status_1(capsys, tmp_path, options):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'readme.md').write_text('empty')

    status, said, data = prepare(capsys, tmp_path, 'folder', *options)

    assert status == 1
    assert 'readme.md' in said
    assert 'nothing usable' in said
    assert data is None


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['fly', 'in', 'out.pkl'], "invalid choice: 'fly'"),
        (['npy', 'in'], 'OUTPUT'),
        (['npy', 'gone', 'out.pkl'], 'gone does not exist'),
        (['npy', 'in', 'out.h5'], 'expected .pkl'),
        (['npy', 'in', 'out.pkl', '--fps', '0'], 'fps=0.0 must be'),
        (['npy', 'in', 'out.pkl', '--workers', '-1'], '-1 is negative'),
        (['npy', 'in', 'out.pkl', '--split', 'gone.json'], 'gone.json'),
    ],
)
def test_wrong_arguments_end_with_status_2(
    capsys, tmp_path, monkeypatch, arguments, message
):
    (tmp_path / 'in').mkdir()
    monkeypatch.chdir(tmp_path)

    try:
        status = main(['prepare', *arguments])
    except SystemExit as end:
        status = end.code

    assert status == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(os.name != 'posix', reason='of pipes')
def test_a_reader_that_stops_leaves_no_traceback(folder, tmp_path):
    command = [sys.executable, '-m', 'mmsnip.cli', 'prepare', 'npy']
    path = os.pathsep.join(p for p in sys.path if p)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, 'w') as closed:
        done = subprocess.run(
            [*command, folder, tmp_path / 'o.pkl'],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONPATH': path},
            check=False,
        )

    assert done.returncode == 0
    assert 'Broken' not in done.stderr
    assert (tmp_path / 'o.pkl').exists()
