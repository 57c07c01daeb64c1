"""The annotation pickle: load, complete, save."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from mmsnip.io.annotation import (
    check_annotation,
    complete_metainfo,
    load_annotation,
    read_metainfo,
    save_annotation,
    validate_annotation,
)
from mmsnip.structures import DataError


def write(path, data):
    path.write_bytes(pickle.dumps(data))
    return path


@pytest.fixture
def pyskl_3d() -> dict:
    """NTU RGB+D as pyskl stores it: no metainfo, float16, trimmed."""
    rng = np.random.default_rng(0)
    return dict(
        split=dict(xsub_train=['a', 'b'], xsub_val=['c']),
        annotations=[
            dict(
                frame_dir=name,
                label=label,
                keypoint=rng.normal(size=(2, T, 25, 3)).astype('float16'),
                total_frames=T,
            )
            for name, label, T in (('a', 0, 11), ('b', 3, 7), ('c', 1, 9))
        ],
    )


@pytest.fixture
def pyskl_2d() -> dict:
    """HRNet poses as pyskl stores them, with its older name key."""
    return dict(
        split=dict(train1=['a']),
        annotations=[
            dict(
                filename='a',
                label=2,
                img_shape=(340, 512),
                original_shape=(340, 512),
                keypoint=np.ones((1, 6, 17, 2), np.float16),
                keypoint_score=np.ones((1, 6, 17), np.float16),
                total_frames=6,
            )
        ],
    )


@pytest.mark.parametrize(
    ('name', 'videos', 'joints', 'fps'),
    [
        ('bandai_trimmed', 1804, 21, 30.0),
        ('bandai_stitched', 130, 21, 30.0),
        ('msr_action3d', 553, 20, 15.0),
    ],
)
def test_real_files_load_and_are_sound(data_dir, name, videos, joints, fps):
    path = data_dir / f'{name}.pkl'

    data = load_annotation(path)

    assert check_annotation(data, path) == []
    assert len(data['annotations']) == videos
    metainfo = complete_metainfo(data, path)
    assert len(metainfo['parents']) == joints
    assert metainfo['fps'] == fps
    assert metainfo['notes'] == []


def test_what_was_saved_is_loaded(tmp_path, untrimmed):
    path = tmp_path / 'new' / 'a.pkl'

    save_annotation(path, untrimmed)
    loaded = load_annotation(path)

    assert loaded['metainfo'] == untrimmed['metainfo']
    assert loaded['split'] == untrimmed['split']
    for ours, theirs in zip(loaded['annotations'], untrimmed['annotations']):
        np.testing.assert_equal(ours, theirs)


def test_a_failed_save_leaves_the_old_file(tmp_path, untrimmed, monkeypatch):
    path = tmp_path / 'a.pkl'
    save_annotation(path, untrimmed)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError('disk full')

    monkeypatch.setattr(pickle, 'dump', fail)
    with pytest.raises(OSError, match='disk full'):
        save_annotation(path, untrimmed)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_pyskl_3d_files_load_as_they_are(tmp_path, pyskl_3d):
    path = write(tmp_path / 'ntu.pkl', pyskl_3d)

    data = load_annotation(path)
    metainfo = read_metainfo(path)

    assert check_annotation(data, path) == []
    assert data['annotations'][0]['keypoint'].dtype == np.float16
    assert metainfo['classes'] == ['class_0', 'class_1', 'class_2', 'class_3']
    assert metainfo['layout']['name'] == 'nturgb+d'
    assert metainfo['fps'] == 30.0
    assert len(metainfo['parents']) == 25
    assert any('fps is not in the file' in n for n in metainfo['notes'])


def test_pyskl_2d_files_load_as_they_are(tmp_path, pyskl_2d):
    path = write(tmp_path / 'hmdb.pkl', pyskl_2d)

    data = load_annotation(path)

    assert check_annotation(data, path, split='train1') == []
    assert data['annotations'][0]['frame_dir'] == 'a'
    assert data['annotations'][0]['img_shape'] == (340, 512)
    assert complete_metainfo(data)['layout']['name'] == 'coco'


def test_plain_lists_of_mmaction2_load(tmp_path, pyskl_3d):
    path = write(tmp_path / 'list.pkl', pyskl_3d['annotations'])

    data = load_annotation(path)

    assert check_annotation(data, path) == []
    assert (data['metainfo'], data['split']) == ({}, {})
    assert len(data['annotations']) == 3


def test_metainfo_has_builtin_types_only(tmp_path, untrimmed):
    untrimmed['metainfo'].update(
        parents=np.array([-1, 0, 1, 2, 1]),
        fps=np.float32(15),
        extra={'shift': np.ones(2), 'pair': (1, 2)},
    )
    path = write(tmp_path / 'a.pkl', untrimmed)

    metainfo = read_metainfo(path)

    def types(value):
        if isinstance(value, dict):
            inner = [*value, *value.values()]
        else:
            inner = value if isinstance(value, list) else []
        return {type(value)}.union(*(types(item) for item in inner))

    assert types(metainfo) <= {dict, list, str, int, float, type(None)}
    assert metainfo['extra'] == {'shift': [1.0, 1.0], 'pair': [1, 2]}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (7, r"key 'pickle': found int 7; expected a dict"),
        ({'split': {}}, r"key 'annotations': found nothing; expected a list"),
        ({'annotations': {}}, r"key 'annotations': found dict \{\}"),
        ({'annotations': [3]}, r"key 'annotations\[0\]': found int 3"),
        ({'annotations': [], 'split': []}, r"key 'split': found list"),
        ({'annotations': [], 'metainfo': 'x'}, r"key 'metainfo': found str"),
    ],
)
def test_a_pickle_of_another_layout_is_refused(tmp_path, content, message):
    path = write(tmp_path / 'other.pkl', content)

    with pytest.raises(DataError, match=r'other\.pkl.*\n.*' + message):
        load_annotation(path)


def test_a_missing_file_names_its_environment_variable(tmp_path, monkeypatch):
    path = str(tmp_path / 'gone.pkl')
    monkeypatch.setenv('MMSNIP_ANN_FILE', path)

    with pytest.raises(
        DataError,
        match=r'gone\.pkl.*environment variable MMSNIP_ANN_FILE',
    ):
        read_metainfo(path)


class Code:
    """Pickles into a shell command."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f'touch {self.mark}',)


