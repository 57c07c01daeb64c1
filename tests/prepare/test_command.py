"""`mmsnip prepare` on the cases of users, and the options that mend them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.cli.command_line import main
from mmsnip.io.annotation import load_annotation
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


def test_a_unit_is_never_advised_that_gives_no_person(capsys, tmp_path):
    """1 unit is 5.64 cm, as of the cgspeed files of CMU: case 16."""
    save(tmp_path, 'a', stick() / 0.0564)

    for options in ((), ('--unit', 'cm'), ('--unit', 'mm')):
        _, said, _ = prepare(capsys, tmp_path, 'npy', *options)
        assert '--scale 0.047' in said
        assert '--unit' not in said.replace('--unit cm', '', 0)
    status, said, data = prepare(
        capsys, tmp_path, 'npy', '--strict', '--scale', 0.0564
    )
    assert status == 0
    assert 'look at' not in said
    assert data['metainfo']['unit'] == 'm'


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
        (['--source-fps', '0'], 'fps=0.0 must be'),
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
