"""Which .json files are the frames of one recording."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.formats import group_frames
from mmsnip.io.formats.pose_json import holds_frames


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def test_frames_stand_for_their_folder_among_other_files(tmp_path):
    frames = [tmp_path / 'b' / f'{n}_keypoints.json' for n in range(3)]
    others = [tmp_path / name for name in ('b/x.npy', 'a.json', 'c.csv')]

    assert group_frames([*frames, *others], None) == [
        *(tmp_path / 'a.json', tmp_path / 'b', tmp_path / 'b' / 'x.npy'),
        tmp_path / 'c.csv',
    ]


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({}, False),
        ({'a_1.json': [], 'a_2.json': {'people': []}}, True),
        ({'a_1.json': [], 'b_1.json': []}, False),
        ({'a_1.json': [], 'a_2.json': [], 'b.json': [], 'c.json': []}, False),
        ({'a_1.json': {'no': 'pose'}, 'a_2.json': 7}, False),
        ({'a_1.json': {'no': 'pose'}, 'a_2.json': []}, True),
        ({'one_keypoints.json': []}, True),
    ],
)
def test_frames_are_told_by_names_and_content(tmp_path, files, expected):
    paths = [write(tmp_path / name, text) for name, text in files.items()]

    assert holds_frames(paths) is expected


def test_large_files_are_no_frames_and_are_not_read(tmp_path):
    paths = [tmp_path / f'{n}.json' for n in range(2)]
    for path in paths:
        with path.open('wb') as file:
            file.truncate(2**22 + 1)

    assert not holds_frames(paths)


@given(st.lists(st.binary(max_size=60), min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_frames_or_not(contents):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f'{n}.json') for n in range(len(contents))]
        for path, content in zip(paths, contents):
            path.write_bytes(content)

        assert holds_frames(paths) in (True, False)
