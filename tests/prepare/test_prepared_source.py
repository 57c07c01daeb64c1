from __future__ import annotations

import numpy as np
import pytest

from mmsnip.datasets.benchmarks import BABELDataset
from mmsnip.io.annotation import load_annotation, save_annotation
from mmsnip.prepare.job import convert
from mmsnip.prepare.published import PreparedSource
from mmsnip.structures import DataError
from tests.formats.prepared_files import (
    babel_subset,
    read_prepared,
    write_ctrgcn,
    write_pickle,
    write_stgcn,
)


def same(found, expected):
    """Videos of two annotations, whatever else they say."""
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert set(theirs) <= set(ours)
        for key, value in theirs.items():
            np.testing.assert_array_equal(ours[key], value, err_msg=key)


@pytest.mark.parametrize('compressed', [False, True])
def test_a_ctrgcn_file_is_converted_a_row_at_a_time(tmp_path, compressed):
    path = write_ctrgcn(tmp_path / 'NTU60_CS.npz', compressed)
    output = tmp_path / 'ntu60.pkl'

    report = convert(PreparedSource(path), output, progress=False)

    data, expected = load_annotation(output), read_prepared(path)
    same(data['annotations'], expected['annotations'])
    assert data['split'] == expected['split']
    assert data['metainfo']['classes'] == expected['metainfo']['classes']
    assert (report.found, report.converted, report.skipped) == (7, 7, [])


def test_a_row_without_a_body_is_left_out_and_named(tmp_path):
    x = np.zeros((4, 13, 150), np.float32)
    x[1] = 1
    path = write_ctrgcn(
        tmp_path / 'a.npz', x_train=x, x_test=None, y_test=None
    )

    report = convert(PreparedSource(path), tmp_path / 'o.pkl', progress=False)

    assert report.converted == 1
    reasons = [skipped.reason for skipped in report.skipped]
    assert reasons == [
        f'{path}, train_{n}: there is no body in any frame' for n in (0, 2, 3)
    ]


def test_files_of_a_folder_become_one_data_set(tmp_path):
    folder = tmp_path / 'xsub'
    folder.mkdir()
    train, _ = write_stgcn(folder, 'train', seed=0, count=4)
    val, _ = write_stgcn(folder, 'val', seed=1, count=3)
    (folder / 'broken.npy').write_bytes(b'x')
    output = tmp_path / 'ntu60.pkl'

    report = convert(PreparedSource(folder), output, progress=False)

    data = load_annotation(output)
    parts = [read_prepared(train), read_prepared(val)]
    same(data['annotations'], [v for p in parts for v in p['annotations']])
    assert data['split'] == {**parts[0]['split'], **parts[1]['split']}
    assert len(data['metainfo']['classes']) == 4
    (skipped,) = report.skipped
    assert skipped.path == str(folder / 'broken.npy')


def test_babel_subset_pickles_serve_the_dataset(tmp_path):
    folder = tmp_path / 'processed_data'
    folder.mkdir()
    write_pickle(folder / 'train_split1.pkl', babel_subset())
    val = dict(babel_subset(1), sid=[21, 22, 23])
    write_pickle(folder / 'val_split1.pkl', val)
    output = tmp_path / 'babel.pkl'

    convert(PreparedSource(folder), output, progress=False)

    dataset = BABELDataset(str(output), subset=1, split='val', test_mode=True)
    frames = np.full(11, 4)
    video = dataset.get_data_info(2)
    for (start, end), label in zip(video['segments'], video['segment_labels']):
        frames[start:end] = label
    assert video['frame_dir'] == '23'
    np.testing.assert_array_equal(frames, val['L'][2])


def test_subsets_are_not_mixed(tmp_path):
    folder = tmp_path / 'processed_data'
    folder.mkdir()
    for subset in (1, 2):
        write_pickle(folder / f'train_split{subset}.pkl', babel_subset())

    with pytest.raises(DataError, match='convert one of them at a time'):
        PreparedSource(folder).items()


def test_an_annotation_pickle_passes_through(tmp_path):
    keypoint = np.random.default_rng(0).normal(size=(2, 13, 5, 3))
    video = dict(
        frame_dir='v0',
        total_frames=13,
        keypoint=keypoint.astype(np.float32),
        segments=np.array([[1, 4], [6, 13]]),
        segment_labels=np.array([0, 2]),
    )
    metainfo = dict(
        classes=['wave', 'jump', 'sit'],
        joint_names=['hip', 'chest', 'neck', 'head', 'hand'],
        parents=[-1, 0, 1, 2, 1],
    )
    data = dict(
        metainfo=metainfo, split=dict(train=['v0']), annotations=[video]
    )
    save_annotation(tmp_path / 'in.pkl', data)

    convert(
        PreparedSource(tmp_path / 'in.pkl'),
        tmp_path / 'out.pkl',
        progress=False,
    )

    found = load_annotation(tmp_path / 'out.pkl')
    same(found['annotations'], [video])
    assert found['split'] == dict(train=['v0'])
    assert {**found['metainfo'], **metainfo} == found['metainfo']


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (dict(label=7), "key 'label': found int 7"),
        (dict(total_frames=12), "key 'total_frames': found int 12"),
        (dict(keypoint=np.zeros((13, 5))), 'has shape (13, 5)'),
        (dict(segments=[[4, 99]], segment_labels=[0]), 'found [4, 99)'),
    ],
)
def test_a_malformed_row_is_left_out_and_the_others_kept(
    tmp_path, change, reason
):
    row = dict(total_frames=13, keypoint=np.ones((1, 13, 25, 3), np.float32))
    bad = {'frame_dir': 'bad', 'label': 1, **row, **change}
    data = dict(
        metainfo=dict(classes=['a', 'b'], layout='nturgb+d'),
        split=dict(train=['good', 'bad']),
        annotations=[dict(row, frame_dir='good', label=0), bad],
    )
    write_pickle(tmp_path / 'in.pkl', data)

    report = convert(
        PreparedSource(tmp_path / 'in.pkl'),
        tmp_path / 'out.pkl',
        progress=False,
    )

    assert report.converted == 1
    assert reason in report.skipped[0].reason
