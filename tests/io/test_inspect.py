"""Facts about files of skeletons."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.io.annotation import save_annotation
from mmsnip.io.inspect import (
    annotations_of,
    inspect_annotation,
    likely_unit,
)
from mmsnip.io.inspect_text import format_facts
from mmsnip.io.measure import measure_video
from mmsnip.io.store_writer import write_store
from mmsnip.skeleton.layout import from_metainfo
from mmsnip.structures import DataError
from mmsnip.structures.plain import to_plain

NAMES = ['root', 'neck', 'hand_l', 'hand_r', 'foot']
PARENTS = [-1, 0, 1, 1, 0]
BODY = np.array(
    [[0, 1, 3], [0, 1.5, 3], [0.4, 1.5, 3], [-0.4, 1.5, 3], [0, 0.1, 3]]
)
T, V, FPS = 60, 5, 30.0


@pytest.fixture
def layout():
    return from_metainfo(dict(joint_names=NAMES, parents=PARENTS))


def swaying(seed=0, M=1, frames=T):
    """A rigid body that slowly sways, (M, frames, V, 3)."""
    phase = np.random.default_rng(seed).random(M)[:, None, None, None] * 6
    time = np.arange(frames)[:, None, None]
    sway = 0.1 * np.sin(0.2 * time + phase) * np.array([1.0, 0, 0.3])
    return (BODY + sway).astype(np.float32)


def file_of(num_train=4, num_val=3):
    names = [f'train_{n}' for n in range(num_train)]
    names += [f'val_{n}' for n in range(num_val)]
    videos = [
        dict(
            frame_dir=name,
            total_frames=T,
            keypoint=swaying(seed),
            segments=np.array([[5, 20], [26, 50]]),
            segment_labels=np.array([0, 1]),
        )
        for seed, name in enumerate(names)
    ]
    return dict(
        metainfo=dict(
            classes=['wave', 'bow', 'jump'],
            joint_names=NAMES,
            parents=PARENTS,
            fps=FPS,
        ),
        split=dict(train=names[:num_train], val=names[num_train:]),
        annotations=videos,
    )


def kinds(facts, name):
    return {finding.kind for finding in facts['videos'][name]['findings']}


def test_a_sound_file_has_nothing_suspicious():
    facts = inspect_annotation(file_of())

    assert facts['suspicious'] == []
    assert facts['problems'] == []
    assert facts['findings'] == {}


def test_persons_are_counted_frame_by_frame(layout):
    keypoint = swaying(M=2)
    keypoint[0, 10:17] = 0
    keypoint[1, 15:] = 0

    facts = measure_video(keypoint, FPS, layout)

    assert facts['persons'].tolist() == [2, 48, 10]
    assert facts['absence'] == (2, 15)
    assert facts['bodies'] == 68


def test_a_teleport_is_named_by_the_frame_it_enters(layout):
    keypoint = swaying()
    keypoint[:, 31:] += np.float32(4.0)

    facts = measure_video(keypoint, FPS, layout)

    assert facts['teleports'].tolist() == [31]
    assert facts['joint_jumps'].tolist() == []


def test_frozen_frames_repeat_the_one_before(layout):
    keypoint = swaying()
    keypoint[:, 12:20] = keypoint[:, 12:13]

    facts = measure_video(keypoint, FPS, layout)

    assert facts['frozen'] == (7, 12)
    assert facts['frozen_frames'] == 7


def test_lost_joints_are_zeros_in_a_body_that_is_there(layout):
    keypoint = swaying()
    keypoint[0, 3:10, 4] = 0
    keypoint[0, 20:30] = 0

    facts = measure_video(keypoint, FPS, layout)

    assert facts['lost'].tolist() == [0, 0, 0, 0, 7]
    np.testing.assert_allclose(facts['high'][1], 1.5)
    np.testing.assert_allclose(facts['low'][1], 0.1, rtol=1e-6)


def test_bone_spread_is_the_range_over_the_median(layout):
    stretch = np.linspace(0.5, 1.5, T)
    keypoint = swaying()
    keypoint[0, :, 4] = keypoint[0, :, 0]
    keypoint[0, :, 4, 1] -= stretch.astype(np.float32)

    facts = measure_video(keypoint, FPS, layout)

    low, high = np.percentile(stretch, (5, 95))
    np.testing.assert_allclose(facts['bones'][1], 0.5, rtol=1e-5)
    np.testing.assert_allclose(facts['bone_spread'][4], high - low, rtol=1e-4)
    assert np.isnan(facts['bones'][0])


@pytest.mark.parametrize(
    ('order', 'sign', 'axis'),
    [((0, 1, 2), 1, 'y'), ((0, 2, 1), 1, 'z'), ((0, 1, 2), -1, '-y')],
)
def test_up_follows_the_trunk(order, sign, axis):
    data = file_of()
    for video in data['annotations']:
        video['keypoint'] = sign * video['keypoint'][..., list(order)]

    facts = inspect_annotation(data)

    assert facts['bodies']['up'] == axis
    assert facts['bodies']['up_share'] == 1.0


@pytest.mark.parametrize(
    ('height', 'C', 'unit'),
    [
        (1.7, 3, 'm'),
        (168.0, 3, 'cm'),
        (1710.0, 3, 'mm'),
        (9000.0, 3, None),
        (300.0, 2, 'pixel'),
        (0.6, 2, 'normalized'),
        (float('nan'), 3, None),
    ],
)
def test_unit_is_guessed_from_the_height(height, C, unit):
    assert likely_unit(height, C) == unit


def test_every_fault_is_found_and_the_worst_come_first():
    data = file_of(9, 3)
    videos = data['annotations']
    videos[0]['keypoint'][0, 7, 2] = np.nan
    videos[1]['keypoint'][:, 30:] += 4
    videos[2]['keypoint'] *= 1000
    videos[3]['keypoint'] = videos[9]['keypoint'].copy()
    videos[4]['keypoint'][:, 10:50] = 0
    videos[5]['segments'] = np.array([[5, 20], [26, 500]])
    videos[6]['keypoint'][..., 2] = 3.0
    videos[7]['keypoint'][:, :, 3] = 0.25

    facts = inspect_annotation(data)

    assert facts['suspicious'][0] == 'train_0'
    assert facts['suspicious'][1] == 'train_3'
    expected = [
        'NaN or infinity',
        'teleports',
        'body size',
        'same content',
        'nobody there',
        'malformed',
        'constant axis',
        'still joints',
    ]
    for index, kind in enumerate(expected):
        assert kind in kinds(facts, f'train_{index}')
    assert kinds(facts, 'train_8') == set()
    reasons = [f.reason for f in facts['videos']['train_3']['findings']]
    assert reasons[0] == 'same content as val_0, across splits'


def test_what_all_videos_have_is_not_odd_in_one():
    data = file_of()
    for seed, video in enumerate(data['annotations']):
        stretch = np.random.default_rng(seed).uniform(0.7, 1.3, T)
        keypoint = video['keypoint']
        keypoint[0, :, 4] = keypoint[0, :, 0]
        keypoint[0, :, 4, 1] -= stretch.astype(np.float32)

    facts = inspect_annotation(data)

    assert facts['bodies']['bone_spread'][4] > 0.4
    assert 'bone lengths' not in facts['findings']


def test_classes_and_splits_are_counted():
    data = file_of()
    data['annotations'][5]['segment_labels'] = np.array([2, 2])
    data['split']['val'].append('train_0')

    facts = inspect_annotation(data)

    counts = facts['classes']['counts']
    assert counts['train'].tolist() == [[4, 4, 60], [4, 4, 96], [0, 0, 0]]
    assert counts['val'].tolist() == [[3, 3, 45], [3, 3, 72], [1, 2, 39]]
    assert facts['classes']['unseen'] == [['train', 'val', ['jump']]]
    assert facts['splits']['overlap'] == [['train', 'val', ['train_0']]]
    background = facts['splits']['sizes']['train']['background']
    np.testing.assert_allclose(background, 1 - 39 / 60)


def test_gaps_touching_and_overlapping_segments_are_told_apart():
    data = file_of(2, 1)
    rows = [[0, 10], [10, 20], [26, 32], [30, 40], [35, 37], [52, 60]]
    data['annotations'][0].update(
        segments=np.array(rows), segment_labels=np.zeros(6, int)
    )

    facts = inspect_annotation(data)['segments']

    assert facts['touching'] == 1
    assert facts['overlapping'] == ['train_0']
    # 6 frames in each of three videos, 12 behind the overlap.
    gaps = np.array([6, 6, 6, 12]) / FPS
    expected = np.percentile(gaps, (0, 25, 50, 75, 100))
    np.testing.assert_allclose(facts['gap_s'], expected)


def test_a_trimmed_video_is_one_action():
    data = file_of(1, 0)
    del data['annotations'][0]['segments']
    data['annotations'][0].update(segment_labels=None, label=2)

    facts = inspect_annotation(data)

    assert facts['videos']['train_0']['actions'].tolist() == [[2, 0, T]]


def test_pickle_store_and_recording_give_the_same_facts(tmp_path):
    data = file_of(1, 0)
    data['split'] = {}
    save_annotation(tmp_path / 'a.pkl', data)
    write_store(
        tmp_path / 'a.safetensors', data['annotations'], data['metainfo']
    )
    keypoint = data['annotations'][0]['keypoint']
    np.savez(tmp_path / 'train_0.npz', keypoint=keypoint, fps=FPS)

    facts = [
        inspect_annotation(annotations_of(tmp_path / name))
        for name in ('a.pkl', 'a.safetensors', 'train_0.npz')
    ]

    for other in facts[1:]:
        assert list(other['videos']) == ['train_0']
        video, first = other['videos']['train_0'], facts[0]['videos']
        assert video['digest'] == first['train_0']['digest']
        assert video['seconds'] == first['train_0']['seconds']
    assert facts[1]['classes']['names'] == facts[0]['classes']['names']


def test_unreadable_files_are_refused_by_name(tmp_path):
    (tmp_path / 'a.pkl').write_bytes(b'no pickle')
    (tmp_path / 'a.npy').write_bytes(b'no array')

    with pytest.raises(DataError, match=r'a\.pkl'):
        annotations_of(tmp_path / 'a.pkl')
    with pytest.raises(ValueError, match=r'a\.npy'):
        annotations_of(tmp_path / 'a.npy')
    with pytest.raises(DataError, match='does not exist'):
        annotations_of(tmp_path / 'b.pkl')


def test_malformed_files_are_described_not_refused():
    data = file_of(3, 0)
    data['metainfo'] = dict(classes='no list', fps=-1)
    data['split'] = dict(train=7, val=['ghost'])
    data['annotations'][0] = dict(frame_dir='train_0', keypoint=None)
    data['annotations'][1]['segments'] = [[1], [2, 3]]
    data['annotations'][2]['frame_dir'] = 5

    facts = inspect_annotation(data)
    text = format_facts(facts)

    assert facts['layout'] is None
    assert 'ghost' in text
    assert kinds(facts, 'train_0') == {'malformed'}
    assert list(facts['videos']) == ['train_0', 'train_1', 'annotations[2]']


def test_a_file_without_videos_has_facts_too():
    data = dict(metainfo={}, split={}, annotations=[])

    text = format_facts(inspect_annotation(data))

    assert '0 videos' in text
    assert 'no classes' in text


def test_text_names_the_worst_and_counts_the_rest():
    data = file_of(9, 3)
    for video in data['annotations'][:5]:
        video['keypoint'][:, 30:] += 4

    text = format_facts(inspect_annotation(data, 'a.pkl'), num_videos=2)

    assert text.startswith('a.pkl\n')
    assert '5 of 12 videos are suspicious: teleports 5' in text
    assert text.count('the body jumps once, at frame 30') == 2
    assert '- ... and 3 more' in text
    assert max(len(line) for line in text.splitlines()) < 100


def test_facts_survive_json():
    data = file_of()
    data['annotations'][0]['keypoint'][:] = 0

    facts = inspect_annotation(data)
    read = json.loads(
        json.dumps(to_plain(facts, for_json=True), allow_nan=False)
    )

    assert read['videos']['train_0']['height'] is None
    assert read['layout']['parents'] == PARENTS
    assert read['splits']['sizes']['all']['videos'] == 7
    assert read['videos']['train_0']['findings'][0]['kind'] == 'empty'


# What is told of a file is what it says, or what its bodies show.


def test_an_unknown_rate_is_not_told_as_30():
    data = file_of()
    del data['metainfo']['fps']

    facts = inspect_annotation(data)
    text = format_facts(facts)

    assert (facts['fps'], facts['rates']) == (None, {None: 7})
    assert facts['splits']['sizes']['all']['hours'] is None
    assert 'frame rate        unknown in 7 videos' in text
    assert 'hours unknown' in text
    assert '15 / 15 / 20 / 24 / 24 frames' in text.replace('.0', '')
    assert '/s' not in text.replace('frames/s', '')


def test_rates_that_differ_are_all_told():
    data = file_of()
    data['annotations'][0]['fps'] = 25.0
    data['annotations'][1]['fps'] = 60.0

    facts = inspect_annotation(data)

    assert facts['rates'] == {25.0: 1, 60.0: 1, 30.0: 5}
    assert '25 frames/s (1 video), 60 frames/s' in format_facts(facts)
    frames = facts['splits']['sizes']['all']['hours'] * 3600
    np.testing.assert_allclose(frames, T / 25 + T / 60 + 5 * T / 30)


@pytest.mark.parametrize('num_turned', [1, 3])
def test_recordings_whose_trunks_point_elsewhere_are_named(num_turned):
    data = file_of(4, 2)
    for video in data['annotations'][:num_turned]:
        video['keypoint'] = video['keypoint'][..., [0, 2, 1]]

    facts = inspect_annotation(data)
    text = format_facts(facts)

    turned = {f'train_{n}' for n in range(num_turned)}
    named = {
        name for name in facts['videos'] if 'up axis' in kinds(facts, name)
    }
    assert named in (turned, set(facts['videos']) - turned)
    assert 'UP DIFFERS' in text
    assert '--up z' in text or '--up y' in text
    assert 'nothing suspicious' not in text


def test_an_axis_that_is_stated_is_held_against_the_bodies():
    data = file_of()
    data['metainfo']['up'] = 'z'

    text = format_facts(inspect_annotation(data))

    assert 'look at: trunks point along y' in text
    assert '--up y' in text


@pytest.mark.parametrize(
    ('scale', 'unit', 'remedy'),
    [(100, 'm', '--unit cm'), (100, None, '--unit cm'), (15, 'm', '--scale')],
)
def test_bodies_of_no_human_size_are_pointed_out(scale, unit, remedy):
    data = file_of()
    data['metainfo']['unit'] = unit
    for video in data['annotations']:
        video['keypoint'] *= scale

    text = format_facts(inspect_annotation(data))

    assert remedy in text
    assert 'nothing suspicious' not in text


def test_a_mirrored_recording_is_named_with_its_remedy():
    data = file_of()

    def sides(keypoint, layout):
        return (0, 60) if keypoint[0, 0, 2, 0] < 0 else (60, 60)

    data['annotations'][2]['keypoint'][..., 0] *= -1

    facts = inspect_annotation(data, sides=sides)

    assert facts['suspicious'] == ['train_2']
    assert '--mirror' in format_facts(facts)


def test_a_split_is_described_without_its_joints():
    facts = inspect_annotation(file_of(), split='val', joints=False)

    assert list(facts['videos']) == ['val_0', 'val_1', 'val_2']
    assert '3 videos, 180 frames' in format_facts(facts)
    assert facts['bodies']['low'] is None


@pytest.mark.data
@pytest.mark.parametrize(
    ('name', 'videos', 'frames', 'up'),
    [
        ('bandai_stitched', 130, 85128 + 41991, 'y'),
        ('bandai_trimmed', 1804, 181361 + 67416, 'y'),
        ('msr_action3d', 553, 10786 + 10953, 'y'),
    ],
)
def test_real_files_are_described_as_their_readme_says(
    data_dir, name, videos, frames, up
):
    path = data_dir / f'{name}.pkl'

    facts = inspect_annotation(annotations_of(path), path)

    size, bodies = facts['splits']['sizes']['all'], facts['bodies']
    assert (size['videos'], size['frames']) == (videos, frames)
    assert (bodies['up'], bodies['likely_unit']) == (up, 'm')
    assert facts['splits']['overlap'] == []
    assert 'same content' not in facts['findings']
    assert facts['segments']['overlapping'] == []
