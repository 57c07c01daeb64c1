from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.annotation import validate_annotation
from mmsnip.io.formats.arrays import open_member
from mmsnip.io.formats.ntu import NTU_CLASSES
from mmsnip.io.formats.prepared import open_prepared
from mmsnip.structures import DataError
from tests.formats.prepared_files import (
    babel_subset,
    bodies,
    read_prepared,
    write_ctrgcn,
    write_pickle,
    write_stgcn,
)

M, T, V = 2, 13, 25


def without_padding(x, n):
    """Video n of `bodies`, by its known length and number of bodies."""
    return x[n, : 1 + n % 2, : n + 4]


@pytest.mark.parametrize('compressed', [False, True])
def test_ctrgcn_rows_are_bodies_without_padding(tmp_path, compressed):
    path = write_ctrgcn(tmp_path / 'NTU60_CS.npz', compressed)

    data = read_prepared(path)

    validate_annotation(data)
    videos = data['annotations']
    for part, first, count, seed in (('train', 0, 4, 0), ('test', 4, 3, 1)):
        x = bodies(seed, count)
        for n in range(count):
            video = videos[first + n]
            expected = without_padding(x, n)
            np.testing.assert_array_equal(video['keypoint'], expected)
            assert video['frame_dir'] == f'{part}_{n}'
            assert video['label'] == (7 * n + seed) % 60
            assert video['total_frames'] == n + 4
    assert data['metainfo']['classes'] == list(NTU_CLASSES[:60])
    assert data['split'] == dict(
        xsub_train=['train_0', 'train_1', 'train_2', 'train_3'],
        xsub_val=['test_0', 'test_1', 'test_2'],
    )


@pytest.mark.parametrize(
    ('name', 'split'),
    [
        ('NTU60_CV.npz', 'xview_train'),
        ('NTU120_CSub.npz', 'xsub_train'),
        ('NTU120_CSet.npz', 'xset_train'),
        ('mine.npz', 'train'),
    ],
)
def test_the_protocol_is_in_the_name_of_the_file(tmp_path, name, split):
    path = write_ctrgcn(tmp_path / name, x_test=None, y_test=None)

    assert list(open_prepared(path).splits) == [split]


@pytest.mark.parametrize('compressed', [False, True])
def test_rows_of_an_npz_may_be_asked_for_in_any_order(tmp_path, compressed):
    path = write_ctrgcn(tmp_path / 'NTU60_CS.npz', compressed)

    rows = open_member(path, 'x_train')

    assert isinstance(rows, np.memmap) != compressed  # and not read
    with np.load(path) as arrays:
        for index in (0, 3, 3, 1, 2):
            np.testing.assert_array_equal(
                rows[index], arrays['x_train'][index]
            )


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (dict(x_train=None, x_test=None), 'expected x_train, y_train'),
        (dict(y_train=None), "key 'y_train' cannot be read"),
        (dict(x_train=np.zeros((4, T, 151))), r'\(N, T, bodies \* 75'),
        (dict(x_train=np.zeros((4, T))), "key 'x_train': found float64"),
        (dict(y_train=np.eye(60)[:3]), 'one-hot rows of 4 videos'),
        (dict(y_train=np.ones((4, 60))), 'one class each'),
        (dict(y_test=np.zeros((3, 60))), 'one class each'),
        (dict(y_train=np.full((4, 60), 'a')), 'expected one-hot'),
        (dict(y_train=np.array([{}] * 4)), 'pickled objects are refused'),
    ],
)
def test_a_malformed_ctrgcn_file_is_refused_by_key(tmp_path, changed, message):
    path = write_ctrgcn(tmp_path / 'NTU60_CS.npz', **changed)

    with pytest.raises(DataError, match=message) as raised:
        open_prepared(path)

    assert str(path) in str(raised.value)


