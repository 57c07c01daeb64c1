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

from mmsnip.io.annotation import AnnotationError, save_annotation
from mmsnip.io.annotation_source import (
    is_store,
    open_annotation,
    validate_source,
)
from mmsnip.io.store import SkeletonStore
from mmsnip.io.store_writer import write_store
from tests.io.store_videos import METAINFO, C, V, four_videos, video


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
    assert [store.index_of(name) for name in store.names] == [0, 1, 2, 3]
    splits = {name: rows.tolist() for name, rows in store.splits.items()}
    assert splits == dict(train=[2, 0], val=[3], none=[])
    assert store.metainfo == METAINFO
    assert (store.num_joints, store.num_channels) == (V, C)


def test_no_segments_and_zero_segments_stay_apart(store, tmp_path):
    path = tmp_path / 'trimmed.safetensors'
    write_store(path, [video('c', 4, label=1)], METAINFO)

    assert store.info(1)['segments'].shape == (0, 2)
    assert 'segments' not in SkeletonStore(path).info(0)
    assert SkeletonStore(path).info(0)['label'] == 1


def test_an_unknown_name_is_a_key_error(store):
    for name in ('', 'v', 'v3', 'zz', '\ud800'):
        with pytest.raises(KeyError, match=r'toy\.safetensors has no video'):
            store.index_of(name)


def test_windows_equal_slices_of_the_whole_video(store):
    for i, written in enumerate(four_videos()):
        T = written['total_frames']
        for start in range(T + 1):
            for end in range(start, T + 1):
                np.testing.assert_array_equal(
                    store.keypoint(i, start, end),
                    written['keypoint'][:, start:end],
                )


def test_a_window_is_a_view_of_its_frames_only(store):
    window = store.keypoint(0, 3, 6)

    assert not window.flags.writeable
    assert np.shares_memory(window, store.keypoint(0, 5, 6))
    assert not np.shares_memory(window, store.keypoint(0, 6, 13))
    assert window.swapaxes(0, 1).flags.c_contiguous  # one stretch


@pytest.mark.parametrize('frames', [(-1, 3), (0, 14), (5, 4), (14, None)])
def test_frames_outside_the_video_are_refused(store, frames):
    with pytest.raises(IndexError, match=r"outside video 'v2'.* 13 frames"):
        store.keypoint(0, *frames)


@pytest.mark.parametrize('index', [4, -5])
def test_a_video_outside_the_store_is_refused(store, index):
    with pytest.raises(IndexError, match=r'toy\.safetensors.* 4 videos'):
        store[index]
    assert store[-1]['frame_dir'] == 'a'


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
        AnnotationError, match=r"'far', key 'keypoint'.*70000.*float32"
    ):
        write_store(path, [entry], METAINFO, dtype='float16')


def test_fields_are_left_out_on_request(path):
    entry = video('v', 3, boxes=np.ones(4), hand='left')

    write_store(path, [entry], METAINFO, leave_out=['boxes'])

    assert SkeletonStore(path).info(0) == dict(
        frame_dir='v', total_frames=3, hand='left'
    )


def test_pyskl_names_of_files_serve_as_names(path):
    entry = video('v', 3)
    entry['filename'] = entry.pop('frame_dir')

    write_store(path, [entry], METAINFO)

    assert SkeletonStore(path).names == ['v']


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


def test_the_header_is_as_long_for_many_videos_as_for_few(tmp_path):
    sizes = []
    for count in (3, 300):
        path = tmp_path / f'{count}.safetensors'
        write_store(path, (video(f'v{i}', 2) for i in range(count)), METAINFO)
        head = path.read_bytes()[:8]
        sizes.append(int.from_bytes(head, 'little'))

    assert sizes[0] == sizes[1]
    assert (sizes[0] + 8) % 4096 == 0  # joints begin on a page


def test_opening_reads_nothing_but_the_header(store, tmp_path):
    path = tmp_path / 'noise.safetensors'
    content = bytearray(Path(store.path).read_bytes())
    begin = 8 + int.from_bytes(content[:8], 'little')
    content[begin:] = b'\xff' * (len(content) - begin)
    path.write_bytes(content)

    noise = SkeletonStore(path)

    assert len(noise) == 4
    with pytest.raises(AnnotationError, match=r'noise(.|\n)*row_offsets'):
        noise.keypoint(0)


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
    with pytest.raises(AnnotationError, match='another file than the one'):
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


def test_a_missing_store_is_refused_as_a_missing_pickle_is(tmp_path):
    with pytest.raises(AnnotationError, match=r'gone\.safetensors.*not exist'):
        open_annotation(tmp_path / 'gone.safetensors')


@pytest.mark.parametrize(
    ('split', 'message'),
    [
        ('test', "no split 'test'.*'none', 'train', 'val'"),
        ('none', 'no video'),
    ],
)
def test_a_split_that_serves_nobody_is_refused(store, split, message):
    data = open_annotation(store.path)

    with pytest.raises(AnnotationError, match=rf"key 'split'.*{message}"):
        validate_source(data, store.path, split)


def test_real_sequences_come_back(data_dir, tmp_path):
    data = open_annotation(data_dir / 'bandai_stitched.pkl')
    path = tmp_path / 'bandai.safetensors'

    write_store(path, data['annotations'], data['metainfo'], data['split'])

    found = open_annotation(path)
    validate_source(found, path)
    assert found['metainfo'] == data['metainfo']
    assert found['split'] == data['split']
    for written, read in zip(data['annotations'], found['annotations']):
        np.testing.assert_array_equal(
            read['keypoint'], written['keypoint'].astype(np.float32)
        )
        np.testing.assert_array_equal(read['segments'], written['segments'])
