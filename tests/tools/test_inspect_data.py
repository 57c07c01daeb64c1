"""``tools/inspect_data.py`` as a user runs it."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from tests.tools.conftest import annotation, run

TOOL = [sys.executable, 'tools/inspect_data.py']


def test_facts_are_printed_drawn_and_written(ann_file, tmp_path):
    done = run(
        [*TOOL, ann_file, '--out', tmp_path, '--json', tmp_path / 'a.json'],
        ann_file,
    )

    assert done.returncode == 0, done.output
    assert '13 videos' in done.stdout
    assert len(list(tmp_path.glob('*.png'))) == 8
    facts = json.loads((tmp_path / 'a.json').read_text())
    assert facts['classes']['names'] == ['left', 'right']


def test_a_recording_is_one_video(ann_file, tmp_path):
    np.save(tmp_path / 'a.npy', annotation(1, 0)['annotations'][0]['keypoint'])

    done = run([*TOOL, tmp_path / 'a.npy', '--no-pictures'], ann_file)

    assert done.returncode == 0, done.output
    assert '1 video,' in done.stdout
    assert 'picture' not in done.stdout


@pytest.mark.parametrize(
    ('words', 'named'),
    [
        (['cut.npz'], 'cut.npz'),
        (['missing.pkl'], 'missing.pkl'),
        (['missing.npy'], 'missing.npy'),
        (['swings.pkl', '--out', 'taken'], 'taken'),
        (['swings.pkl', '--json', 'taken/facts.json'], 'taken'),
    ],
)
def test_what_cannot_be_read_or_written_exits_with_1_and_its_name(
    ann_file, tmp_path, words, named
):
    (tmp_path / 'cut.npz').write_bytes(b'PK')
    (tmp_path / 'taken').write_text('a file')
    (tmp_path / 'swings.pkl').symlink_to(ann_file)
    paths = [w if w[0] == '-' else tmp_path / w for w in words]

    done = run([*TOOL, *paths], ann_file)

    assert done.returncode == 1
    assert ('13 videos' in done.stdout) == (named == 'taken')
    assert named in done.stderr
    assert 'Traceback' not in done.output


def test_made_data_need_a_folder(ann_file, tmp_path):
    (tmp_path / 'taken').write_text('a file')
    tool = [sys.executable, 'tools/synthesize.py', tmp_path / 'taken']

    for more in ([], ['--pkummd']):
        done = run([*tool, *more], ann_file)

        assert done.returncode == 2
        assert done.stderr.startswith('error: ')
        assert 'taken' in done.stderr
