from __future__ import annotations

import numpy as np
import pytest

from mmsnip.conversion.writing import pack
from mmsnip.io.annotation import AnnotationError, load_annotation
from mmsnip.io.store import SkeletonStore
from tests.tools.conftest import annotation as annotation_file


@pytest.fixture
def path(tmp_path):
    from mmsnip.io.annotation import save_annotation

    save_annotation(tmp_path / 'a.pkl', annotation_file(3, 2))
    return tmp_path / 'a.pkl'


def test_packing_there_and_back_changes_nothing(path, tmp_path):
    report = pack(path, tmp_path / 'a.safetensors')
    pack(tmp_path / 'a.safetensors', tmp_path / 'back.pkl')

    before = load_annotation(path)
    after = load_annotation(tmp_path / 'back.pkl')
    assert after['metainfo'] == before['metainfo']
    assert after['split'] == before['split']
    for mine, other in zip(after['annotations'], before['annotations']):
        assert set(mine) == set(other)
        for key, value in other.items():
            np.testing.assert_array_equal(mine[key], value)
    assert report.converted == 5
    assert report.frames == sum(
        v['total_frames'] for v in before['annotations']
    )
    assert report.splits == dict(train=3, val=2)
    assert sum(row['segments'] for row in report.classes) > 0


def test_half_precision_halves_the_joints(path, tmp_path):
    pack(path, tmp_path / 'a.safetensors', dtype='float16')

    assert SkeletonStore(tmp_path / 'a.safetensors').dtype == np.float16


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / 'a.pkl').write_bytes(b'nothing')

    with pytest.raises(AnnotationError, match=r'a\.pkl'):
        pack(tmp_path / 'a.pkl', tmp_path / 'a.safetensors')
