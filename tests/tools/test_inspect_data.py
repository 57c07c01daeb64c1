"""``tools/inspect_data.py`` as a user runs it."""

from __future__ import annotations

import json
import sys

import numpy as np

from tests.tools.conftest import annotation, run

TOOL = [sys.executable, 'tools/inspect_data.py']


def test_facts_are_printed_drawn_and_written(ann_file, tmp_path):
    done = run(
        [*TOOL, ann_file, '--out', tmp_path, '--json', tmp_path / 'a.json'],
        ann_file,
    )

    assert done.returncode == 0, done.output
    assert '13 videos' in done.stdout
    drawn = sorted(path.stem for path in tmp_path.glob('*.png'))
    assert drawn == ['classes', 'joints', 'lengths', 'poses', 'timelines']
    facts = json.loads((tmp_path / 'a.json').read_text())
    assert facts['classes']['names'] == ['left', 'right']


def test_a_recording_is_one_video(ann_file, tmp_path):
    np.save(tmp_path / 'a.npy', annotation(1, 0)['annotations'][0]['keypoint'])

    done = run([*TOOL, tmp_path / 'a.npy', '--no-pictures'], ann_file)

    assert done.returncode == 0, done.output
    assert '1 video,' in done.stdout
    assert 'picture' not in done.stdout


def test_an_unreadable_file_exits_with_1_and_its_name(ann_file, tmp_path):
    (tmp_path / 'cut.npz').write_bytes(b'PK')

    for name in ('cut.npz', 'missing.pkl', 'missing.npy'):
        done = run([*TOOL, tmp_path / name], ann_file)

        assert done.returncode == 1
        assert name in done.stderr
        assert 'Traceback' not in done.output


def test_results_that_cannot_be_written_are_named(ann_file, tmp_path):
    taken = tmp_path / 'taken'
    taken.write_text('a file')

    for option, place in (('--out', taken), ('--json', taken / 'facts.json')):
        done = run([*TOOL, ann_file, option, place], ann_file)

        assert done.returncode == 1
        assert '13 videos' in done.stdout
        assert 'taken' in done.stderr
        assert 'Traceback' not in done.output


def test_made_data_need_a_folder(ann_file, tmp_path):
    (tmp_path / 'taken').write_text('a file')
    tool = [sys.executable, 'tools/synthesize.py', tmp_path / 'taken']

    for more in ([], ['--pkummd']):
        done = run([*tool, *more], ann_file)

        assert done.returncode == 2
        assert done.stderr.startswith('error: ')
        assert 'taken' in done.stderr