@pytest.mark.parametrize(
    'place', ['keypoint', 'frame_dir', 'segments', 'extra']
)
def test_annotation_refuses_code_in_pickle(tmp_path, untrimmed, place):
    mark = tmp_path / 'mark'
    untrimmed['annotations'][1][place] = Code(mark)
    path = write(tmp_path / 'evil.pkl', untrimmed)

    with pytest.raises(
        DataError,
        match=r'evil\.pkl.*\n.*found (posix|nt)\.system.*nothing was executed',
    ):
        load_annotation(path)

    assert not mark.exists()


def test_ragged_keypoints_name_the_video(tmp_path, untrimmed):
    ragged = np.empty(2, object)
    ragged[:] = [np.zeros((3, 5, 3)), np.zeros((2, 5, 3))]
    untrimmed['annotations'][1]['keypoint'] = ragged
    path = write(tmp_path / 'ragged.pkl', untrimmed)

    with pytest.raises(
        DataError,
        match=r"ragged\.pkl.*\n.*'v1', key '.*\[1\]\.keypoint'.*object",
    ):
        load_annotation(path)


# Every malformed field is named.


def put(key, value, video=0):
    def change(data):
        data['annotations'][video][key] = value

    return change


def drop(key):
    return lambda data: data['annotations'][0].pop(key)


def meta(**values):
    return lambda data: data['metainfo'].update(values)


def splits(**values):
    return lambda data: data['split'].update(values)


def edit(function):
    """Edit the keypoints of the first video."""

    def change(data):
        video = data['annotations'][0]
        video['keypoint'] = function(video['keypoint'])

    return change


def at(place, value):
    def change(keypoint):
        keypoint[place] = value
        return keypoint

    return edit(change)


def score(shape, value=0.5):
    return put('keypoint_score', np.full(shape, value, np.float32))


