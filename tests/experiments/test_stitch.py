"""Clips joined to sequences: what lies where, and how they move between."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from experiments.data import DataFolder, stitch
from experiments.declare import load_runs
from experiments.measure import clips_beside
from mmsnip.io.annotation import load_annotation, save_annotation

ROOT = Path(__file__).resolve().parents[2]
PERSON = '_p([0-9])_'
CLASSES = ['wave', 'kick', 'nod']


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


def test_neighbours_differ_while_another_class_is_left():
    data = clips(count=40, persons=1)

    _, tables = stitch(data, PERSON)

    for table in tables:
        assert len(table['clips']) <= 8
        left = [clip['content'] for clip in table['clips']]
        same = [a == b for a, b in itertools.pairwise(left)]
        assert sum(same) <= (table is tables[-1])


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


def test_a_seed_says_all_and_another_seed_another_order():
    one, same, other = (stitch(clips(), PERSON, seed=s)[1] for s in (0, 0, 1))

    assert one == same != other


@pytest.mark.parametrize(
    ('change', 'arguments', 'message'),
    [
        ({}, dict(group='_x([0-9])'), "finds no group in the video 'clip_p0"),
        ({}, dict(background=['jump']), 'jump'),
        ({}, dict(background=CLASSES), 'all'),
        (dict(label=None), {}, "'clip_p0_00' lacks the key 'label'"),
    ],
)
def test_what_cannot_be_joined_is_refused(change, arguments, message):
    data = clips()
    data['annotations'][0].update(change)

    with pytest.raises(ValueError, match=message):
        stitch(data, **{'group': PERSON, **arguments})


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


def test_the_digest_does_not_hang_on_how_a_pickle_is_written(tmp_path):
    save_annotation(tmp_path / 'clips.pkl', clips())
    rules = dict(joined=dict(file='clips', stitch=dict(group=PERSON)))
    folder = DataFolder(tmp_path, tmp_path / 'made', rules)
    before = folder.digest('joined')
    made, _ = stitch(clips(), PERSON)
    made['metainfo']['note'] = 'as another numpy would write it'
    save_annotation(folder.source('joined'), made)

    again = DataFolder(tmp_path, tmp_path / 'made', rules)

    assert again.digest('joined') == before


@pytest.mark.data
def test_the_declared_stitched_set_is_cross_subject(data_dir, tmp_path):
    declared = load_runs(ROOT / 'experiments' / 'runs.yaml')
    folder = DataFolder(data_dir, tmp_path, declared.data)

    made = load_annotation(folder.file('msr_stitched'))

    assert [len(made['split'][k]) for k in ('train', 'val')] == [48, 47]
    for part, odd in (('train', 1), ('val', 0)):
        persons = {int(name.split('_')[1]) for name in made['split'][part]}
        assert {person % 2 for person in persons} == {odd}
    assert len(made['metainfo']['classes']) == 16
    lengths = np.concatenate(
        [np.diff(entry['segments']) for entry in made['annotations']]
    )
    assert np.median(lengths) == 39
