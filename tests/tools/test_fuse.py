"""The command that fuses dumped scores, from outside and in process."""

from __future__ import annotations

import json
import sys
from functools import partial

import numpy as np
import pytest

from mmsnip.cli.fuse import short_names
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.io.detections import load_detections
from mmsnip.io.scores import load_scored_videos
from tests.tools.conftest import TINY_LOCALIZE, command, run, train
from tests.tools.score_files import (
    LENGTHS,
    RULE,
    make_scores,
    make_truth,
    write_file,
)

FUSE = command('fuse')


@pytest.fixture
def write(tmp_path):
    """Write the scores of a network and return the path."""
    return partial(write_file, tmp_path)


def table(text):
    """Columns of the printed table, by name."""
    lines = text.splitlines()
    columns = {name: {} for name in lines[0].split()}
    for line in lines[1:]:
        parts = line.split()
        if len(parts) != len(columns) + 1:
            continue
        for name, value in zip(columns, parts[1:]):
            columns[name][parts[0]] = value
    return columns


def shown(metrics, keys):
    return {key: f'{metrics[key]:.4f}' for key in keys}


def test_table_has_each_input_and_the_fusion_by_the_rule_of_the_files(
    write, capsys
):
    files = [write('joint.npz', 0), write('bone.npz', 1)]

    status = FUSE([*files, '--weights', '3', '1'])

    output = capsys.readouterr().out
    columns = table(output)
    assert status == 0
    assert list(columns) == ['joint', 'bone', 'fused']
    stored = [load_scored_videos(file) for file in files]
    options = dict(stored[0].settings)
    del options['label_rule']
    fused = {
        video: (3 * scores.astype(float) + stored[1].scores[video]) / 4
        for video, scores in stored[0].scores.items()
    }
    for name, scores in zip(
        columns, [stored[0].scores, stored[1].scores, fused]
    ):
        expected, _ = evaluate_scores(
            scores, stored[0].truth, stored[0].classes, **options
        )
        assert columns[name] == shown(expected, columns[name])
    assert {'sweep/mAP@0.25', 'runs/mAP', 'edit'} <= set(columns['fused'])
    assert f'ground truth of BABEL: {RULE}' in output.splitlines()


def test_what_is_asked_for_replaces_what_the_file_says(write, capsys):
    file = write('joint.npz')

    FUSE([file, '--protocol', 'pkummd', '--proposals', 'smooth'])

    output = capsys.readouterr().out
    keys = set(table(output)['fused'])
    assert {'smooth/mAP@0.50', 'smooth/2DAP'} <= keys
    assert not [key for key in keys if key.startswith(('sweep/', 'runs/'))]
    assert 'BABEL' not in output


def test_iou_and_convention_are_arguments(write, capsys):
    file = write('joint.npz')

    FUSE([file, '--iou', '0.1', '0.7', '--convention', 'clean'])

    fused = table(capsys.readouterr().out)['fused']
    stored = load_scored_videos(file)
    expected, _ = evaluate_scores(
        stored.scores,
        stored.truth,
        proposals=stored.settings['proposals'],
        iou_thresholds=[0.1, 0.7],
        convention='clean',
    )
    assert 'sweep/mAP@0.70' in fused
    assert fused == shown(expected, fused)


def test_dumps_hold_the_fusion_and_how_it_was_made(write, tmp_path, capsys):
    files = [write('joint.npz', 0), write('bone.npz', 1)]
    out, scores = tmp_path / 'out.json', tmp_path / 'fused.npz'

    FUSE(
        [*files, '--mode', 'logit', '--dump', str(out)]
        + ['--dump-scores', str(scores)]
    )
    fused = table(capsys.readouterr().out)['fused']
    FUSE([str(scores)])
    again = table(capsys.readouterr().out)['fused']

    detections, metrics = load_detections(out)
    extra = json.loads(out.read_text())['external_data']
    assert again == fused == shown(metrics, fused)
    assert list(detections) == list(LENGTHS)
    assert extra['label_rule'] == RULE
    assert (extra['protocol'], extra['convention']) == ('babel', 'official')
    assert extra['fusion'] == {
        'inputs': ['joint', 'bone'],
        'mode': 'logit',
        'weights': [1.0, 1.0],
    }
    assert str(tmp_path) not in out.read_text()


