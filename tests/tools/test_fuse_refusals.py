"""What ``tools/fuse.py`` refuses to fuse, and how it says so."""

from __future__ import annotations

from functools import partial

import pytest

from tests.tools.conftest import command
from tests.tools.score_files import (
    LENGTHS,
    make_scores,
    make_truth,
    write_file,
)

FUSE = command('fuse')


@pytest.fixture
def write(tmp_path):
    """Write the scores of a network and return the path."""
    return partial(write_file, tmp_path)


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
            "bone.npz lacks video 'Größe', which ",
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
