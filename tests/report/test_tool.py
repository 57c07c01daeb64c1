"""``tools/report.py`` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.made import write_case

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    """Run the tool; torch must not be needed."""
    command = [sys.executable, 'tools/report.py', *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_file_is_written_and_its_notes_are_printed(tmp_path):
    ann, scores = write_case(tmp_path, 2)
    out = tmp_path / 'page.html'

    done = run(scores, '--ann', ann, '--out', out, '--title', 'Über <b>')

    assert done.returncode == 0, done.stderr
    assert '2 videos, 2 with skeletons' in done.stdout
    assert 'note: Skeletons are kept at 15 poses' in done.stdout
    assert '<title>Über &lt;b&gt;</title>' in out.read_text('utf-8')


@pytest.mark.parametrize('name', ['missing.json', 'odd.bin'])
def test_an_unusable_file_exits_with_2_and_its_name(tmp_path, name):
    (tmp_path / 'odd.bin').write_bytes(b'\x80\x04odd')

    done = run(tmp_path / name, '--out', tmp_path / 'page.html')

    assert done.returncode == 2
    assert name in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'page.html').exists()


def test_making_a_page_imports_no_torch_and_no_matplotlib():
    code = (
        'import sys, mmsnip.report; '
        "print([m for m in ('torch', 'mmengine', 'matplotlib') "
        'if m in sys.modules])'
    )

    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True
    )

    assert done.stdout.strip() == '[]', done.stderr