def test_a_declared_size_is_checked_before_memory_is_taken(tmp_path):
    path = tmp_path / 'NTU60_CS.npz'
    header = (
        b"{'descr': '<f4', 'fortran_order': False, "
        b"'shape': (40000000, 300, 150)}"
    )
    header += b' ' * (128 - 10 - 1 - len(header)) + b'\n'
    content = b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x_train.npy', content + bytes(10**6))

    with pytest.raises(DataError, match=r'need 7200000000000 bytes'):
        open_prepared(path)


def test_stgcn_arrays_are_named_by_their_label_pickle(tmp_path):
    path, x = write_stgcn(tmp_path)

    data = read_prepared(path)

    validate_annotation(data)
    for n, video in enumerate(data['annotations']):
        np.testing.assert_array_equal(video['keypoint'], without_padding(x, n))
        assert video['frame_dir'] == f'S001C001P001R001A{n + 1:03d}'
        assert video['label'] == n
    assert data['split'] == dict(
        train=[video['frame_dir'] for video in data['annotations']]
    )


def test_with_18_joints_the_third_coordinate_is_a_score(tmp_path):
    x = np.random.default_rng(0).random((3, 3, T, 18, M), np.float32)
    np.save(tmp_path / 'val_data.npy', x)
    write_pickle(tmp_path / 'val_label.pkl', (['a', 'b', 'c'], [0, 2, 1]))

    data = read_prepared(tmp_path / 'val_data.npy')

    validate_annotation(data)
    video = data['annotations'][1]
    assert video['keypoint'].shape == (M, T, 18, 2)
    np.testing.assert_array_equal(
        video['keypoint_score'], x[1, 2].transpose(2, 0, 1)
    )


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ((['a'] * 3, [0] * 3), 'holds 3 names and 3 labels, the array has 4'),
        ((['a'] * 4, [0] * 3), 'holds 4 names and 3 labels'),
        ((['a'] * 4, [-1] * 4), r'expected \(names, labels\)'),
        ((['a'] * 4, [[0], 0, 0, 0]), r'expected \(names, labels\)'),
        (([1] * 4, [0] * 4), r'expected \(names, labels\)'),
        ({'a': 1}, r'expected \(names, labels\)'),
        ((['../a'] * 4, [0] * 4), "'../a' cannot name a recording"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, message):
    path, _ = write_stgcn(tmp_path)
    write_pickle(tmp_path / 'train_label.pkl', labels)

    with pytest.raises(DataError, match=message) as raised:
        open_prepared(path)

    assert 'train_label.pkl' in str(raised.value)


@pytest.mark.parametrize('shape', [(4, 3, T, V), (4, 2, T, V, M), (4,)])
def test_arrays_of_another_shape_are_refused(tmp_path, shape):
    path, _ = write_stgcn(tmp_path)
    np.save(path, np.ones(shape))

    with pytest.raises(DataError, match=r'expected \(N, 3, T, V, M\)'):
        open_prepared(path)


def test_a_babel_subset_has_its_runs_as_segments(tmp_path):
    content = babel_subset()
    path = write_pickle(tmp_path / 'train_split2.pkl', content)

    data = read_prepared(path)

    validate_annotation(data)
    first, second, third = data['annotations']
    assert [v['frame_dir'] for v in data['annotations']] == ['11', '12', '13']
    assert first['segments'].tolist() == [[2, 5], [5, 7]]
    assert first['segment_labels'].tolist() == [0, 1]
    assert second['segments'].tolist() == [[0, 5]]
    assert third['segments'].tolist() == [[0, 1], [2, 3], [4, 6], [8, 11]]
    assert third['segment_labels'].tolist() == [3, 3, 0, 1]
    np.testing.assert_array_equal(
        third['keypoint'][0, :, :, 2], content['X'][2][2, ..., 0].astype('f4')
    )
    assert data['metainfo']['classes'] == ['sit', 'run', 'stand up', 'kick']
    assert data['split'] == dict(train=['11', '12', '13'])
    assert 'normalised already' in data['metainfo']['notes'][0]


