"""Folders of BVH, tables and poses become annotation files."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.prepare.folder import FolderSource
from mmsnip.prepare.joints import read_for
from mmsnip.skeleton import get_layout
from mmsnip.skeleton.mapping import joint_mapping
from mmsnip.structures import DataError
from tests.prepare.noted import run

BVH = """HIERARCHY
ROOT hips
{
 OFFSET 0 0 0
 CHANNELS 3 Xposition Yposition Zposition
 JOINT neck
 {
  OFFSET 0 50 0
  CHANNELS 1 Zrotation
  JOINT head
  {
   OFFSET 0 20 0
   CHANNELS 1 Zrotation
   End Site
   {
    OFFSET 0 10 0
   }
  }
 }
}
MOTION
Frames: 3
Frame Time: 0.04
1 2 3 0 0
1 2 4 0 0
1 2 5 0 0
"""
COLUMNS = """
delimiter: ;
scale: 0.001
joints:
  hip: [a, b, c]
  head: [d, e, f]
parents: [-1, 0]
fps: 20
"""
BARE = 'hip_x,hip_y,hip_z,head_x,head_y,head_z'
TWO = dict(joint_names=['hip', 'head'], parents=[-1, 0])


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def bvh(root, **options):
    reading = {
        key: options.pop(key)
        for key in ('drop', 'end_sites')
        if key in options
    }
    return FolderSource(root, endings=['.bvh'], reading=reading, **options)


def table(root, columns=None, **options):
    reading = dict(columns=None if columns is None else str(columns))
    options = {'endings': ['.csv', '.tsv', '.txt'], **options}
    return FolderSource(root, reading=reading, **options)


def poses_in(root, **options):
    return FolderSource(root, endings=['.json'], **options)


@pytest.fixture
def bvh_folder(tmp_path):
    write(tmp_path / 'in' / 'walk' / 'a.bvh', BVH)
    write(tmp_path / 'in' / 'sit' / 'b.bvh', BVH)
    return tmp_path / 'in'


def test_bvh_files_become_metres_with_their_own_joints(bvh_folder, tmp_path):
    source = bvh(bvh_folder, val_fraction=0, classes_from_folders=True)

    report, data = run(source, tmp_path / 'out.pkl', dict(unit='cm'))

    video = data['annotations'][1]
    assert video['frame_dir'] == 'walk/a'
    assert video['label'] == 1
    np.testing.assert_allclose(
        video['keypoint'][0, 1],
        [[0.01, 0.02, 0.04], [0.01, 0.52, 0.04], [0.01, 0.72, 0.04]],
        rtol=0,
        atol=1e-6,
    )
    metainfo = data['metainfo']
    assert metainfo['joint_names'] == ['hips', 'neck', 'head']
    assert metainfo['parents'] == [-1, 0, 1]
    assert (metainfo['fps'], metainfo['unit']) == (25.0, 'm')
    assert metainfo['classes'] == ['sit', 'walk']
    assert report.skipped == []
    _, unknown = run(bvh(bvh_folder), tmp_path / 'o.pkl')
    assert 'unit' not in unknown['metainfo']


@pytest.mark.parametrize(
    ('options', 'facts', 'joints', 'head'),
    [
        (dict(drop=['neck']), {}, ['hips', 'head'], 72.0),
        ({}, dict(scale=0.5), ['hips', 'neck', 'head'], 36.0),
        (
            dict(end_sites=True),
            {},
            ['hips', 'neck', 'head', 'head_end'],
            72.0,
        ),
    ],
)
def test_bvh_options_reach_the_reader(
    bvh_folder, tmp_path, options, facts, joints, head
):
    source = bvh(bvh_folder, **options)

    _, data = run(source, tmp_path / 'out.pkl', facts)

    assert data['metainfo']['joint_names'] == joints
    keypoint = data['annotations'][0]['keypoint']
    assert keypoint[0, 0, joints.index('head'), 1] == pytest.approx(head)
    assert source.options() != bvh(bvh_folder).options() or facts


def test_the_end_of_a_foot_stands_in_for_its_toes(tmp_path):
    body = BVH.replace('neck', 'LeftLeg').replace('head', 'LeftFoot')
    path = write(tmp_path / 'a.bvh', body)

    plain, fitted = read_for(path), read_for(path, get_layout('smpl-22'))

    assert plain.joint_names == ('hips', 'LeftLeg', 'LeftFoot')
    assert fitted.joint_names == (*plain.joint_names, 'LeftFoot_end')
    np.testing.assert_array_equal(fitted.keypoint[0, 0, 3], [1, 82, 3])
    write(path, BVH)  # the end of a head helps no foot
    assert read_for(path, get_layout('smpl-22')).joint_names[-1] == 'head'


def test_a_mix_of_metres_and_unknown_lengths_is_told(tmp_path):
    for name, said in (('a', dict(unit='mm')), ('b', {})):
        keypoint = np.ones((1, 4, 25, 3), np.float32)
        np.savez(tmp_path / f'{name}.npz', keypoint=keypoint, **said)

    report, data = run(FolderSource(tmp_path), tmp_path / 'o.pkl')

    assert 'unit' not in data['metainfo']
    told = [text for name, text in report.look_at if not name]
    assert told[0].startswith('1 of 2 recordings are in metres')


@pytest.mark.parametrize(
    ('header', 'columns', 'unit', 'height', 'told'),
    [
        (BARE.replace(',', ' (cm),') + ' (cm)', '', None, 1.7, ''),
        (BARE, ', scale: 0.01', None, 1.7, ''),
        (BARE, ', unit: mm', None, 0.17, 'state the unit of the file'),
        (BARE, ', unit: mm', 'cm', 1.7, 'unit is cm, as stated'),
        (BARE, '', 'cm', 1.7, ''),
    ],
)
def test_the_unit_of_a_table_is_applied_once(
    tmp_path, header, columns, unit, height, told
):
    rows = '\n'.join(f'1,0,{t},1,170,{t}' for t in range(9))
    write(tmp_path / 'in' / 'a.csv', f'{header}\n{rows}\n')
    text = '{parents: [-1, 0]' + columns + '}'
    source = table(tmp_path / 'in', write(tmp_path / 'c.yaml', text))

    report, data = run(source, tmp_path / 'o.pkl', dict(unit=unit, fps=30))

    keypoint = data['annotations'][0]['keypoint']
    assert np.ptp(keypoint[0, 0, :, 1]) == pytest.approx(height)
    notes = ' '.join(text for _, text in report.notes + report.look_at)
    assert told in notes
    assert told or notes == "split 'val' has no recording"


@pytest.mark.data
def test_real_bvh_files_give_the_joints_of_the_lent_pickle(data_dir, tmp_path):
    source = bvh(data_dir / 'bvh_samples', drop=['joint_Root'])
    lent = load_annotation(data_dir / 'bandai_trimmed.pkl')
    expected = {v['frame_dir']: v['keypoint'] for v in lent['annotations']}

    report, data = run(source, tmp_path / 'o.pkl', dict(unit='cm'))

    assert len(data['annotations']) == 3
    assert report.look_at == []
    assert data['metainfo']['joint_names'] == lent['metainfo']['joint_names']
    assert data['metainfo']['parents'] == lent['metainfo']['parents']
    for video in data['annotations']:
        np.testing.assert_allclose(
            video['keypoint'],
            expected[video['frame_dir']].astype(np.float32),
            rtol=0,
            atol=2e-3,  # they are lent in float16
        )


def test_tables_are_read_by_a_column_map(tmp_path):
    columns = write(tmp_path / 'columns.yaml', COLUMNS)
    rows = 'a;b;c;d;e;f\n1000;2000;3000;4000;5000;6000\n'
    rows += '1001;2000;3000;4000;5000;6000\n'
    write(tmp_path / 'in' / 'p01.txt', rows)
    source = table(tmp_path / 'in', columns, endings=['.txt'], val_fraction=0)

    _, data = run(source, tmp_path / 'out.pkl')

    (video,) = data['annotations']
    np.testing.assert_allclose(
        video['keypoint'],
        [[[[1, 2, 3], [4, 5, 6]], [[1.001, 2, 3], [4, 5, 6]]]],
        rtol=0,
        atol=1e-6,
    )
    assert data['metainfo']['joint_names'] == ['hip', 'head']
    assert data['metainfo']['fps'] == 20.0
    before = str(source.options())
    write(columns, COLUMNS.replace('fps: 20', 'fps: 25'))
    assert str(table(tmp_path / 'in', columns).options()) != before
    write(columns, 'joins: {}\n')
    with pytest.raises(DataError, match=r'columns\.yaml.*joins'):
        table(tmp_path / 'in', columns)


@pytest.mark.parametrize(
    'rows',
    ['start_s,end_s\na,lift,10,12', 'start_frame,end_frame\na,lift,210,270'],
)
def test_labels_of_a_table_with_a_gap_lie_where_they_were_seen(tmp_path, rows):
    kept = np.r_[:150, 240:450]  # 3 s are lost
    lines = [f'{t / 30:.3f},0,{t},0,0,{t + 1},0' for t in kept]
    head = f'time_s,{BARE}\n'
    write(tmp_path / 'in' / 'a.csv', head + '\n'.join(lines))
    labels = write(tmp_path / 'labels.csv', f'video,label,{rows}\n')

    _, data = run(
        table(tmp_path / 'in', labels=labels),
        tmp_path / 'out.pkl',
        dict(layout=TWO),
    )

    (video,) = data['annotations']
    assert video['total_frames'] == 450
    assert video['segments'].tolist() == [[300, 360]]
    hip = video['keypoint'][0, 300:360, 0, 1]
    assert hip.tolist() == list(range(300, 360))


def test_utkinect_text_is_read_without_a_map(tmp_path):
    x = np.random.default_rng(3).uniform(0.5, 2.5, (7, 20, 3)).round(4)
    rows = [
        ' '.join([str(252 + t), *map(str, x[t].ravel().tolist())])
        for t in range(7)
    ]
    write(tmp_path / 'in' / 'joints_s01_e01.txt', '\n'.join(rows) + '\n')
    labels = write(
        tmp_path / 'in' / 'action.csv', 'joints_s01_e01,walk,254,257\n'
    )
    source = table(
        tmp_path / 'in', labels=labels, labels_unit='frames', val_fraction=0
    )

    report, data = run(source, tmp_path / 'out.pkl')
    (video,) = data['annotations']
    np.testing.assert_allclose(video['keypoint'][0], x, rtol=0, atol=1e-6)
    assert data['metainfo']['joint_names'][0] == 'hip_center'
    assert video['segments'].tolist() == [[2, 5]]
    assert any('moved by 252 frames' in what for _, what in report.notes)
    assert report.skipped == []


def test_named_joints_without_bones_are_not_taken_for_others(tmp_path):
    names = [f'{n}bone_{a}' for n in 'abcdefghijklmnopq' for a in 'xyz']
    row = ','.join(map(str, range(1, 52)))
    write(tmp_path / 'in' / 'p.csv', f'{",".join(names)}\n{row}\n{row}\n')

    report, _ = run(table(tmp_path / 'in'), tmp_path / 'out.pkl')

    assert report.converted == 0
    assert 'names 17 joints' in report.skipped[0].reason


def openpose(bodies, score=0.9):
    """A frame of bodies (P, V, 2)."""
    people = []
    for x in bodies:
        flat = np.concatenate([x, np.full((len(x), 1), score)], axis=1)
        flat = np.where((x == 0).all(1)[:, None], 0, flat)
        people.append(dict(pose_keypoints_2d=flat.ravel().tolist()))
    return dict(version=1.3, people=people)


def poses(T, seed=0):
    x = np.random.default_rng(seed).uniform(10, 40, (T, 25, 2)).round(3)
    return x + 5 * np.arange(25)[:, None]


def write_frames(folder, x, ending='_keypoints.json', start=0):
    for t, frame in enumerate(x, start):
        write(folder / f'clip_{t:012d}{ending}', openpose([frame]))
    return x


@pytest.mark.parametrize('ending', ['_keypoints.json', '.json'])
def test_a_folder_of_frames_is_a_recording(tmp_path, ending):
    root = tmp_path / 'in'
    x = write_frames(root / 'walk' / 'clip.1', poses(7), ending)
    write_frames(root / 'walk' / 'clip.2', poses(5, 1), ending)
    source = poses_in(root, classes_from_folders=True)

    report, data = run(source, tmp_path / 'out.pkl')

    videos = data['annotations']
    assert [v['frame_dir'] for v in videos] == ['walk/clip.1', 'walk/clip.2']
    np.testing.assert_allclose(videos[0]['keypoint'][0], x, atol=1e-4)
    assert videos[1]['keypoint_score'].shape == (1, 5, 25)
    assert data['metainfo']['classes'] == ['walk']
    assert report.skipped == []
    before = source.items()[0].fields
    frame = min((root / 'walk' / 'clip.1').iterdir())
    os.utime(frame, ns=(1, frame.stat().st_mtime_ns + 10**9))
    assert before != source.items()[0].fields  # it is read again


def test_the_user_may_say_what_a_folder_is(tmp_path):
    write_frames(tmp_path / 'clip', poses(7))
    write(tmp_path / 'takes' / 'a.json', [openpose(poses(1))] * 3)

    apart = poses_in(tmp_path, frames_in_folders=False)
    whole = poses_in(tmp_path, frames_in_folders=True)

    assert len(apart.items()) == 8
    assert [item.name for item in whole.items()] == ['clip', 'takes']
    (alone,) = poses_in(tmp_path / 'clip').items()
    assert alone.name == 'clip'


def test_joints_and_scores_are_brought_to_another_layout(tmp_path):
    x = poses(7)
    x[3, 12] = 0  # the left hip is not found
    write_frames(tmp_path / 'in' / 'clip', x)
    target = get_layout('nturgb+d')

    report, data = run(
        poses_in(tmp_path / 'in'),
        tmp_path / 'out.pkl',
        dict(to_layout=target, to_max_gap=0),
    )

    (video,) = data['annotations']
    mapping = joint_mapping(get_layout('openpose-25'), target)
    seen = [t for t in range(7) if t != 3]
    slow = np.einsum('wv,tvc->twc', mapping.matrix, x[seen])
    assert data['metainfo']['joint_names'] == list(target.joint_names)
    np.testing.assert_allclose(video['keypoint'][0, seen], slow, atol=1e-3)
    made = mapping.matrix[:, 12] != 0
    score = video['keypoint_score'][0, 3]
    assert (score[made] == 0).all()
    np.testing.assert_allclose(score[~made], 0.9, rtol=1e-6)
    assert any('joints are there' in what for _, what in report.notes)


def test_joints_that_cannot_be_brought_there_are_refused(tmp_path):
    np.save(tmp_path / 'a.npy', np.ones((13, 7, 3), np.float32))
    layout = dict(joint_names=list('abcdefg'), parents=[-1, 0, 1, 2, 3, 4, 5])

    report, _ = run(
        FolderSource(tmp_path),
        tmp_path / 'o.pkl',
        dict(layout=layout, to_layout=get_layout('coco')),
    )

    assert "brought to 'coco'" in report.skipped[0].reason
