"""What a store refuses, when it is written and when it is opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import AnnotationError
from mmsnip.io.annotation_source import open_annotation, validate_source
from mmsnip.io.plain_json import from_json, to_json
from mmsnip.io.store import SkeletonStore
from mmsnip.io.store_writer import write_store
from tests.io.store_videos import METAINFO, four_videos, video


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / 'toy.safetensors')


@pytest.fixture
def store(path):
    splits = dict(train=['v1', 'v2'], val=('a',), none=[])
    write_store(path, iter(four_videos()), METAINFO, splits)
    return SkeletonStore(path)


# When it is written.


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(total_frames=3), r"'v1', key 'total_frames': found int 3"),
        (
            dict(keypoint=np.ones((2, 11, 4, 3))),
            r"'v1', key 'keypoint'.*V = 4",
        ),
        (
            dict(keypoint=np.ones((2, 11, 5, 2))),
            r"'v1', key 'keypoint'.*C = 2",
        ),
        (dict(keypoint=np.full((1, 11, 5, 3), np.nan)), r"'v1'.*NaN"),
        (dict(segments=np.array([[2, 12]])), r"'v1', key 'segments'.*outside"),
        (dict(segment_labels=np.array([3])), r"'v1', key 'segment_labels'"),
        (dict(segments=None, segment_labels=None), r"'v1', key 'segments'"),
        (dict(segment_labels=None), r"'v1', key 'segment_labels': found noth"),
        (dict(label=3), r"'v1', key 'label': found int 3"),
        (dict(fps=0.0), r"'v1', key 'fps'"),
        (dict(keypoint_score=np.ones((3, 11))), r"'v1', key 'keypoint_score'"),
        (dict(frame_dir='v2'), r"'v2', key 'frame_dir'.*annotations\[0\]"),
        (dict(frame_dir=7), r'annotations\[2\]\.frame_dir.*found int 7'),
        (dict(frame_dir='\ud800'), r'annotations\[2\]\.frame_dir'),
        (dict(box=np.ones(3)), r"'v1', key 'box'.*leave_out=\['box'\]"),
        (dict(score={1, 2}), r"'v1', key 'score'.*set"),
    ],
)
def test_a_malformed_video_is_named_and_nothing_is_written(
    path, change, message
):
    videos = four_videos()
    videos[2].update(change)

    with pytest.raises(
        AnnotationError, match=rf'toy\.safetensors(.|\n)*{message}'
    ):
        write_store(path, videos, METAINFO)

    assert os.listdir(os.path.dirname(path)) == []


def test_all_malformed_videos_are_named(path):
    videos = four_videos()
    for entry in videos:
        entry['total_frames'] += 1

    with pytest.raises(AnnotationError, match=r'4 problems(.|\n)*é/v10') as e:
        write_store(path, videos, METAINFO)

    assert str(e.value).count('total_frames') >= 4


@pytest.mark.parametrize(
    ('splits', 'message'),
    [
        (
            dict(train=['v1', 'gone']),
            r"split\['train'\].*1 without annotation",
        ),
        (dict(train=['v1', 'v1']), r"split\['train'\].*more than once"),
        (dict(train='v1'), r"split\['train'\].*found str"),
        (dict(train=[1]), r"split\['train'\].*frame_dir names"),
        ({3: ['v1']}, r'split\[3\].*found int'),
    ],
)
def test_a_malformed_split_is_refused(path, splits, message):
    with pytest.raises(AnnotationError, match=message):
        write_store(path, four_videos(), METAINFO, splits)


@pytest.mark.parametrize(
    ('metainfo', 'message'),
    [
        (dict(METAINFO, parents=[-1, 0]), r"key 'parents'"),
        (dict(METAINFO, classes=['a', 'a']), r"key 'classes'.*more than once"),
        (dict(METAINFO, rig=object()), r"key 'metainfo': found object"),
    ],
)
def test_malformed_metainfo_is_refused(path, metainfo, message):
    with pytest.raises(AnnotationError, match=message):
        write_store(path, four_videos(), metainfo)


def test_an_empty_store_is_refused(path):
    with pytest.raises(AnnotationError, match='found no video'):
        write_store(path, [], METAINFO)


def test_an_unknown_type_is_refused(path):
    with pytest.raises(ValueError, match=r"dtype='float64'; use one of"):
        write_store(path, four_videos(), METAINFO, dtype='float64')


# When it is opened.


def broken(store, change, tmp_path):
    """The store with another header, its length and padding kept."""
    content = Path(store.path).read_bytes()
    end = 8 + int.from_bytes(content[:8], 'little')
    header = from_json(content[8:end].decode())
    change(header)
    text = to_json(header).encode().ljust(end - 8)
    path = tmp_path / 'broken.safetensors'
    path.write_bytes(content[:8] + text + content[end:])
    return path


def set_entry(name, key, value):
    def change(header):
        header[name][key] = value

    return change


def shift(name, by):
    def change(header):
        begin, end = header[name]['data_offsets']
        header[name]['data_offsets'] = [begin + by, end + by]

    return change


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda h: h.pop('label'), r"'label|gap"),
        (set_entry('fps', 'dtype', 'F32'), r"'fps\.data_offsets'"),
        (set_entry('fps', 'dtype', 'Q9'), r"'fps\.dtype'.*str 'Q9'"),
        (set_entry('fps', 'dtype', None), r"'fps\.dtype'.*nothing"),
        (set_entry('fps', 'shape', [-4]), r"'fps\.shape'"),
        (set_entry('fps', 'shape', [True]), r"'fps\.shape'"),
        (set_entry('fps', 'shape', [2**62, 2**62]), r"'fps\.data_offsets'"),
        (set_entry('fps', 'shape', [2, 2]), r"'fps'.*F64 of shape \(2, 2\)"),
        (set_entry('fps', 'data_offsets', [0]), r"'fps\.data_offsets'"),
        (set_entry('fps', 'data_offsets', [9, 1]), r"'fps\.data_offsets'"),
        (shift('fps', -8), r"data_offsets'.*gap or overlap"),
        (shift('fps', 8), r"data_offsets'.*gap or overlap"),
        (shift('fields', 10**9), r'gap or overlap'),
        (lambda h: h.update(fps=3), r"'fps\.dtype'"),
        (lambda h: h.update(x=h['fps']), r'gap or overlap'),
        (set_entry('__metadata__', 'format', 'pt'), r"format': found 'pt'"),
        (set_entry('__metadata__', 'version', '2'), r"version': found '2'"),
        (set_entry('__metadata__', 'version', 2), r"'__metadata__'"),
        (lambda h: h.pop('__metadata__'), r'format.*found None'),
    ],
)
def test_a_malformed_header_is_refused(store, tmp_path, change, message):
    path = broken(store, change, tmp_path)

    with pytest.raises(
        AnnotationError, match=rf'broken\.safetensors(.|\n)*{message}'
    ):
        SkeletonStore(path)


@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (b'', 'a length of 0 in a file of 0 bytes'),
        (b'\x05\x00', 'in a file of 2 bytes'),
        (b'\xff' * 8 + b'{}', 'a length of 18446744073709551615'),
        ((2**40).to_bytes(8, 'little') + b'{}', 'a length of 1099511627776'),
        ((2).to_bytes(8, 'little') + b'[]', 'no JSON object'),
        ((4).to_bytes(8, 'little') + b'{"a"', 'no JSON object'),
        ((4).to_bytes(8, 'little') + b'\xff\xfe{}', 'no JSON object'),
        ((13).to_bytes(8, 'little') + b'{"a":1,"a":2}', 'stands there twice'),
        (
            (10**5).to_bytes(8, 'little') + b'{"a":' + b'[' * 99_995,
            'no JSON object',
        ),
    ],
)
def test_hostile_beginnings_are_refused(tmp_path, head, message):
    path = tmp_path / 'bad.safetensors'
    path.write_bytes(head)

    with pytest.raises(
        AnnotationError, match=rf'bad\.safetensors(.|\n)*{message}'
    ):
        SkeletonStore(path)


def test_a_header_over_the_limit_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / 'long.safetensors'
    with path.open('wb') as file:
        file.write((2**31).to_bytes(8, 'little') + b'{')
        file.truncate(2**31 + 8)  # sparse

    with pytest.raises(AnnotationError, match=r'long.*(.|\n)*at most'):
        SkeletonStore(path)


def test_a_file_that_is_cut_off_is_refused(store, tmp_path):
    content = Path(store.path).read_bytes()
    path = tmp_path / 'cut.safetensors'

    for size in (0, 7, 8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(AnnotationError, match=r'cut\.safetensors'):
            SkeletonStore(path)
    path.write_bytes(content + b'\0')
    with pytest.raises(AnnotationError, match='as its header says'):
        SkeletonStore(path)


def write_into(store, tmp_path, name, row, value):
    """A copy of the store with one other number."""
    content = bytearray(Path(store.path).read_bytes())
    place = store._places[name]
    dtype = store.column(name).dtype
    values = np.frombuffer(
        content, dtype, place.size // dtype.itemsize, place.start
    )
    values.reshape(place.shape)[row] = value
    path = tmp_path / 'wrong.safetensors'
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ('name', 'row', 'value', 'message'),
    [
        ('row_offsets', 1, 10**9, "'row_offsets'"),
        ('row_offsets', 0, 1, "'row_offsets'"),
        ('row_offsets', 1, 27, "'row_offsets'.*each person"),
        ('persons', 0, 0, "'row_offsets'.*each person"),
        ('persons', 2, -1, "'row_offsets'.*each person"),
        ('name_offsets', 4, 10**6, "'name_offsets'"),
        ('segment_offsets', 2, -5, "'segment_offsets'"),
        ('field_offsets', 4, 10**6, "'field_offsets'"),
        ('names', 0, 255, r"'names\[0\]'.*UTF-8"),
        ('fields', 0, 255, r"'fields\[1\]'.*UTF-8"),
        ('fields', 0, 65, r"'fields\[1\]'.*JSON"),
        ('split/train', 0, 4, "'split/train'.*index of one of 4"),
        ('segments', (0, 1), 14, r"'v2', key 'segments'.*\[1, 14\)"),
        ('segment_labels', 2, 3, "'v1', key 'segment_labels'.*label 3"),
        ('label', 2, 3, "'v1', key 'label'"),
        ('fps', 0, -1.0, "'v2', key 'fps'"),
        ('names', 9, ord('2'), "'names'.*3 names for 4"),
    ],
)
def test_wrong_numbers_are_found_before_training(
    store, tmp_path, name, row, value, message
):
    path = write_into(store, tmp_path, name, row, value)

    def use():
        data = open_annotation(path)
        validate_source(data, path, None)
        for entry in data['annotations']:
            entry['keypoint'].sum()

    with pytest.raises(
        AnnotationError, match=rf'wrong\.safetensors(.|\n)*{message}'
    ):
        use()


def test_scores_of_some_videos_only_are_found_before_training(path):
    scores = dict(keypoint_score=np.ones((2, 13, 5), np.float32))
    videos = [video('p', 7, M=2), video('q', 13, **scores), video('r', 5)]
    write_store(path, videos, METAINFO)

    with pytest.raises(
        AnnotationError,
        match=r"'keypoint_score': found nothing in 2 of 3 .*\['p', 'r'\]",
    ):
        validate_source(open_annotation(path), path)


def test_random_damage_is_refused_or_harmless(store, tmp_path):
    rng = np.random.default_rng(0)
    content = Path(store.path).read_bytes()
    end = content.index(b'   ')
    path = tmp_path / 'damaged.safetensors'
    refused = []
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            where = int(
                rng.integers(end if rng.random() < 0.7 else len(content))
            )
            damaged[where] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            data = open_annotation(path)
            validate_source(data, path, None)
            for entry in data['annotations']:
                entry['keypoint'].sum()
        except AnnotationError as error:
            refused.append(str(error))

    assert len(refused) > 100
    assert all('damaged.safetensors' in message for message in refused)


def test_fields_cannot_pose_as_joints(path):
    entry = video('v', 3, hand='left')
    write_store(path, [entry], METAINFO)
    content = Path(path).read_bytes()
    Path(path).write_bytes(
        content.replace(b'{"hand": "left"}', b'{"frame_dir": 7}')
    )

    assert SkeletonStore(path).info(0)['frame_dir'] == 'v'
