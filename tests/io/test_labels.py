from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.io.labels import LABEL_READERS, read_labels, to_frames
from mmsnip.io.labels.elan import save_elan
from mmsnip.structures import DataError

FPS = 20.0


@pytest.fixture
def folder(tmp_path):
    """The same two segments of video 'v' in every format."""
    (tmp_path / 'a.csv').write_text('v,take,0.1,0.2\nv,pour,0.2,0.35\n')
    (tmp_path / 'a.tsv').write_text(
        'video\tlabel\tstart_frame\tend_frame\nv\ttake\t2\t4\nv\tpour\t4\t7\n'
    )
    segments = [('take', 0.1, 0.2), ('pour', 0.2, 0.35)]
    annotations = [dict(label=n, segment=s) for n, *s in segments]
    (tmp_path / 'a.json').write_text(
        json.dumps(dict(database=dict(v=dict(annotations=annotations))))
    )
    frames = ['background'] * 2 + ['take'] * 2 + ['pour'] * 3
    (tmp_path / 'text').mkdir()
    (tmp_path / 'text' / 'v.txt').write_text('\n'.join(frames))
    save_elan(
        tmp_path / 'elan' / 'v.eaf',
        np.array([[0, 2, 4], [1, 4, 7]]),
        ['take', 'pour'],
        FPS,
    )
    return tmp_path


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('a.csv', dict(unit='s')),
        ('a.tsv', {}),
        ('a.json', {}),
        ('text', {}),
        ('text/v.txt', {}),
        ('elan', {}),
        ('elan/v.eaf', dict(tiers='action')),
    ],
)
def test_every_format_says_the_same(folder, name, options):
    labels = read_labels(folder / name, **options)

    assert list(labels.videos) == ['v']
    assert labels.classes == ['take', 'pour']
    segments, names, mended = to_frames(labels.videos['v'], FPS, 7)
    assert segments.tolist() == [[2, 4], [4, 7]]
    assert names == ['take', 'pour']
    assert labels.mended + mended == []


def test_a_kind_goes_before_the_ending(folder):
    (folder / 'a.csv').rename(folder / 'a.dat')

    labels = read_labels(folder / 'a.dat', 'table', unit='s')

    assert list(labels.videos) == ['v']
    with pytest.raises(DataError, match=r"ends in '\.dat'; expected one of"):
        read_labels(folder / 'a.dat')
    with pytest.raises(ValueError, match="kind='csv' is unknown; use one of"):
        read_labels(folder / 'a.dat', 'csv')


def test_a_folder_of_two_kinds_or_none_is_refused(folder):
    (folder / 'empty').mkdir()
    (folder / 'elan' / 'notes.txt').write_text('x')

    with pytest.raises(DataError, match=r'holds neither'):
        read_labels(folder / 'empty')
    with pytest.raises(DataError, match="name it, 'elan' or 'frames'"):
        read_labels(folder / 'elan')


@pytest.mark.parametrize('kind', sorted(LABEL_READERS))
def test_a_missing_file_is_named(tmp_path, kind):
    with pytest.raises(FileNotFoundError, match='none: there is no such'):
        read_labels(tmp_path / 'none', kind)
