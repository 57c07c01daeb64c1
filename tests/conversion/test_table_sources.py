from __future__ import annotations

import numpy as np
import pytest

from mmsnip.conversion.bvh import BVHSource
from mmsnip.conversion.folder import FolderSource
from mmsnip.conversion.hygiene import Hygiene
from mmsnip.conversion.job import convert
from mmsnip.conversion.tables import PoseJSONSource, TableSource
from mmsnip.io.annotation import check_annotation, load_annotation
from mmsnip.io.reading import SequenceError

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


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(source, output, **options):
    report = convert(source, output, progress=False, **options)
    data = load_annotation(output)
    assert check_annotation(data) == []
    return report, data


@pytest.fixture
def bvh_folder(tmp_path):
    write(tmp_path / 'in' / 'walk' / 'a.bvh', BVH)
    write(tmp_path / 'in' / 'sit' / 'b.bvh', BVH)
    return tmp_path / 'in'


def test_bvh_files_become_metres_with_their_own_joints(bvh_folder, tmp_path):
    report, data = run(
        BVHSource(bvh_folder, val_fraction=0, classes_from_folders=True),
        tmp_path / 'out.pkl',
        hygiene=Hygiene(unit='cm'),
    )

    video = data['annotations'][1]
    assert video['frame_dir'] == 'walk/a'
    assert video['label'] == 1
    np.testing.assert_allclose(
        video['keypoint'][0, 1],
        [[0.01, 0.02, 0.04], [0.01, 0.52, 0.04], [0.01, 0.72, 0.04]],
        rtol=0,
        atol=1e-6,
    )
    assert data['metainfo']['joint_names'] == ['hips', 'neck', 'head']
    assert data['metainfo']['parents'] == [-1, 0, 1]
    assert data['metainfo']['fps'] == 25.0
    assert data['metainfo']['classes'] == ['sit', 'walk']
    assert report.skipped == []


@pytest.mark.parametrize(
    ('options', 'joints', 'head'),
    [
        (dict(drop=['neck']), ['hips', 'head'], 72.0),
        (dict(joints=['head', 'hips']), ['head', 'hips'], 72.0),
        (dict(scale=0.5), ['hips', 'neck', 'head'], 36.0),
        (dict(end_sites=True), ['hips', 'neck', 'head', 'head_end'], 72.0),
    ],
)
def test_bvh_options_reach_the_reader(
    bvh_folder, tmp_path, options, joints, head
):
    _, data = run(BVHSource(bvh_folder, **options), tmp_path / 'out.pkl')

    assert data['metainfo']['joint_names'] == joints
    keypoint = data['annotations'][0]['keypoint']
    assert keypoint[0, 0, joints.index('head'), 1] == pytest.approx(head)


def test_other_options_read_a_file_again(bvh_folder, tmp_path):
    assert (
        BVHSource(bvh_folder, drop=['neck']).options()
        != BVHSource(bvh_folder).options()
    )
    assert (
        PoseJSONSource(bvh_folder, persons=1).options()
        != PoseJSONSource(bvh_folder).options()
    )
    columns = write(tmp_path / 'c.yaml', COLUMNS)
    assert (
        TableSource(tmp_path, columns).options()
        != TableSource(tmp_path).options()
    )


BARE = 'hip_x,hip_y,hip_z,head_x,head_y,head_z'


def test_metres_are_stated_in_the_output(tmp_path):
    write(tmp_path / 'in' / 'a.bvh', BVH)
    source = BVHSource(tmp_path / 'in')

    _, metres = run(source, tmp_path / 'm.pkl', hygiene=Hygiene(unit='cm'))
    _, unknown = run(source, tmp_path / 'o.pkl')

    assert metres['metainfo']['unit'] == 'm'
    assert 'unit' not in unknown['metainfo']


def test_a_mix_of_metres_and_unknown_lengths_is_told(tmp_path):
    for name, said in (('a', dict(unit='mm')), ('b', {})):
        keypoint = np.ones((1, 4, 25, 3), np.float32)
        np.savez(tmp_path / f'{name}.npz', keypoint=keypoint, **said)

    report, data = run(FolderSource(tmp_path), tmp_path / 'o.pkl')

    assert 'unit' not in data['metainfo']
    told = [text for name, text in report.warnings if not name]
    assert told[0].startswith('1 of 2 recordings are in metres')


def write_table(folder, header, columns=''):
    """A folder with a table of a body that is 170 high, and a map of it."""
    rows = '\n'.join(f'0,0,{t},0,170,{t}' for t in range(9))
    write(folder / 'in' / 'a.csv', f'{header}\n{rows}\n')
    text = '{parents: [-1, 0]' + columns + '}'
    return folder / 'in', write(folder / 'c.yaml', text)


