from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.labels.frame_text import read_frame_text
from mmsnip.structures import DataError
from tests.io.label_text import labels_or_refuse, mutated

CLASSES = ['background', 'take', 'pour', 'stir']
TEXT = 'background\ntake\ntake\npour\npour\npour\nbackground\n'


@pytest.fixture
def dataset(tmp_path):
    """MS-TCN's folder: two videos, T=7 and T=2, and two splits."""
    for name in ('groundTruth', 'splits'):
        (tmp_path / name).mkdir()
    (tmp_path / 'groundTruth' / 'v2.txt').write_text('pour\npour\n')
    (tmp_path / 'groundTruth' / 'v1.txt').write_text(TEXT)
    (tmp_path / 'mapping.txt').write_text(
        '0 stir\n2 take\n1 pour\n3 background\n'
    )
    (tmp_path / 'splits' / 'train.split1.bundle').write_text('v1.txt\n')
    (tmp_path / 'splits' / 'test.split1.bundle').write_text('v2.txt\nv3.txt')
    return tmp_path


@pytest.mark.parametrize('inner', ['.', 'groundTruth'])
def test_a_data_set_gives_runs_classes_and_splits(dataset, inner):
    labels = read_frame_text(dataset / inner)

    assert labels.unit == 'frames'
    assert list(labels.videos) == ['v1', 'v2']
    assert labels.videos['v1'].segments.tolist() == [[1, 3], [3, 6]]
    assert labels.videos['v1'].names == ['take', 'pour']
    assert labels.videos['v1'].num_frames == 7
    assert labels.classes == ['stir', 'pour', 'take']
    assert labels.splits == {'train.split1': ['v1'], 'test.split1': ['v2']}
    assert labels.mended == [
        "test.split1.bundle, line 2: 'v3' has no labels, left out"
    ]


def test_runs_are_those_of_a_line_by_line_loop(tmp_path):
    rng = np.random.default_rng(0)
    names = [CLASSES[n] for n in rng.integers(0, 4, 200)]
    path = tmp_path / 'walk 1.txt'
    path.write_text('\r\n'.join(names))

    labels = read_frame_text(path).videos['walk 1']

    painted = ['background'] * 200
    for name, (start, end) in zip(labels.names, labels.segments.astype(int)):
        assert painted[start:end] == ['background'] * (end - start)
        assert (painted[start - 1] if start else '') != name
        painted[start:end] = [name] * (end - start)
    assert painted == names


def test_the_names_of_the_background_are_an_argument(tmp_path):
    path = tmp_path / 'v.txt'
    path.write_text('SIL\npour\nSIL\n')

    assert read_frame_text(path).classes == ['SIL', 'pour']
    assert read_frame_text(path, 'SIL').classes == ['pour']
    assert read_frame_text(path, ('SIL', 'pour')).videos['v'].names == []


@pytest.mark.parametrize(
    ('file', 'text', 'message'),
    [
        ('groundTruth/v1.txt', 'take\n\ntake', 'line 2: it is blank'),
        ('groundTruth/v1.txt', 'take\ncut', "line 2: 'cut' is none of 4"),
        ('groundTruth/v1.txt', '', 'v1.txt cannot be read: it is empty'),
        ('mapping.txt', '0 a\nb 1\n', "line 2: 'b 1' is no row 'index name'"),
        ('mapping.txt', '0 a\n0 b\n', "line 2: '0 b' repeats an index"),
        ('mapping.txt', '0 a\n1 a\n', "line 2: '1 a' repeats an index"),
        ('mapping.txt', '²  a\n', 'is no row'),
        ('splits/a.bundle', '../v1.txt', 'line 1: .* cannot name a recording'),
    ],
)
def test_a_broken_file_is_refused_by_line(dataset, file, text, message):
    (dataset / file).write_text(text)

    with pytest.raises(DataError, match=message):
        read_frame_text(dataset)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(DataError, match=r'has no \.txt file of frame'):
        read_frame_text(tmp_path)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(['mapping.txt', 'a.bundle']),
    st.one_of(
        st.binary(max_size=60), mutated('0 take\n1 pour\n'), mutated('v.txt\n')
    ),
)
def test_any_bytes_beside_the_labels_do_no_harm(name, content):
    def read(path):
        folder = path.parent
        (folder / 'groundTruth').mkdir()
        (folder / 'groundTruth' / 'v.txt').write_text('take\npour\n')
        (folder / 'splits').mkdir()
        if name == 'a.bundle':
            path.rename(folder / 'splits' / name)
        try:
            return read_frame_text(folder)
        except DataError as error:
            raise DataError(f'{path}: {error}') from error

    labels_or_refuse(read, content, name)