# change, key, video, found; no video for a problem of the whole file
BROKEN = [
    (put('segments', np.array([[1, 4], [6, 14]])),
     'segments', 'v0', 'row 1: found [6, 14); expected 0 <= start < end'),
    (put('segments', np.array([[-1, 4], [6, 13]])),
     'segments', 'v0', 'row 0: found [-1, 4)'),
    (put('segments', np.array([[4, 4], [6, 13]])),
     'segments', 'v0', 'row 0: found [4, 4)'),
    (put('segments', np.array([[1.0, 4.0], [6.0, 13.0]])),
     'segments', 'v0', 'float64 array of shape (2, 2); expected whole frames'),
    (put('segments', np.array([[1, 4, 0], [6, 13, 2]])),
     'segments', 'v0', 'shape (2, 3)'),
    (put('segments', [[1, 4], [6]]), 'segments', 'v0', '[[1, 4], [6]]'),
    (put('segment_labels', np.array([0, 3])),
     'segment_labels', 'v0', 'row 1: found label 3; expected 0 to 2'),
    (put('segment_labels', np.array([-1, 2])),
     'segment_labels', 'v0', 'row 0: found label -1'),
    (put('segment_labels', np.array(['wave', 'sit'])),
     'segment_labels', 'v0', '<U4 array'),
    (put('segment_labels', np.array([0])), 'segment_labels', 'v0', '1 labels'),
    (drop('segment_labels'), 'segment_labels', 'v0', 'nothing; add'),
    (drop('segments'), 'segments', 'v0', 'nothing; add'),
    (put('label', 3), 'label', 'v0', '3; expected 0 to 2'),
    (put('label', True), 'label', 'v0', 'bool True'),
    (put('label', [0, 1]), 'label', 'v0', 'list [0, 1]'),
    (at((1, 4, 3, 2), np.nan), 'keypoint', 'v0',
     'NaN or infinity in 1 values, first at person 1, frame 4, joint 3'),
    (at((0, 12, 0, 1), np.inf), 'keypoint', 'v0',
     'first at person 0, frame 12, joint 0'),
    (edit(lambda k: k.astype(float) * 1e300), 'keypoint', 'v0', 'infinity'),
    (edit(lambda k: k[:, :0]), 'keypoint', 'v0', 'is empty'),
    (edit(lambda k: k[:0]), 'keypoint', 'v0', 'is empty'),
    (edit(lambda k: k[0]), 'keypoint', 'v0', 'shape (13, 5, 3); expected'),
    (edit(lambda k: np.repeat(k, 100, 0)[:, :2]), 'keypoint', 'v0',
     '200 persons in 2 frames; expected (M, T, V, C)'),
    (edit(lambda k: [k[:, :3], k[:, :2]]), 'keypoint', 'v0', 'list'),
    (edit(lambda k: k.astype('int32')), 'keypoint', 'v0', 'int32 array'),
    (edit(lambda k: np.concatenate([k, k[..., :1]], -1)), 'keypoint', 'v0',
     'C = 4'),
    (put('keypoint', np.ones((2, 7, 5, 2), np.float32), 1), 'keypoint', 'v1',
     '(2, 7, 5, 2); expected V = 5 joints and C = 3'),
    (put('keypoint', np.ones((2, 7, 6, 3), np.float32), 1), 'keypoint', 'v1',
     '(2, 7, 6, 3); expected V = 5'),
    (drop('keypoint'), 'keypoint', 'v0', 'nothing'),
    (put('total_frames', 12), 'total_frames', 'v0', '12; keypoint has 13'),
    (drop('total_frames'), 'total_frames', 'v0', 'nothing'),
    (score((2, 13, 4)), 'keypoint_score', 'v0', 'shape (2, 13, 4)'),
    (score((2, 13, 5), np.nan), 'keypoint_score', 'v0', 'NaN'),
    (put('fps', -1.0), 'fps', 'v0', 'float -1.0'),
    (put('frame_dir', 'v0', 1), 'frame_dir', 'v0', 'annotations[1]'),
    (put('frame_dir', 7), 'annotations[0].frame_dir', '', 'int 7'),
    (drop('frame_dir'), 'annotations[0].frame_dir', '', 'nothing'),
    (lambda data: data.update(annotations=[]), 'annotations', '', 'no video'),
    (splits(val=['v1', 'v9']), "split['val']", 'v9', "['v9']; drop"),
    (splits(val=['v1', 'v1']), "split['val']", '', 'more than once'),
    (splits(val=[1]), "split['val'][0]", '', 'int 1'),
    (splits(val='v1'), "split['val']", '', "str 'v1'"),
    (meta(classes=['wave', 'jump', 'wave']), 'metainfo.classes', '', 'once'),
    (meta(classes=['wave', 'jump', 3]), 'metainfo.classes[2]', '', 'int 3'),
    (meta(classes='wave'), 'metainfo.classes', '', "str 'wave'"),
    (meta(joint_names=list('abcdef')), 'metainfo.parents', '',
     'joint_names has 6 entries and parents 5'),
    (meta(joint_names=list('abcdef'), parents=[-1, 0, 1, 2, 1, 4]),
     'metainfo.parents', '', '6 joints, but V = 5'),
    (meta(parents=[-1, 0, 1, 2, -1]), 'metainfo.parents', '', 'root'),
    (meta(parents=[-1, 2, 1, 2, 1]), 'metainfo.parents', '', 'parents'),
    (meta(parents=None, joint_names=None), 'metainfo.parents', '',
     'V = 5 joints, which is none of'),
    (meta(layout='centaur'), 'metainfo.layout', '', "'centaur'"),
    (meta(fps=0), 'metainfo.fps', '', 'int 0'),
    (meta(fps=True), 'metainfo.fps', '', 'bool True'),
]  # fmt: skip


