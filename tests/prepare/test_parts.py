from __future__ import annotations

import numpy as np
import pytest

from mmsnip.prepare.folder import FolderSource
from mmsnip.prepare.job import (
    Work,
    _part_name,
    _read_facts,
    _read_part,
    _write_part,
)
from mmsnip.prepare.source import Item
from tests.prepare.noted import wanted


def annotation():
    return dict(
        frame_dir='../../walk: 1',
        total_frames=13,
        keypoint=np.random.default_rng(0).normal(size=(2, 13, 5, 3)),
        segments=np.zeros((0, 2), np.int64),
        label=3,
        img_shape=(480, 640),
    )


def test_a_recording_comes_back_as_it_was(tmp_path):
    path = tmp_path / 'x.recording'
    _write_part(path, annotation(), dict(shape=[2, 13]))

    found = _read_part(path)

    assert list(found) == list(annotation())
    np.testing.assert_array_equal(found['keypoint'], annotation()['keypoint'])
    assert found['segments'].shape == (0, 2)
    assert found['frame_dir'] == '../../walk: 1'
    assert found['img_shape'] == [480, 640]
    assert _read_facts(path) == dict(shape=[2, 13])


@pytest.mark.parametrize('value', [np.array([None]), b'bytes', object()])
def test_what_is_no_plain_data_is_refused(tmp_path, value):
    with pytest.raises(TypeError):
        _write_part(tmp_path / 'x', dict(annotation(), extra=value), {})

    assert list(tmp_path.iterdir()) == []


def test_a_damaged_part_is_removed(tmp_path):
    path = tmp_path / 'x.recording'
    _write_part(path, annotation(), {})
    content = bytearray(path.read_bytes())
    content[600:700] = bytes(100)  # among the joints
    path.write_bytes(content)

    with pytest.raises(OSError, match=r'x\.recording was damaged'):
        _read_part(path)
    assert not path.exists()


def test_a_name_tells_apart_all_that_matters(tmp_path):
    path, other = tmp_path / 'a.npy', tmp_path / 'labels.txt'
    path.write_bytes(b'12')
    other.write_bytes(b'1')

    def name(item=None, reading=None, **facts):
        source = FolderSource(tmp_path, reading=reading)
        work = Work(source, {}, wanted(**facts))
        return _part_name(work, item or Item('a', str(path)))

    with_labels = Item('a', str(path), {}, (str(other),))
    names = [
        name(),
        name(to_fps=30.0),
        name(fps=30.0),
        name(layout='coco'),
        name(of_one={'a': dict(up='z')}),
        name(reading=dict(drop=['x'])),
        name(Item('b', str(path))),
        name(Item('a', str(path), dict(segments=np.array([[2, 3]])))),
        name(with_labels),
    ]
    other.write_bytes(b'12')
    names.append(name(with_labels))
    path.write_bytes(b'123')
    names.append(name())

    assert len(set(names)) == len(names)
    assert name() == names[-1] == name(of_one={'b': dict(up='z')})