def put(key, index, value):
    content = babel_subset()
    content[key][index] = value
    return content


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (put('L', 1, np.full(5, 5)), "'L': found int"),
        (put('L', 1, np.full(6, 1)), 'expected the labels of 5 frames'),
        (put('X', 1, np.ones((5, 24, 3))), r'expected \(3, T, 25, 1\)'),
        (put('X', 1, [[1], [2]]), "'X': found list"),
        (put('X', 1, np.full((3, 5, 25, 1), np.nan)), 'holds NaN'),
        (put('X', 1, np.zeros((3, 5, 25, 1))), 'no body in any frame'),
    ],
)
def test_a_malformed_sequence_is_refused_by_sid(tmp_path, content, message):
    path = write_pickle(tmp_path / 'train_split1.pkl', content)
    prepared = open_prepared(path)

    with pytest.raises(DataError, match=message) as raised:
        prepared.entry(1)

    assert f'{path}, sequence 1 (sid 12)' in str(raised.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(babel_subset(), sid=[1, 2]), '2 sid, 3 X and 3 L'),
        (dict(babel_subset(), X=7), 'sid, X and L are no lists'),
        (put('sid', 0, None), "key 'sid': found nothing"),
        (put('sid', 0, '/etc'), 'cannot name a recording'),
        (dict(a=1), "expected a dict with 'annotations'"),
    ],
)
def test_a_malformed_subset_is_refused(tmp_path, content, message):
    path = write_pickle(tmp_path / 'train_split1.pkl', content)

    with pytest.raises(DataError, match=message):
        open_prepared(path)


class Code:
    def __reduce__(self):
        return print, ('executed',)


@pytest.mark.parametrize('key', ['annotations', 'sid'])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, capsys, key):
    content = dict(babel_subset(), more=Code())
    if key == 'annotations':
        content = dict(annotations=[Code()])
    path = write_pickle(tmp_path / 'train_split1.pkl', content)

    with pytest.raises(DataError, match=r'print'):
        open_prepared(path)
    path, _ = write_stgcn(tmp_path)
    write_pickle(tmp_path / 'train_label.pkl', (['a'], Code()))
    with pytest.raises(DataError, match='nothing was executed'):
        open_prepared(path)

    assert capsys.readouterr().out == ''


def read_all(path):
    """Refusals of a file and of its videos; nothing else may come."""
    try:
        prepared = open_prepared(path)
    except (DataError, FileNotFoundError) as error:
        return [str(error)]
    refusals = []
    for index in range(min(len(prepared.names), 20)):
        try:
            prepared.entry(index)
        except DataError as error:
            refusals.append(str(error))
    return refusals


def damage(content, data):
    content = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1))):
        content[place] = data.draw(st.integers(0, 255))
    return bytes(content[: data.draw(st.integers(0, len(content)))])


@settings(max_examples=60, deadline=None)
@given(st.data(), st.booleans())
def test_damaged_ctrgcn_files_are_read_or_refused(
    tmp_path_factory, data, compressed
):
    folder = tmp_path_factory.mktemp('npz')
    path = write_ctrgcn(folder / 'NTU60_CS.npz', compressed)
    path.write_bytes(damage(path.read_bytes(), data))

    assert all(str(path) in refusal for refusal in read_all(path))


PLAIN = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(['sid', 'X', 'Y', 'L']), st.booleans(), PLAIN)
def test_any_value_in_a_subset_is_read_or_refused(
    tmp_path_factory, key, whole, value
):
    content = babel_subset()
    if whole:
        content[key] = value
    else:
        content[key][1] = value
    path = tmp_path_factory.mktemp('pkl') / 'train_split1.pkl'
    write_pickle(path, content)

    assert all(str(path) in refusal for refusal in read_all(path))