@pytest.mark.parametrize(
    ('header', 'columns', 'unit', 'height', 'told'),
    [
        (BARE.replace(',', ' (cm),') + ' (cm)', '', 'cm', 1.7, False),
        (BARE, ', scale: 0.01', 'cm', 1.7, True),
        (BARE, ', unit: mm', 'cm', 0.17, True),
        (BARE, ', unit: mm', 'mm', 0.17, False),
        (BARE, '', 'cm', 1.7, False),
    ],
)
def test_a_unit_that_the_table_states_is_applied_once(
    tmp_path, header, columns, unit, height, told
):
    root, columns = write_table(tmp_path, header, columns)

    report, data = run(
        TableSource(root, columns, source_fps=30),
        tmp_path / 'out.pkl',
        hygiene=Hygiene(unit=unit),
    )

    keypoint = data['annotations'][0]['keypoint']
    assert np.ptp(keypoint[0, 0, :, 1]) == pytest.approx(height)
    notes = ' '.join(text for _, text in report.warnings)
    assert (f'unit {unit} is of files that state none' in notes) is told


@pytest.mark.data
def test_real_bvh_files_give_the_joints_of_the_lent_pickle(
    data_dir, tmp_path
):
    source = BVHSource(data_dir / 'bvh_samples', drop=['joint_Root'])
    lent = load_annotation(data_dir / 'bandai_trimmed.pkl')
    expected = {v['frame_dir']: v['keypoint'] for v in lent['annotations']}

    _, data = run(source, tmp_path / 'o.pkl', hygiene=Hygiene(unit='cm'))

    assert len(data['annotations']) == 3
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
    table = 'a;b;c;d;e;f\n1000;2000;3000;4000;5000;6000\n'
    table += '1001;2000;3000;4000;5000;6000\n'
    write(tmp_path / 'in' / 'p01.txt', table)
    source = TableSource(
        tmp_path / 'in', columns, endings=['.txt'], val_fraction=0
    )

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


def test_a_broken_column_map_is_refused_at_once(tmp_path):
    columns = write(tmp_path / 'columns.yaml', 'joins: {}\n')

    with pytest.raises(SequenceError, match=r'columns\.yaml.*joins'):
        TableSource(tmp_path, columns)


@pytest.mark.parametrize(
    'rows',
    ['start_s,end_s\na,lift,10,12', 'start_frame,end_frame\na,lift,210,270'],
)
def test_labels_of_a_table_with_a_gap_lie_where_they_were_seen(tmp_path, rows):
    kept = np.r_[:150, 240:450]  # 3 s are lost
    lines = [f'{t / 30:.3f},0,{t},0,0,{t + 1},0' for t in kept]
    head = 'time_s,hip_x,hip_y,hip_z,head_x,head_y,head_z\n'
    write(tmp_path / 'in' / 'a.csv', head + '\n'.join(lines))
    labels = write(tmp_path / 'labels.csv', f'video,label,{rows}\n')
    layout = dict(joint_names=['hip', 'head'], parents=[-1, 0])
    source = TableSource(tmp_path / 'in', labels=labels, layout=layout)

    _, data = run(source, tmp_path / 'out.pkl')

    (video,) = data['annotations']
    assert video['total_frames'] == 450
    assert video['segments'].tolist() == [[300, 360]]
    hip = video['keypoint'][0, 300:360, 0, 1]
    assert hip.tolist() == list(range(300, 360))


def test_utkinect_text_is_read_without_a_map(tmp_path):
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 2.5, (7, 20, 3)).round(4)
    rows = [
        ' '.join([str(252 + t), *map(str, x[t].ravel().tolist())])
        for t in range(7)
    ]
    write(tmp_path / 'in' / 'joints_s01_e01.txt', '\n'.join(rows) + '\n')
    labels = 'joints_s01_e01,walk,254,257\n'
    write(tmp_path / 'in' / 'action.csv', labels)
    source = TableSource(
        tmp_path / 'in',
        labels=tmp_path / 'in' / 'action.csv',
        labels_unit='frames',
        val_fraction=0,
    )

    report, data = run(source, tmp_path / 'out.pkl')

    (video,) = data['annotations']
    np.testing.assert_allclose(video['keypoint'][0], x, rtol=0, atol=1e-6)
    assert data['metainfo']['joint_names'][0] == 'hip_center'
    assert video['segments'].tolist() == [[2, 5]]
    assert any('moved by 252 frames' in what for _, what in report.mended)
    assert report.skipped == []


def test_named_joints_without_bones_are_not_taken_for_others(tmp_path):
    names = [f'{n}bone_{a}' for n in 'abcdefghijklmnopq' for a in 'xyz']
    row = ','.join(map(str, range(1, 52)))
    text = f'{",".join(names)}\n{row}\n{row}\n'
    write(tmp_path / 'in' / 'p.csv', text)

    report = convert(
        TableSource(tmp_path / 'in'), tmp_path / 'out.pkl', progress=False
    )

    assert report.converted == 0
    assert 'it names 17 joints' in report.skipped[0].reason


def test_files_of_other_joints_than_most_are_reported(bvh_folder, tmp_path):
    other = BVH.replace('JOINT neck', 'JOINT spine')
    write(bvh_folder / 'fly' / 'c.bvh', other)

    report, data = run(BVHSource(bvh_folder), tmp_path / 'out.pkl')

    names = [v['frame_dir'] for v in data['annotations']]
    assert names == ['sit/b', 'walk/a']
    (skipped,) = report.skipped
    assert skipped.path == str(bvh_folder / 'fly' / 'c.bvh')
    assert 'a file holds one body' in skipped.reason
