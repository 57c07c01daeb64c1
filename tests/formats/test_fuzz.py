"""Whatever a file holds, a recording or a named refusal comes of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmsnip.io.formats import READERS, read
from mmsnip.structures import DataError

GOLDEN = Path(__file__).parent / 'golden'
FILES = sorted(p for p in GOLDEN.rglob('*') if p.suffix in READERS)
WORDS = [
    *(b'nan', b'inf', b'-1', b'1e400', b'9' * 400, b'0', b'', b'\xff\x00'),
    *(b'null', b'[]', b'{}', b'"', b',', b'\t', b'\n', b'{', b'}', b'frame'),
]
LIMIT_S = 5.0  # of the processor


def read_or_refuse(path):
    started = time.process_time()
    try:
        recording = read(path)
    except (DataError, FileNotFoundError) as error:
        named = path.name in str(error)
        if not named:
            raise AssertionError(f'no file in {error}') from error
    else:
        assert recording.keypoint.dtype == np.float32
        assert np.isfinite(recording.keypoint).all()
        assert recording.present.shape == recording.keypoint.shape[:3]
    assert time.process_time() - started < LIMIT_S


@st.composite
def damaged(draw, content):
    """Cut somewhere, with words and lines replaced, doubled or moved."""
    for _ in range(draw(st.integers(0, 3))):
        sign = draw(st.sampled_from([b'\n', b' ', b',', b':']))
        parts = content.split(sign)
        place = draw(st.integers(0, len(parts) - 1))
        kind = draw(st.sampled_from(['del', 'dup', 'word', 'move']))
        if kind == 'del':
            del parts[place]
        elif kind == 'dup':
            parts.insert(place, parts[place])
        elif kind == 'move':
            parts.append(parts.pop(place))
        else:
            parts[place] = draw(st.sampled_from(WORDS))
        content = sign.join(parts)
    if draw(st.booleans()):
        content = content[: draw(st.integers(0, len(content)))]
    return content


@pytest.mark.parametrize(
    'golden', FILES, ids=lambda path: path.relative_to(GOLDEN).as_posix()
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_damaged_file_gives_a_recording_or_our_error(golden, data):
    content = data.draw(damaged(golden.read_bytes()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, golden.name)
        path.write_bytes(content)
        read_or_refuse(path)


@pytest.mark.parametrize('folder', ['openpose', 'ultralytics'])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_frame_gives_a_recording_or_our_error(folder, data):
    with tempfile.TemporaryDirectory() as root:
        copy = Path(root, folder)
        shutil.copytree(GOLDEN / folder, copy)
        file = sorted(copy.iterdir())[1]
        file.write_bytes(data.draw(damaged(file.read_bytes())))
        read_or_refuse(copy)


@pytest.mark.parametrize('ending', sorted(READERS))
@settings(max_examples=20, deadline=None)
@given(content=st.binary(max_size=300))
def test_random_bytes_give_a_recording_or_our_error(ending, content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'foreign{ending}')
        path.write_bytes(content)
        read_or_refuse(path)
