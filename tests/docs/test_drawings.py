"""The pictures of the method are drawn by the project, and are there."""

from __future__ import annotations

import re
import struct
import subprocess
import sys

import pytest

from tests.docs.blocks import PAGES, ROOT

SCRIPT = ROOT / 'docs' / 'drawings' / 'method.py'
NAMES = sorted(
    {
        name
        for page in ('method', 'protocols')
        for name in re.findall(
            r'\(images/(\w+)\.png\)',
            (PAGES / f'{page}.md').read_text(encoding='utf-8'),
        )
    }
)
WIDTH, MOST_BYTES = 1400, 150_000


def size_of(path):
    """Width and height that the PNG's header says."""
    header = path.read_bytes()[:24]
    assert header.startswith(b'\x89PNG'), path
    return struct.unpack('>II', header[16:])


def check_picture(path):
    width, height = size_of(path)
    assert width == WIDTH
    assert 200 <= height <= 1400
    assert 5_000 <= path.stat().st_size <= MOST_BYTES


def test_the_pages_show_pictures():
    assert len(NAMES) >= 5


@pytest.mark.parametrize('name', NAMES)
def test_a_picture_of_the_pages_is_small_and_as_wide_as_all(name):
    check_picture(PAGES / 'images' / f'{name}.png')


@pytest.mark.slow
def test_the_script_draws_every_picture_of_the_pages(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, '--out', tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert sorted(path.stem for path in tmp_path.iterdir()) == NAMES
    for name in NAMES:
        check_picture(tmp_path / f'{name}.png')
