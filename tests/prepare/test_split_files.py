from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.prepare.labels import apply_splits, read_splits
from mmsnip.structures import DataError

SPLIT = dict(train=['a', 'walk/b'], val=['c'])


def write(path, text):
    path.write_text(text)
    return path


def test_all_forms_say_the_same(tmp_path):
    as_json = write(tmp_path / 'split.json', json.dumps(SPLIT))
    train = write(tmp_path / 'train.txt', 'a\n\nwalk/b\na\n')
    val = write(tmp_path / 'val.txt', 'c')

    assert read_splits(as_json) == SPLIT
    assert read_splits([train, val]) == SPLIT
    assert read_splits(tmp_path) == SPLIT
    text = 'Training videos: \n0001-M, 0001-R\nValidataion videos:\n0002-L'
    found = read_splits(write(tmp_path / 'cross-view.txt', text))  # PKU-MMD
    assert found == dict(train=['0001-M', '0001-R'], val=['0002-L'])


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('s.json', '{"train": ["a"', 's.json, line 1'),
        ('s.json', '["a"]', 'expected an object of lists'),
        ('s.json', '{"train": "a"}', "key 'train': found str 'a'"),
        ('s.json', '{"train": ["a", 3]}', "key 'train': found int 3"),
        ('s.json', '{"train": ["../a"]}', "'../a' cannot name a recording"),
        ('train.txt', 'a\n/b\n', "train.txt, line 2: '/b' cannot name"),
        ('s.csv', 'a', "ends in '.csv'"),
    ],
)
def test_what_is_no_split_file_is_refused(tmp_path, name, text, message):
    path = write(tmp_path / name, text)

    with pytest.raises(DataError, match=message):
        read_splits(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(['.json', '.txt']))
def test_any_bytes_are_a_split_or_our_own_error(
    tmp_path_factory, content, ending
):
    path = tmp_path_factory.getbasetemp() / f'any{ending}'
    path.write_bytes(content)
    with suppress(DataError):  # anything else fails
        found = read_splits(path)
        assert all(isinstance(n, str) for part in found.values() for n in part)


def test_names_are_found_with_ending_and_backslash():
    wanted = dict(train=['a.skeleton', 'walk\\b.npy', 'a'], val=['x', 'c.d'])

    there, missing = apply_splits(wanted, ['a', 'walk/b', 'c.d', 'c'])

    assert there == dict(train=['a', 'walk/b'], val=['c.d'])
    assert missing == dict(val=['x'])
