"""``tools/infer.py`` from folders of recordings to tables."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.cli.infer import find_inputs
from mmsnip.io.detections import load_detections
from mmsnip.io.formats import read
from mmsnip.structures import DataError
from tests.apis.stand_in import body
from tests.apis.streaming_models import JOINTS, RECIPE, checkpoint, poses
from tests.tools.conftest import command as command_of


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp('infer') / 'model.pth')


@pytest.fixture(scope='module')
def command():
    """``mmsnip infer`` in this process."""
    return command_of('infer')


@pytest.fixture
def infer(command, model, tmp_path):
    """Run the command on what lies in a folder; exit status."""

    def run(*inputs, options=()):
        return command(
            [str(tmp_path / name) for name in inputs]
            + ['--model', str(model), '--out', str(tmp_path / 'out')]
            + ['--device', 'cpu', *options]
        )

    return run


def save(path, seed=0, M=1, T=61, **facts):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, keypoint=poses(M=M, T=T, seed=seed), **facts)


def results(folder):
    return json.loads((folder / 'out' / 'results.json').read_text())


def test_one_bad_file_never_loses_the_others(infer, model, tmp_path, capsys):
    for folder, seed in (('a', 0), ('b', 1)):
        save(tmp_path / 'in' / folder / 'walk.npz', seed)
    (tmp_path / 'in' / 'notes.md').write_text('no sequence')
    (tmp_path / 'in' / 'a' / 'broken.npz').write_bytes(b'PK')
    save(tmp_path / 'in' / 'names.npz', joint_names=list('abcde'))
    save(tmp_path / 'walk.npz', seed=2, fps=60.0)
    save(tmp_path / 'results.npz', seed=3)

    status = infer(
        *('in', 'walk.npz', 'results.npz', 'gone.npz'),
        options=['--show', '--batch-size', '2'],
    )

    captured, out = capsys.readouterr(), tmp_path / 'out'
    found, _ = load_detections(out / 'results.json')
    names = ['a/walk', 'b/walk', 'results-2', 'walk']
    assert status == 1
    assert sorted(found) == names
    errors = captured.err.splitlines()
    assert len(errors) == 3
    for bad in ('broken.npz', 'names.npz', 'gone.npz'):
        assert sum(bad in line for line in errors) == 1
    assert '4 localized, 3 failed' in captured.out
    failed = results(tmp_path)['external_data']['failed']
    assert sorted(failed) == ['a/broken', 'gone', 'names']
    one = json.loads((out / 'walk.json').read_text())['results']['walk']
    alone = SkeletonLocalizationInferencer(model, device='cpu')
    expected = alone(tmp_path / 'walk.npz')['detections']
    assert results(tmp_path)['results']['walk'] == one
    assert [entry['label'] for entry in one] == [
        entry['label'] for entry in expected
    ]
    for ours, theirs in zip(one, expected):
        assert ours['segment'] == pytest.approx(theirs['segment'])
    for ending in ('json', 'csv', 'eaf'):
        assert len(list(out.glob(f'*walk*.{ending}'))) == 3
    assert len(list((out / 'timelines').glob('*.png'))) == 4


def test_good_files_end_in_0_and_a_table_of_labels_is_no_recording(
    infer, tmp_path, capsys
):
    save(tmp_path / 'in' / 'a.npz', fps=30.0)
    (tmp_path / 'in' / 'labels.csv').write_text(
        'video,label,start_s,end_s\na,walk,0.5,1.0\n'
    )

    status = infer('in')

    captured = capsys.readouterr()
    assert (status, captured.err) == (0, '')
    assert '[1/1] a: ' in captured.out
    assert list(results(tmp_path)['results']) == ['a']
    assert 'failed' not in results(tmp_path)['external_data']


def test_quiet_says_nothing_but_errors(infer, tmp_path, capsys):
    save(tmp_path / 'in' / 'a.npz')

    status = infer('in', 'gone.npz', options=['--quiet'])

    captured = capsys.readouterr()
    assert status == 1
    assert captured.out == ''
    assert len(captured.err.splitlines()) == 1


def test_a_terminal_gets_a_bar_and_the_lines_behind_it(
    infer, tmp_path, capsys, monkeypatch
):
    save(tmp_path / 'in' / 'a.npz')
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)

    status = infer('in')

    captured = capsys.readouterr()
    assert status == 0
    assert 'localizing' in captured.err
    assert '1/1' in captured.err
    assert '[1/1] a: ' in captured.out


def test_a_command_that_read_nothing_fails(infer, tmp_path, capsys):
    (tmp_path / 'empty').mkdir()

    status = infer('empty')

    assert status == 1
    assert 'no input could be used' in capsys.readouterr().err
    assert not (tmp_path / 'out' / 'results.json').exists()


def test_a_second_run_does_not_read_the_results_of_the_first(infer, tmp_path):
    save(tmp_path / 'a.npz')

    statuses = [infer('.'), infer('.')]

    assert statuses == [0, 0]
    assert list(results(tmp_path)['results']) == ['a']


def test_persons_are_told_apart_on_request(infer, tmp_path):
    save(tmp_path / 'two.npz', M=2, T=120, track_ids=['ann', 'bo'])

    status = infer('two.npz', options=['--persons', 'each', '--scores'])

    tracks = {e['track'] for e in results(tmp_path)['results']['two']}
    assert status == 0
    assert tracks == {'ann', 'bo'}
    assert 'person ann' in (tmp_path / 'out' / 'two.eaf').read_text()
    with np.load(tmp_path / 'out' / 'scores.npz') as stored:
        assert stored['videos'].tolist() == ['two/ann', 'two/bo']
        assert stored['num_frames'].tolist() == [120, 120]


def test_a_map_names_the_joints_of_a_file(infer, tmp_path):
    order = [4, 2, 0, 1, 3]
    keypoint = poses(M=1, T=61)
    np.savez(tmp_path / 'own.npz', keypoint=keypoint)
    np.savez(tmp_path / 'other.npz', keypoint=keypoint[:, :, order])
    layout = dict(layout=[JOINTS[v] for v in order])
    (tmp_path / 'map.json').write_text(json.dumps(layout))

    first = infer('own.npz')
    expected = results(tmp_path)['results']['own']
    second = infer(
        'other.npz', options=['--map-joints', str(tmp_path / 'map.json')]
    )

    found = results(tmp_path)['results']['other']
    assert (first, second) == (0, 0)
    assert found == expected


def test_a_rate_that_is_given_counts(infer, tmp_path):
    save(tmp_path / 'a.npz', T=60, fps=30.0)

    infer('a.npz', options=['--fps', '60'])

    document = results(tmp_path)
    assert document['external_data']['fps'] == {'a': 60.0}
    assert max(e['segment'][1] for e in document['results']['a']) <= 1.0


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    """A model of human joints."""
    layout, keypoint = body()
    return checkpoint(
        tmp_path_factory.mktemp('people') / 'model.pth',
        joints=list(layout.joint_names),
        parents=list(layout.parents),
        sample=keypoint,
    )


@pytest.mark.parametrize('name', ['infer', 'stream'])
def test_a_mirrored_recording_is_told_mended_and_refused_when_strict(
    people, tmp_path, capsys, name
):
    layout, keypoint = body()
    facts = dict(fps=30.0, joint_names=layout.joint_names)
    np.savez(tmp_path / 'a.npz', keypoint=keypoint * [-1, 1, 1], **facts)
    tool = command_of(name)
    arguments = [str(tmp_path / 'a.npz'), '--model', str(people)]
    if name == 'infer':
        arguments += ['--out', str(tmp_path / 'out')]

    assert tool(arguments) == 0
    told = capsys.readouterr().out
    assert tool([*arguments, '--mirror']) == 0
    mended = capsys.readouterr().out

    assert 'look at: left joints are on the right' in told
    assert 'look at' not in mended
    if name == 'infer':
        tool([arguments[0], *arguments])
        lines = capsys.readouterr().out.splitlines()
        assert lines[-4].startswith('look at (--strict')
        about = results(tmp_path)['external_data']
        assert '--mirror' in about['look_at']['a'][0]
        assert tool([*arguments, '--strict']) == 1
        assert '--strict' in capsys.readouterr().err
    else:
        with pytest.raises((SystemExit, DataError)):
            tool([*arguments, '--strict'])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--fps', '0'], 'fps=0.0 must be a positive'),
        (['--batch-size', '0'], 'batch_size=0 must be at least 1'),
        (['--map-joints', 'nobody'], 'neither a layout'),
        (['--map-joints', 'gone.json'], 'gone.json'),
        (['--persons', 'two'], 'invalid choice'),
        (['--out', '.'], 'is searched for recordings'),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_read(
    command, capsys, options, message
):
    with pytest.raises(SystemExit) as stopped:
        command(['.', '--model', 'gone.pth', *options])

    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.data
def test_bvh_files_with_a_joint_more_go_all_the_way(
    command, data_dir, tmp_path
):
    """Their root on the floor goes, the rest is found by name."""
    paths = sorted((data_dir / 'bvh_samples').glob('*.bvh'))
    recording = read(paths[0])
    keypoint = recording.keypoint
    names = recording.joint_names[1:]
    parents = [parent - 1 for parent in recording.layout.parents[1:]]
    model = checkpoint(
        tmp_path / 'model.pth',
        normalize=RECIPE,
        joints=names,
        parents=parents,
        sample=keypoint[:, :, 1:],
    )

    status = command(
        [str(paths[0].parent), '--model', str(model), '--device', 'cpu']
        + ['--out', str(tmp_path / 'out')]
    )

    document = results(tmp_path)
    infer = SkeletonLocalizationInferencer(model, device='cpu')
    expected = infer(keypoint[:, :, 1:], fps=recording.fps)['detections']
    found = document['results'][paths[0].stem]
    assert status == 0
    assert sorted(document['results']) == [path.stem for path in paths]
    assert 'notes' not in document['external_data']
    assert len(found) == len(expected) > 0
    for ours, theirs in zip(found, expected):
        assert ours['label'] == theirs['label']
        assert ours['segment'] == pytest.approx(theirs['segment'])


def write_frames(folder, T=3):
    folder.mkdir(parents=True)
    for t in range(T):
        person = dict(pose_keypoints_2d=[1.0] * 75)
        text = json.dumps(dict(version=1.3, people=[person]))
        (folder / f'x_{t:06d}_keypoints.json').write_text(text)
    return folder


def test_a_folder_of_frames_is_one_input(tmp_path):
    frames = write_frames(tmp_path / 'in' / 'walk' / 'clip.1')
    np.save(tmp_path / 'in' / 'a.npy', np.ones((5, 25, 3)))

    assert find_inputs([str(tmp_path / 'in')]) == [
        ('a', tmp_path / 'in' / 'a.npy'),
        ('walk/clip.1', frames),
    ]


def test_the_folder_of_frames_may_be_given_itself(tmp_path):
    frames = write_frames(tmp_path / 'clip')

    assert find_inputs([str(frames), str(frames)]) == [
        ('clip', frames),
        ('clip-2', frames),
    ]


def test_results_within_a_searched_folder_are_no_inputs(tmp_path):
    (tmp_path / 'in' / 'out').mkdir(parents=True)
    np.save(tmp_path / 'in' / 'a.npy', np.ones((5, 25, 3)))
    (tmp_path / 'in' / 'out' / 'a.csv').write_text('video')
    folder = str(tmp_path / 'in')

    own = [('a', tmp_path / 'in' / 'a.npy')]
    assert find_inputs([folder], tmp_path / 'in' / 'out') == own
    assert find_inputs([folder], tmp_path) == find_inputs([folder])
    assert len(find_inputs([folder])) == 2
