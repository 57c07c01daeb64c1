"""The annotation pickle: load, complete, save."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from mmsnip.io.annotation import (
    AnnotationError,
    check_annotation,
    complete_metainfo,
    load_annotation,
    read_metainfo,
    save_annotation,
)


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


def test_a_malformed_annotation_is_not_saved(tmp_path, untrimmed):
    untrimmed['annotations'][0]['total_frames'] = 12

    with pytest.raises(AnnotationError, match=r"video 'v0'.*'total_frames'"):
        save_annotation(tmp_path / 'a.pkl', untrimmed)

    assert list(tmp_path.iterdir()) == []


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


def test_malformed_metainfo_is_refused_for_configs(tmp_path, untrimmed):
    untrimmed['metainfo']['fps'] = 'thirty'
    path = write(tmp_path / 'a.pkl', untrimmed)

    with pytest.raises(AnnotationError, match=r"a\.pkl.*\n.*'fps'.*thirty"):
        read_metainfo(path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (7, r"key 'pickle': found int 7, expected a dict"),
        ({'split': {}}, r"key 'annotations': found nothing, expected a list"),
        ({'annotations': {}}, r"key 'annotations': found dict \{\}"),
        ({'annotations': [3]}, r"key 'annotations\[0\]': found int 3"),
        ({'annotations': [], 'split': []}, r"key 'split': found list"),
        ({'annotations': [], 'metainfo': 'x'}, r"key 'metainfo': found str"),
    ],
)
def test_a_pickle_of_another_layout_is_refused(tmp_path, content, message):
    path = write(tmp_path / 'other.pkl', content)

    with pytest.raises(AnnotationError, match=r'other\.pkl.*\n.*' + message):
        load_annotation(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r'gone\.pkl.*does not exist'):
        load_annotation(tmp_path / 'gone.pkl')


def test_a_folder_is_no_annotation_file(tmp_path):
    with pytest.raises(AnnotationError, match='is no file'):
        load_annotation(tmp_path)


def test_a_missing_file_names_its_environment_variable(tmp_path, monkeypatch):
    path = str(tmp_path / 'gone.pkl')
    monkeypatch.setenv('MMSNIP_ANN_FILE', path)

    with pytest.raises(
        AnnotationError,
        match=r'gone\.pkl.*environment variable MMSNIP_ANN_FILE',
    ):
        read_metainfo(path)


def test_no_path_names_the_environment_variable():
    with pytest.raises(AnnotationError, match=r'set.*MMSNIP_ANN_FILE'):
        read_metainfo('')


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
        AnnotationError,
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
        AnnotationError,
        match=r"ragged\.pkl.*\n.*video 'v1', key 'keypoint'.*object dtype",
    ):
        load_annotation(path)


def test_a_text_file_is_refused_with_its_name(tmp_path):
    path = tmp_path / 'notes.pkl'
    path.write_text('hello')

    with pytest.raises(AnnotationError, match=r'notes\.pkl.*\n.*unreadable'):
        load_annotation(path)


def test_reading_annotations_needs_numpy_only():
    code = (
        'import sys, mmsnip.io.annotation\n'
        'print([m for m in ("torch", "mmengine", "mmcv") if m in sys.modules])'
    )

    out = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )

    assert out.stdout.strip() == '[]'
