from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.prepare.job import convert, read_source
from mmsnip.structures import DataError
from tests.prepare.noted import NotedSource, read_names, wanted, write_folder


class SplitSource(NotedSource):
    """Odd recordings train; nothing validates."""

    def splits(self, names):
        return dict(
            train=[name for name in names if int(name[-1]) % 2], val=[]
        )


@pytest.fixture
def source(tmp_path):
    folder = write_folder(tmp_path / 'in')
    log = tmp_path / 'read.txt'
    return SplitSource(folder, log, classes_from_folders=True)


def test_memory_holds_what_the_file_would(source, tmp_path):
    (source.root / 'sit' / 'broken.npy').write_bytes(b'x')
    made = wanted()
    written = convert(source, tmp_path / 'out.pkl', made, progress=False)
    expected = load_annotation(tmp_path / 'out.pkl')

    data, report = read_source(source, wanted=made)

    assert data['metainfo'] == expected['metainfo']
    assert data['split'] == expected['split']
    assert len(data['annotations']) == len(expected['annotations']) == 7
    for found, other in zip(data['annotations'], expected['annotations']):
        keypoint = found.pop('keypoint')
        np.testing.assert_array_equal(keypoint, other.pop('keypoint'))
        assert found == other
    assert report.skipped == written.skipped
    assert report.converted == written.converted
    assert report.classes == written.classes


def test_only_the_recordings_of_the_split_are_read(source):
    data, report = read_source(source, 'train', wanted=wanted())

    names = [video['frame_dir'] for video in data['annotations']]
    assert names == ['walk/p1', 'walk/p3', 'walk/p5']
    assert read_names(source.log) == names
    assert report.found == 3


@pytest.mark.parametrize(
    ('split', 'message'),
    [
        ('test', r"in has no split 'test'; it has \['train', 'val'\]"),
        ('val', 'in holds nothing usable among 0 recordings'),
    ],
)
def test_a_split_without_recordings_is_refused(source, split, message):
    with pytest.raises(DataError, match=message):
        read_source(source, split)