@pytest.mark.parametrize(('change', 'key', 'video', 'found'), BROKEN)
def test_a_malformed_field_is_refused(change, key, video, found, untrimmed):
    change(untrimmed)
    place = f"video '{video}', key {key!r}" if video else f'- key {key!r}'

    with pytest.raises(DataError) as caught:
        validate_annotation(untrimmed, 'some/file.pkl')

    message = str(caught.value)
    assert "annotation file 'some/file.pkl' cannot be used" in message
    assert any(
        place in line and found in line for line in message.splitlines()
    ), message


def test_a_sound_annotation_has_no_problems(untrimmed):
    assert check_annotation(untrimmed) == []


@pytest.mark.parametrize('split', ['test', 'none'])
def test_a_split_that_serves_nobody_lists_the_others(untrimmed, split):
    untrimmed['split']['none'] = []

    assert check_annotation(untrimmed, split='train') == []
    with pytest.raises(DataError, match=r"found no .*'train', 'val'"):
        validate_annotation(untrimmed, 'a.pkl', split=split)


def test_only_the_videos_of_the_split_are_looked_at(untrimmed):
    at((1, 4, 3, 2), np.nan)(untrimmed)

    assert check_annotation(untrimmed, split='val') == []
    assert len(check_annotation(untrimmed, split='train')) == 1


def test_all_problems_are_told_and_twenty_spelt_out(untrimmed):
    untrimmed['annotations'][1]['total_frames'] = 8
    untrimmed['split']['val'] = list(range(1))
    untrimmed['metainfo']['classes'] = [7] * 23

    with pytest.raises(DataError, match='25 problems') as caught:
        validate_annotation(untrimmed, 'a.pkl')

    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-1] == '- ... and 5 more'


@pytest.mark.parametrize(
    'empty', [[], np.zeros(0), np.zeros((0, 2), np.int64)]
)
def test_labelled_unlabelled_and_trimmed_videos_share_a_file(empty, untrimmed):
    labelled, other = untrimmed['annotations']
    other.update(segments=empty, segment_labels=[])  # all background
    unlabelled = dict(labelled, frame_dir='v2')
    del unlabelled['segments'], unlabelled['segment_labels']
    trimmed = dict(unlabelled, frame_dir='v3', label=np.int64(1))
    untrimmed['annotations'] += [unlabelled, trimmed]

    assert check_annotation(untrimmed) == []


def test_a_version_of_a_file_is_checked_once(untrimmed, tmp_path):
    path = tmp_path / 'a.pkl'
    save_annotation(path, untrimmed)
    validate_annotation(untrimmed, path, once=True)
    at((0, 0, 0, 0), np.nan)(untrimmed)

    validate_annotation(untrimmed, path, 'train', once=True)  # not read again
    with pytest.raises(DataError, match='no such split'):
        validate_annotation(untrimmed, path, 'test', once=True)
    path.write_bytes(path.read_bytes() + b' ')
    with pytest.raises(DataError, match='NaN'):
        validate_annotation(untrimmed, path, once=True)


def test_metainfo_of_shared_references_does_not_explode(tmp_path):
    value = ['a', 'a']
    for _ in range(50):
        value = [value, value]
    path = write(
        tmp_path / 'bomb.pkl', dict(metainfo={'a': value}, annotations=[])
    )

    with pytest.raises(DataError, match=r'bomb\.pkl.*\n.*shared'):
        load_annotation(path)