def test_networks_of_one_class_keep_their_own_ap(write, tmp_path, capsys):
    classes = ['walk', 'stand', 'turn']
    truth = make_truth(3)
    files = []
    for label, name in enumerate(classes):
        own = {
            video: np.array([[0, *row[1:]] for row in rows[[label]].tolist()])
            for video, rows in truth.items()
        }
        # a class that is hard to see, so that its AP says something
        rng = np.random.default_rng(label)
        scores = make_scores(own, 1, label)
        for array in scores.values():
            array[:] *= rng.uniform(0, 0.2, (len(array), 1))
            array[:, 1] = 1 - array[:, 0]
        files.append(
            write(f'{name}.npz', classes=[name], scores=scores, truth=own)
        )
    merged_file = tmp_path / 'merged.npz'

    status = FUSE(['--per-class', *files, '--dump-scores', str(merged_file)])

    columns = table(capsys.readouterr().out)
    assert status == 0
    assert list(columns) == [*classes, 'merged']
    merged = columns['merged']
    for iou in ('0.25', '0.50'):
        for name in classes:
            key = f'sweep/AP@{iou}/{name}'
            assert merged[key] == columns[name][key]
            assert columns[name][f'sweep/mAP@{iou}'] == merged[key]
        key = f'sweep/mAP@{iou}'
        mean = np.mean([float(columns[name][key]) for name in classes])
        assert float(merged[key]) == pytest.approx(mean, abs=1e-4)
    assert columns['walk']['sweep/AP@0.50/turn'] == '-'
    assert len({columns[n]['sweep/mAP'] for n in classes}) > 1
    assert load_scored_videos(merged_file).classes == classes


@pytest.mark.parametrize(
    ('files', 'names'),
    [
        (['x/joint.npz', 'y/bone.npz'], ['joint', 'bone']),
        (['joint/s.npz', 'bone/s.npz'], ['joint/s', 'bone/s']),
        (['x/s.npz', 'x/s.npz'], ['x/s#1', 'x/s#2']),
    ],
)
def test_columns_have_names_of_their_own(files, names):
    assert short_names(files) == names


def shorter(scores):
    return {**scores, 'c': scores['c'][:-1]}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            dict(scores=shorter(make_scores(make_truth(2), 2, 0))),
            "bone.npz, video 'c' has scores of shape (52, 3), ",
        ),
        (
            dict(scores={'a/1': make_scores(make_truth(2), 2, 0)['a/1']}),
            "video 'Größe' has no counterpart",
        ),
        (
            dict(truth={v: r + [[0, 1, 1]] for v, r in make_truth(2).items()}),
            "bone.npz, video 'a/1', segment 0 is label, start, end [0, 5, 14]",
        ),
        (dict(truth=None), 'bone.npz has no ground truth'),
        (
            dict(classes=['sit', 'walk']),
            "bone.npz has the classes ['sit', 'walk'], ",
        ),
        (
            dict(fps=dict.fromkeys(LENGTHS, 25.0)),
            "bone.npz, video 'a/1' has fps=25, ",
        ),
        (
            dict(settings=dict(label_rule='another')),
            "bone.npz has label_rule='another', ",
        ),
        (
            dict(settings=dict(convention='clean')),
            "bone.npz has convention='clean', ",
        ),
    ],
)
def test_files_that_disagree_are_refused_by_name(
    write, capsys, changes, message
):
    files = [write('joint.npz'), write('bone.npz', **changes)]

    status = FUSE(files)

    said = capsys.readouterr()
    assert status == 2
    assert said.err.startswith('error: ')
    assert message in said.err
    assert said.out == ''


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (['walk', 'sit'], "has the classes ['walk', 'sit'], ['walk'] are"),
        (['walk'], "bone.npz has the classes ['walk'], ['walk'] are taken"),
    ],
)
def test_only_networks_of_different_single_classes_are_merged(
    write, capsys, classes, message
):
    files = [write('a.npz', classes=['walk'])]
    files.append(write('bone.npz', classes=classes))

    status = FUSE(['--per-class', *files])

    assert status == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_named(capsys):
    assert FUSE(['absent.npz']) == 2
    assert 'absent.npz' in capsys.readouterr().err


def test_weights_are_no_choice_of_the_merge(capsys):
    assert FUSE(['--per-class', 'a.npz', '--weights', '1']) == 2
    assert '--per-class puts classes side by side' in capsys.readouterr().err


@pytest.mark.slow
def test_a_tested_checkpoint_is_fused_with_itself(tmp_path, ann_file):
    config = 'configs/custom/localize.py'
    train(
        config,
        tmp_path / 'train',
        [*TINY_LOCALIZE, 'train_cfg.max_epochs=1'],
        ann_file,
    )
    scores, out = tmp_path / 'one.npz', tmp_path / 'fused.json'

    tested = run(
        [sys.executable, 'tools/test.py', config]
        + [tmp_path / 'train' / 'epoch_1.pth', '--dump-scores', scores]
        + ['--work-dir', tmp_path / 'test', '--cfg-options', *TINY_LOCALIZE],
        ann_file,
    )
    fused = run(
        [sys.executable, 'tools/fuse.py', scores, scores, '--dump', out],
        ann_file,
    )

    assert tested.returncode == 0, tested.output[-3000:]
    assert fused.returncode == 0, fused.output[-3000:]
    rule = 'ground truth of BABEL: segments are taken as annotated'
    assert rule in tested.stdout.splitlines()
    assert rule in fused.stdout.splitlines()
    columns = table(fused.stdout)
    assert len(columns) == 3
    printed = dict(
        line.split()
        for line in tested.stdout.splitlines()
        if len(line.split()) == 2
    )
    for values in columns.values():
        assert 'sweep/mAP@0.50' in values
        assert values == {key: printed[key] for key in values}
    assert len(load_detections(out)[0]) == 5
