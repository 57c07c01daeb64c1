"""The store: what goes in comes out, and nothing else is read."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import (
    open_annotation,
    save_annotation,
    validate_annotation,
)
from mmsnip.io.store import (
    DTYPES,
    SkeletonStore,
    from_json,
    is_store,
    to_json,
)
from mmsnip.io.store_writer import write_store
from mmsnip.structures import DataError
from tests.io.store_videos import METAINFO, C, V, four_videos, video

GOLDEN = Path(__file__).parents[1] / 'golden' / 'four_videos.safetensors'


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / 'toy.safetensors')


@pytest.fixture
def store(path):
    splits = dict(train=['v1', 'v2'], val=('a',), none=[])
    write_store(path, iter(four_videos()), METAINFO, splits)
    return SkeletonStore(path)


def same(one, other):
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert type(one) is type(other)
        assert one == other


# What goes in comes out.


def test_every_field_of_every_video_comes_back(store):
    videos = four_videos()
    del videos[2]['note']  # None says what an absent field says

    found = [{**entry} for entry in store]
    found[2].pop('note')

    assert len(store) == 4
    for written, read in zip(videos, found):
        assert set(written) == set(read)
        for key, value in written.items():
            same(value, read[key])


def test_splits_names_and_metainfo_come_back(store):
    assert store.names == ['v2', 'é/v10', 'v1', 'a']
    splits = {name: rows.tolist() for name, rows in store.splits.items()}
    assert splits == dict(train=[2, 0], val=[3], none=[])
    assert store.metainfo == METAINFO
    assert (store.num_joints, store.num_channels) == (V, C)


def test_windows_equal_slices_of_the_whole_video(store):
    for i, written in enumerate(four_videos()):
        T = written['total_frames']
        for start in range(T + 1):
            for end in range(start, T + 1):
                np.testing.assert_array_equal(
                    store.keypoint(i, start, end),
                    written['keypoint'][:, start:end],
                )


@pytest.mark.parametrize('frames', [(-1, 3), (0, 14), (5, 4), (14, None)])
def test_frames_outside_the_video_are_refused(store, frames):
    with pytest.raises(IndexError, match=r"outside video 'v2'.* 13 frames"):
        store.keypoint(0, *frames)


def test_the_mask_tells_absent_persons_without_reading_joints(path):
    entry = video('v', 13)
    entry['keypoint'][1, 3:] = 0
    entry['keypoint'][0, 5, :4] = 0  # one joint is still there
    write_store(path, [entry], METAINFO)

    expected = np.ones((2, 13), bool)
    expected[1, 3:] = False
    store = SkeletonStore(path)
    np.testing.assert_array_equal(store.body_mask(0), expected)
    np.testing.assert_array_equal(store.body_mask(0, 2, 5), expected[:, 2:5])


def test_scores_come_back_where_a_video_has_them(path):
    rng = np.random.default_rng(0)
    score = rng.uniform(size=(2, 13, V)).astype(np.float32)
    entries = [video('p', 7), video('q', 13, keypoint_score=score)]
    write_store(path, entries, METAINFO)

    store = SkeletonStore(path)

    assert store.keypoint_score(0) is None
    assert 'keypoint_score' not in store[0]
    np.testing.assert_array_equal(store.keypoint_score(1), score)
    np.testing.assert_array_equal(store.keypoint_score(1, 4, 6), score[:, 4:6])


def test_half_floats_are_the_nearest_ones(path):
    write_store(path, four_videos(), METAINFO, dtype='float16')

    store = SkeletonStore(path)

    assert store.dtype == np.float16
    for i, written in enumerate(four_videos()):
        np.testing.assert_array_equal(
            store.keypoint(i), written['keypoint'].astype(np.float16)
        )


def test_values_beyond_half_floats_are_refused(path):
    entry = video('far', 7)
    entry['keypoint'][0, 2] = 7e4

    with pytest.raises(
        DataError, match=r"'far', key 'keypoint'.*70000.*float32"
    ):
        write_store(path, [entry], METAINFO, dtype='float16')


def test_fields_are_left_out_on_request(path):
    entry = video('v', 3, boxes=np.ones(4), hand='left')

    write_store(path, [entry], METAINFO, leave_out=['boxes'])

    assert SkeletonStore(path).info(0) == dict(
        frame_dir='v', total_frames=3, hand='left'
    )


# The file itself.


def test_the_safetensors_library_opens_the_file(store):
    library = pytest.importorskip('safetensors')

    with library.safe_open(store.path, framework='np') as file:
        rows = file.get_slice('keypoint')[26 : 26 + 7]
        metadata = file.metadata()
        count = len(file.keys())

    np.testing.assert_array_equal(rows, store.keypoint(1)[0])
    assert metadata['format'] == 'mmsnip-store'
    assert count == 15 + 3  # splits


def test_a_file_that_the_library_wrote_again_serves_as_well(store, tmp_path):
    library = pytest.importorskip('safetensors.numpy')
    again = tmp_path / 'again.safetensors'

    library.save_file(
        library.load_file(store.path), str(again), store._metadata
    )

    other = SkeletonStore(again)
    for i in range(4):
        for key, value in store[i].items():
            same(value, other[i][key])


def test_a_store_of_an_earlier_version_opens():
    store = SkeletonStore(GOLDEN)

    assert store.splits['train'].tolist() == [2, 0]
    for written, read in zip(four_videos(), store):
        for key, value in written.items():
            same(value, read.get(key))


def test_one_video_at_a_time_is_held(path):
    made = []

    def make(i):
        entry = video(f'v{i}', 4 + i)
        made.append(weakref.ref(entry['keypoint']))
        return entry

    def stream():
        for i in range(5):
            held.append(sum(ref() is not None for ref in made))
            yield make(i)

    held = []
    write_store(path, stream(), METAINFO)

    assert max(held) == 1


def test_a_failed_write_leaves_the_old_file(store):
    before = Path(store.path).read_bytes()

    def stream():
        yield video('v', 3)
        raise RuntimeError('power')

    with pytest.raises(RuntimeError, match='power'):
        write_store(store.path, stream(), METAINFO)

    assert Path(store.path).read_bytes() == before
    assert os.listdir(os.path.dirname(store.path)) == ['toy.safetensors']


def test_an_open_store_keeps_the_file_that_is_replaced(store):
    expected = four_videos()[2]['keypoint']

    write_store(store.path, [video('other', 3)], METAINFO)

    np.testing.assert_array_equal(store.keypoint(2), expected)
    assert SkeletonStore(store.path).names == ['other']
    with pytest.raises(DataError, match='another file than the one'):
        pickle.loads(pickle.dumps(store))  # noqa: S301  (our own)


def test_copies_read_the_same_file(store):
    for other in (
        copy.deepcopy(store),
        pickle.loads(pickle.dumps(store)),  # noqa: S301  (our own)
    ):
        assert other.names == store.names
        np.testing.assert_array_equal(other.keypoint(0), store.keypoint(0))
    assert len(pickle.dumps(store)) < 1000


def total_of(store, i):
    return float(store.keypoint(i).sum())


@pytest.mark.parametrize(
    'method', ['fork', pytest.param('spawn', marks=pytest.mark.slow)]
)
def test_other_processes_read_it(store, method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        found = pool.starmap(total_of, [(store, i) for i in range(4)])

    assert found == [total_of(store, i) for i in range(4)]


# Both forms of an annotation file.


def test_a_store_is_told_from_a_pickle_by_its_first_bytes(store, tmp_path):
    renamed = tmp_path / 'renamed.bin'
    os.link(store.path, renamed)
    pickled = tmp_path / 'toy.pkl'
    data = dict(metainfo=METAINFO, split={}, annotations=four_videos())
    save_annotation(pickled, data)

    assert is_store(renamed)
    assert not is_store(pickled)
    assert isinstance(open_annotation(renamed)['annotations'], SkeletonStore)
    assert isinstance(open_annotation(pickled)['annotations'], list)


def test_real_sequences_come_back(data_dir, tmp_path):
    data = open_annotation(data_dir / 'bandai_stitched.pkl')
    path = tmp_path / 'bandai.safetensors'

    write_store(path, data['annotations'], data['metainfo'], data['split'])

    found = open_annotation(path)
    validate_annotation(found, path)
    assert found['metainfo'] == data['metainfo']
    assert found['split'] == data['split']
    for written, read in zip(data['annotations'], found['annotations']):
        np.testing.assert_array_equal(
            read['keypoint'], written['keypoint'].astype(np.float32)
        )
        np.testing.assert_array_equal(read['segments'], written['segments'])


# When it is written.


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(total_frames=3), r"'v1', key 'total_frames': found 3"),
        (
            dict(keypoint=np.ones((2, 11, 4, 3))),
            r"'v1', key 'keypoint'.*V = 5",
        ),
        (
            dict(keypoint=np.ones((2, 11, 5, 2))),
            r"'v1', key 'keypoint'.*C = 3",
        ),
        (dict(keypoint=np.full((1, 11, 5, 3), np.nan)), r"'v1'.*NaN"),
        (dict(segments=np.array([[2, 12]])), r"'v1', key 'segments'.*\[2, 12"),
        (dict(segment_labels=np.array([3])), r"'v1', key 'segment_labels'"),
        (dict(segment_labels=None), r"'v1', key 'segment_labels': found noth"),
        (dict(label=3), r"'v1', key 'label': found 3"),
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

    with pytest.raises(DataError, match=rf'toy\.safetensors(.|\n)*{message}'):
        write_store(path, videos, METAINFO)

    assert os.listdir(os.path.dirname(path)) == []


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
        (lambda h: h.pop('label'), 'header'),
        (set_entry('fps', 'dtype', 'F32'), 'header'),
        (set_entry('fps', 'dtype', 'Q9'), 'header'),
        (set_entry('fps', 'dtype', 'I64'), "key 'fps'.*expected f8"),
        (set_entry('fps', 'dtype', 'U64'), "key 'fps'.*expected f8"),
        (set_entry('fps', 'shape', [2**62, 2**62]), 'header'),
        (set_entry('fps', 'shape', [2, 2]), "key 'fps'.*shape"),
        (set_entry('fps', 'data_offsets', [9, 1]), 'header'),
        (shift('fps', -8), 'header'),
        (shift('fields', 10**9), 'header'),
        (lambda h: h.update(fps=3), 'header'),
        (set_entry('__metadata__', 'format', 'pt'), r"format': found 'pt'"),
        (set_entry('__metadata__', 'version', '2'), r"version': found '2'"),
        (lambda h: h.pop('__metadata__'), r'format.*found None'),
    ],
)
def test_a_malformed_header_is_refused(store, tmp_path, change, message):
    path = broken(store, change, tmp_path)

    with pytest.raises(DataError, match=rf'broken\.safetensors.*{message}'):
        SkeletonStore(path)


@pytest.mark.parametrize(
    'head',
    [
        b'',
        b'\x05\x00',
        b'\xff' * 8 + b'{}',
        (2).to_bytes(8, 'little') + b'[]',
        (4).to_bytes(8, 'little') + b'{"a"',
        (4).to_bytes(8, 'little') + b'\xff\xfe{}',
        (10**5).to_bytes(8, 'little') + b'{"a":' + b'[' * 99_995,
    ],
)
def test_hostile_beginnings_are_refused(tmp_path, head):
    path = tmp_path / 'bad.safetensors'
    path.write_bytes(head)

    with pytest.raises(DataError, match=r"bad\.safetensors.*key 'header'"):
        SkeletonStore(path)


def test_a_header_over_the_limit_is_not_read(tmp_path):
    path = tmp_path / 'long.safetensors'
    with path.open('wb') as file:
        file.write((2**31).to_bytes(8, 'little') + b'{')
        file.truncate(2**31 + 8)  # sparse

    with pytest.raises(DataError, match=r'long.*at most'):
        SkeletonStore(path)


def test_a_file_that_is_cut_off_is_refused(store, tmp_path):
    content = Path(store.path).read_bytes()
    path = tmp_path / 'cut.safetensors'

    for size in (0, 7, 8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(DataError, match=r'cut\.safetensors'):
            SkeletonStore(path)
    path.write_bytes(content + b'\0')
    with pytest.raises(DataError, match='cut'):
        SkeletonStore(path)


def write_into(store, tmp_path, name, row, value):
    """A copy of the store with one other number."""
    content = bytearray(Path(store.path).read_bytes())
    length = int.from_bytes(content[:8], 'little')
    entry = from_json(content[8 : 8 + length].decode())[name]
    start, end = (8 + length + place for place in entry['data_offsets'])
    values = np.frombuffer(
        memoryview(content)[start:end], DTYPES[entry['dtype']]
    )
    values.reshape(entry['shape'])[row] = value
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
        ('segments', (0, 1), 14, r"'v2', key 'segments'.*\[1, 14\]"),
        ('segment_labels', 2, 3, "'v1', key 'segment_labels'.*found 3"),
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
        validate_annotation(data, path, None)
        for entry in data['annotations']:
            entry['keypoint'].sum()

    with pytest.raises(
        DataError, match=rf'wrong\.safetensors(.|\n)*{message}'
    ):
        use()


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
            validate_annotation(data, path, None)
            for entry in data['annotations']:
                entry['keypoint'].sum()
        except DataError as error:
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
