"""The command that checks an annotation file."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'validate_data.py'


def run(*arguments):
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': path},
    )


def test_a_sound_file_is_summarized(untrimmed_file):
    done = run(untrimmed_file, '--split', 'train')

    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ['content', '3', 'videos,', '29', 'frames,', '0.00', 'h'] in rows
    assert any(row[:3] == ['jump', '1', '1'] for row in rows)
    assert rows[-1] == ['no', 'problems', 'found']


def test_a_malformed_file_ends_with_status_1(untrimmed_file):
    data = pickle.loads(Path(untrimmed_file).read_bytes())  # noqa: S301
    data['annotations'][2]['total_frames'] = 3
    Path(untrimmed_file).write_bytes(pickle.dumps(data))

    done = run(untrimmed_file)

    assert done.returncode == 1
    assert "video 'v2', key 'total_frames': found 3" in done.stdout


def test_a_missing_file_ends_with_status_1(tmp_path):
    done = run(str(tmp_path / 'gone.pkl'))

    assert done.returncode == 1
    assert 'does not exist' in done.stdout
    assert 'Traceback' not in done.stderr
