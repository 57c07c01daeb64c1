"""The table of the benchmarks: its arithmetic, and that it can be made."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from benchmarks.rows import in_turns, row_of, table
from benchmarks.run import PARTS, put_on_page, text_of
from tests.conftest import ROOT


def row(**changes):
    options = dict(name='a thing', target=2.0, command='none', note='N = 4')
    options.update(changes)
    return row_of(ours=[1.0, 2.0, 1.0], plain=[3.0, 4.0, 9.0], **options)


def test_a_ratio_is_the_median_of_the_turns_with_its_quartiles():
    found = row()

    assert (found.ours, found.plain) == (1.0, 4.0)
    assert (found.low, found.ratio, found.high) == (2.5, 3.0, 6.0)


def test_one_turn_has_no_spread():
    found = row_of('a thing', [2.0], [5.0], 2.0, 'none')

    assert (found.low, found.ratio, found.high) == (2.5, 2.5, 2.5)


def test_tasks_take_turns_and_every_second_turn_backwards():
    order = []

    times = in_turns([lambda: order.append(0), lambda: order.append(1)], 3)

    assert order == [0, 1] + [0, 1] + [1, 0] + [0, 1]
    assert [len(values) for values in times] == [3, 3]


def test_the_table_says_which_targets_are_met():
    lines = table([row(), row(target=7.0)]).splitlines()

    assert lines[2].startswith('| a thing (N = 4) | 4 s | 1 s | 3 (2.5 .. 6)')
    assert [line.split('|')[-2].strip() for line in lines[2:]] == [
        'yes',
        'no',
    ]


def test_a_part_without_rows_is_said_on_the_page(tmp_path):
    page = tmp_path / 'speed.md'
    page.write_text('x\n<!-- cpu: begin -->\nold\n<!-- cpu: end -->\ny\n')
    content = dict(
        machine=dict(cores=2),
        rows=[row().as_dict()],
        missing=dict(encoders='not there'),
    )

    put_on_page(text_of(content), 'cpu', page)

    text = page.read_text()
    assert text.startswith('x\n<!-- cpu: begin -->\ncores 2\n')
    assert 'a thing' in text
    assert 'No rows of encoders: not there.' in text
    assert 'old' not in text


def test_a_page_without_marks_is_refused(tmp_path):
    page = tmp_path / 'speed.md'
    page.write_text('nothing')

    with pytest.raises(ValueError, match=r"needs '<!-- cpu: begin -->'"):
        put_on_page('text', 'cpu', page)


@pytest.mark.slow
@pytest.mark.parametrize('part', PARTS)
def test_a_quick_run_gives_rows_with_finite_ratios(tmp_path, part):
    path = tmp_path / 'rows.json'
    done = subprocess.run(
        [sys.executable, 'benchmarks/run.py', '--quick', '--clock', 'cpu']
        + ['--only', part, '--json', str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    content = json.loads(path.read_text())
    assert content['rows'], content['missing']
    for found in content['rows']:
        assert math.isfinite(found['ratio']), found['name']
        assert found['ratio'] > 0
        assert found['low'] <= found['ratio'] <= found['high']
