"""What is held out, drawn and joined, and that val stays out of sight."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from experiments.data import (
    DataFolder,
    find_data_dir,
    held_out_names,
    hold_out,
    stitch,
)
from experiments.measure import clips_beside
from mmsnip.io.annotation import load_annotation, save_annotation
from tests.experiments.conftest import toy_annotation

GROUP = '^set_([a-z])_'
PERSON = '_p([0-9])_'
CLASSES = ['wave', 'kick', 'nod']


def test_whole_groups_are_held_out_and_the_real_val_is_dropped():
    data = toy_annotation()

    held = hold_out(data, group=GROUP, hold=['b'])

    assert held['split'] == dict(
        train=['set_a_0', 'set_a_1'], val=['set_b_0', 'set_b_1']
    )
    names = {video['frame_dir'] for video in held['annotations']}
    assert names == {'set_a_0', 'set_a_1', 'set_b_0', 'set_b_1'}
    assert len(data['annotations']) == 5


@pytest.mark.parametrize(
    ('rule', 'message'),
    [
        (
            dict(group=GROUP, hold=['c']),
            r"holding \['c'\] out leaves no video",
        ),
        (dict(group=GROUP, hold=['a', 'b']), 'leaves no video to '),
        (dict(group='^(x)'), "finds no group in the video 'set_a_0'"),
        ({}, 'it needs one bracket'),
    ],
)
def test_what_cannot_be_held_out_is_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        held_out_names(toy_annotation()['split']['train'], **rule)


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
    with pytest.raises(ValueError, match=r"the draws of .* are \{'two': 2\}"):
        folder.file('toy/two/2')
    with pytest.raises(ValueError, match='/BUDGET/DRAW'):
        folder.file('toy/two')


def clips(count=12, persons=2, frames=20):
    """Clips of two persons who walk along x, far from the origin."""
    rng = np.random.default_rng(0)
    names, annotations = [], []
    for number in range(count):
        name = f'clip_p{number % persons}_{number:02d}'
        points = rng.normal(size=(1, 1, 4, 3)).repeat(frames, axis=1)
        points[..., 0] += 50 + np.arange(frames)[:, None] * 0.1
        names.append(name)
        annotations.append(
            dict(
                frame_dir=name,
                total_frames=frames,
                keypoint=points.astype(np.float32),
                label=number // persons % 3,
            )
        )
    return dict(
        metainfo=dict(
            dataset='toy',
            classes=CLASSES,
            joint_names=['root', 'head', 'left', 'right'],
            parents=[-1, 0, 0, 0],
            fps=10.0,
        ),
        split=dict(train=names[:8], val=names[8:]),
        annotations=annotations,
    )


def sequences(made, tables):
    """Annotation and clips of each sequence, side by side."""
    return zip(made['annotations'], (table['clips'] for table in tables))


def test_every_clip_is_used_once_in_its_split_and_with_its_person():
    data = clips()

    made, tables = stitch(data, PERSON)

    for part, names in data['split'].items():
        used = [
            clip['clip']
            for table in tables
            if table['frame_dir'] in made['split'][part]
            for clip in table['clips']
        ]
        assert sorted(used) == sorted(names)
    for table in tables:
        assert len({clip['clip'][5:7] for clip in table['clips']}) == 1


def test_segments_hold_the_motion_of_their_clips_moved_over_the_ground():
    data = clips()
    source = {clip['frame_dir']: clip for clip in data['annotations']}

    made, tables = stitch(data, PERSON)

    for entry, table in sequences(made, tables):
        assert entry['total_frames'] == entry['keypoint'].shape[1]
        assert entry['keypoint'].dtype == np.float32
        for clip, segment, label in zip(
            table, entry['segments'], entry['segment_labels']
        ):
            start, end = segment
            assert (clip['start'], clip['end']) == (start, end)
            assert CLASSES[label] == clip['content']
            moved = (
                entry['keypoint'][:, start:end]
                - source[clip['clip']]['keypoint']
            )
            # one way for all of the clip, and none upwards
            assert np.ptp(moved, axis=(1, 2)).max() < 1e-4
            assert np.abs(moved[..., 1]).max() < 1e-4


def test_a_clip_begins_where_the_last_one_ended_and_the_way_is_eased():
    made, tables = stitch(clips(), PERSON)

    seen = 0
    for entry, table in sequences(made, tables):
        points = entry['keypoint'][0]
        place = points.mean(axis=1)[:, [0, 2]]
        assert np.allclose(place[0], 0, atol=1e-5)
        for last, following in itertools.pairwise(table):
            start, end = last['end'], following['start']
            assert 3 <= end - start <= 10  # 1/3 to 1 s at 10 a second
            assert np.allclose(
                place[start - 1 : end + 1], place[start - 1], atol=1e-4
            )
            way = points[start - 1 : end + 1, :, 1]  # (T, V)
            steps = np.abs(np.diff(way, axis=0))
            assert (np.sign(np.diff(way, axis=0)) >= 0).all(axis=0).sum() + (
                np.sign(np.diff(way, axis=0)) <= 0
            ).all(axis=0).sum() == 4  # every joint in one direction
            assert (steps[0] < steps.max(axis=0)).all()
            seen += 1
    assert seen > 4


def test_background_classes_stay_in_without_a_label():
    made, tables = stitch(clips(), PERSON, background=['kick'])

    assert made['metainfo']['classes'] == ['wave', 'nod']
    kinds = set()
    for entry, table in sequences(made, tables):
        told = [clip for clip in table if clip['labelled']]
        assert [[c['start'], c['end']] for c in told] == entry[
            'segments'
        ].tolist()
        assert all(c['content'] != 'kick' for c in told)
        kinds |= {c['content'] for c in table if not c['labelled']}
    assert kinds == {'kick'}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(group='_x([0-9])'), "finds no group in the video 'clip_p0"),
        (dict(background=['jump']), 'jump'),
        (dict(background=CLASSES), 'all'),
    ],
)
def test_what_cannot_be_joined_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        stitch(clips(), **{'group': PERSON, **arguments})


def test_a_declared_data_set_is_joined_once_and_then_held_out(tmp_path):
    save_annotation(tmp_path / 'clips.pkl', clips())

    def folder(seed):
        rule = dict(
            file='clips',
            stitch=dict(group=PERSON, seed=seed),
            group='^train_([0-9])',
            hold=['1'],
        )
        return DataFolder(tmp_path, tmp_path / 'made', dict(joined=rule))

    path = folder(0).file('joined')
    stamp = path.stat().st_mtime_ns

    assert folder(0).source('joined').resolve() == path
    assert path.stat().st_mtime_ns == stamp
    assert clips_beside(path)
    held = load_annotation(folder(0).file('joined/holdout'))['split']
    assert {name[:8] for name in held['train']} == {'train_0_'}
    assert {name[:8] for name in held['val']} == {'train_1_'}
    digests = {
        folder(0).digest('joined'),
        folder(1).digest('joined'),
        folder(0).digest('joined/holdout'),
    }
    assert len(digests) == 3
