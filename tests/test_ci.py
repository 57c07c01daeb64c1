"""What CI is meant to have it has, or it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CASES = """
import pytest

def test_of_a_tool():
    pytest.importorskip('no_such_tool')

@pytest.mark.skipif(True, reason='needs a GPU')
def test_of_a_machine():
    pass
"""


@pytest.mark.parametrize(('ci', 'outcome'), [('true', 1), ('', 0)])
def test_a_missing_tool_fails_in_ci_and_skips_elsewhere(tmp_path, ci, outcome):
    (tmp_path / 'test_cases.py').write_text(CASES)
    (tmp_path / 'pytest.ini').write_text('[pytest]\n')
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'pytest', '-q', '-p', 'tests.conftest'),
            *('-p', 'no:cacheprovider', '--rootdir', tmp_path, tmp_path),
        ],
        cwd=tmp_path,
        env={**os.environ, 'CI': ci, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == outcome, done.stdout
    expected = '1 failed, 1 skipped' if ci else '2 skipped'
    assert expected in done.stdout


def test_ci_ignores_no_failed_installation():
    script = (ROOT / '.ci' / 'run').read_text()

    assert script.startswith('#!/usr/bin/env bash\n')
    assert 'set -euo pipefail' in script
    assert not re.search(r'\|\|\s*(\\\n\s*)?(echo|true|:)', script)
    assert 'export CI=true' in script
