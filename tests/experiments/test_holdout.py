"""What is held out of train, and that val stays out of sight."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from experiments.data import (
    DataFolder,
    find_data_dir,
    held_out_names,
    hold_out,
)
from experiments.declare import load_runs
from mmsnip.io.annotation import load_annotation, save_annotation
from tests.experiments.conftest import toy_annotation

ROOT = Path(__file__).resolve().parents[2]
GROUP = '^set_([a-z])_'


def test_whole_groups_are_held_out_and_the_real_val_is_dropped():
    data = toy_annotation()

    held = hold_out(data, group=GROUP, hold=['b'])

    assert held['split'] == dict(
        train=['set_a_0', 'set_a_1'], val=['set_b_0', 'set_b_1']
    )
    names = {video['frame_dir'] for video in held['annotations']}
    assert names == {'set_a_0', 'set_a_1', 'set_b_0', 'set_b_1'}
    assert len(data['annotations']) == 5


def test_without_groups_a_seeded_fifth_is_held_out():
    names = [f'video_{n}' for n in range(23)]

    drawn = [held_out_names(names, seed=seed) for seed in (0, 0, 1)]

    assert len(drawn[0]) == 5  # of 23
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == [name for name in names if name in drawn[0]]


def test_groups_are_drawn_where_none_is_named():
    names = [f'{group}_{n}' for group in 'abcdefghij' for n in range(3)]

    chosen = held_out_names(names, '^([a-z])')

    assert set(Counter(name[0] for name in chosen).values()) == {3}
    assert len(chosen) == 6  # two of ten groups


@pytest.mark.parametrize(
    ('group', 'hold', 'message'),
    [
        (GROUP, ['c'], r"holding \['c'\] out leaves no video"),
        (GROUP, ['a', 'b'], 'leaves no video to '),
        ('^(x)', None, "finds no group in the video 'set_a_0'"),
        ('^set', None, 'it needs one bracket'),
    ],
)
def test_what_cannot_be_held_out_is_refused(group, hold, message):
    names = toy_annotation()['split']['train']

    with pytest.raises(ValueError, match=message):
        held_out_names(names, group, hold)


def test_a_file_without_train_is_refused():
    data = toy_annotation()
    del data['split']

    with pytest.raises(ValueError, match=r"found .*, expected 'train'"):
        hold_out(data)


def test_a_holdout_is_made_once_and_hashed_by_its_names(tmp_path):
    save_annotation(tmp_path / 'toy.pkl', toy_annotation())

    def folder(hold):
        rules = dict(toy=dict(group=GROUP, hold=hold))
        return DataFolder(tmp_path, tmp_path / 'made', rules)

    path = folder(['a']).file('toy/holdout')
    stamp = path.stat().st_mtime_ns

    assert folder(['a']).file('toy/holdout') == path
    assert path.stat().st_mtime_ns == stamp
    assert folder(['b']).file('toy/holdout') != path
    digests = {
        folder(['a']).digest('toy/holdout'),
        folder(['b']).digest('toy/holdout'),
        folder(['a']).digest('toy'),
    }
    assert len(digests) == 3


def test_a_file_may_be_held_out_in_several_ways_under_names_of_their_own(
    tmp_path,
):
    save_annotation(tmp_path / 'toy.pkl', toy_annotation())
    rules = dict(
        toy=dict(group=GROUP, hold=['a']),
        drawn=dict(file='toy'),  # a seeded fifth of the videos
    )
    folder = DataFolder(tmp_path, tmp_path / 'made', rules)

    assert folder.file('drawn') == folder.file('toy')
    assert folder.digest('drawn') == folder.digest('toy')
    by_group = load_annotation(folder.file('toy/holdout'))['split']['val']
    drawn = load_annotation(folder.file('drawn/holdout'))['split']['val']
    assert by_group == ['set_a_0', 'set_a_1']
    assert len(drawn) == 1


def test_the_data_folder_comes_from_the_command_then_the_environment(
    tmp_path, monkeypatch
):
    for name in ('said', 'set'):
        (tmp_path / name).mkdir()
    monkeypatch.setenv('MMSNIP_DATA', str(tmp_path / 'set'))

    assert find_data_dir(str(tmp_path / 'said')) == tmp_path / 'said'
    assert find_data_dir() == tmp_path / 'set'
    with pytest.raises(FileNotFoundError, match='name it with --data-dir'):
        find_data_dir(str(tmp_path / 'gone'))


@pytest.mark.data
def test_the_declared_holdouts_are_whole_styles_of_train(data_dir, tmp_path):
    declared = load_runs(ROOT / 'experiments' / 'runs.yaml')
    folder = DataFolder(data_dir, tmp_path, declared.data)

    held = load_annotation(folder.file('bandai_stitched/holdout'))
    trimmed = load_annotation(folder.file('bandai_trimmed/holdout'))

    # 18 sequences of each of five styles
    assert [len(held['split'][k]) for k in ('train', 'val')] == [54, 36]
    for data in (held, trimmed):
        styles = {name.rsplit('_', 2)[1] for name in data['split']['val']}
        rest = {name.rsplit('_', 2)[1] for name in data['split']['train']}
        assert styles == {'masculine', 'youthful'}
        assert not styles & rest
        assert not rest & {'elderly', 'exhausted', 'old', 'tired'}


def test_a_draw_leaves_the_labels_of_its_videos_alone(tmp_path):
    save_annotation(tmp_path / 'toy.pkl', toy_annotation())
    draws = {'two': [['set_a_1', 'set_b_0'], ['set_a_0', 'set_b_1']]}
    (tmp_path / 'toy_few.json').write_text(json.dumps(draws))
    folder = DataFolder(tmp_path, tmp_path / 'made', {})

    made = load_annotation(folder.file('toy/two/1'))

    labelled = {v['frame_dir'] for v in made['annotations'] if 'segments' in v}
    assert labelled == {'set_a_0', 'set_b_1', 'set_c_0'}
    assert len(made['annotations']) == 5
    assert len({folder.digest(f'toy/two/{n}') for n in (0, 1)}) == 2
    with pytest.raises(ValueError, match="no draw 2 of 'two'"):
        folder.file('toy/two/2')
    with pytest.raises(ValueError, match='/BUDGET/DRAW'):
        folder.file('toy/two')
