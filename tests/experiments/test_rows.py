"""Rows are never lost; means and intervals as worked out by hand."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.declare import Run
from experiments.results import (
    Results,
    bootstrap_interval,
    paired,
    rows_as_declared,
)
from experiments.rows import append_row, newest_rows, read_rows
from tests.experiments.conftest import toy_row

ROOT = Path(__file__).resolve().parents[2]


def row(identity, **more):
    return dict(identity=identity, name='n', **more)


@pytest.mark.parametrize('length', [1, 9, 20])
def test_a_torn_last_line_is_left_and_closed_by_the_next_row(tmp_path, length):
    path = tmp_path / 'rows.jsonl'
    append_row(path, row('whole'))
    with path.open('ab') as file:
        file.write(json.dumps(row('torn', more=3)).encode()[:length])

    assert [r['identity'] for r in read_rows(path)] == ['whole']
    append_row(path, row('after'))

    assert [r['identity'] for r in read_rows(path)] == ['whole', 'after']


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'write', lambda file, line: len(line) - 1)

    with pytest.raises(OSError, match="row of 'n' was not written whole"):
        append_row(tmp_path / 'rows.jsonl', row('a'))


def test_the_newest_row_of_an_identity_wins_under_each_name():
    rows = [
        row('a', n=1),
        row('b', n=2),
        row('a', n=3),
        dict(identity='a', name='other', n=4),
    ]

    newest = newest_rows(rows)

    assert [r['n'] for r in newest.values()] == [2, 3, 4]


def test_writers_at_once_lose_nothing(tmp_path):
    path = tmp_path / 'rows.jsonl'
    program = (
        'import sys\n'
        'from experiments.rows import append_row\n'
        'for n in range(50):\n'
        '    append_row(sys.argv[1], dict(identity=sys.argv[2] + str(n), '
        "name='n', filler='x' * 5000))\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, '-c', program, str(path), name], cwd=ROOT
        )
        for name in 'abc'
    ]
    for writer in writers:
        assert writer.wait(60) == 0

    found = {r['identity'] for r in read_rows(path)}

    assert found == {f'{name}{n}' for name in 'abc' for n in range(50)}


def test_four_values_leave_the_draws_of_one_value_out():
    # 1 of 256 draws is the smallest value four times, 0.4 %; up to three
    # times and one of the next it is 5 of 256, 2.0 %; the next mean is 2.5
    values = [0.0, 10.0, 100.0, 1000.0]

    low, high = bootstrap_interval(values)

    means = sorted(
        sum(draw) / 4 for draw in itertools.product(values, repeat=4)
    )
    # the 7th of 256 (6 / 256 < 2.5 %), and the 250th (249 / 256 < 97.5 %)
    assert low == means[math.ceil(0.025 * 256) - 1] == 5.0
    assert high == means[math.ceil(0.975 * 256) - 1]


def test_pairing_is_not_the_difference_of_two_spreads():
    # seeds differ a lot, the gap does not
    gap = paired({0: 1.5, 1: 10.5, 2: 90.5}, {0: 1.0, 1: 10.0, 2: 90.0})

    assert gap.interval == (0.5, 0.5)


def test_seeds_of_one_draw_are_no_independent_pairs():
    values = {0.0: 1.0, 0.1: 3.0, 1.0: 2.0, 1.1: 2.0, 2.0: 5.0, 2.1: 7.0}

    gap = paired(values, dict.fromkeys(values, 1.0))

    assert gap.pairs == 6
    assert gap.mean == pytest.approx((1 + 1 + 5) / 3)
    assert gap.interval == (1.0, 5.0)  # of three draws, their range


def test_a_repeated_run_counts_once_with_its_newest_row():
    rows = [
        toy_row('a', 0, {'runs/mAP': 0.1}),
        toy_row('a', 1, {'runs/mAP': 0.3}),
        toy_row('a', 0, {'runs/mAP': 0.5}),
    ]

    assert Results(rows).values('a', 'runs/mAP') == {0: 0.5, 1: 0.3}


def test_seeds_of_an_older_declaration_are_not_averaged_in():
    old = [
        toy_row('a', s, {'runs/mAP': 0.1}, family='old', identity=f'old{s}')
        for s in (0, 1, 2)
    ]
    new = [toy_row('a', 0, {'runs/mAP': 0.5}, family='new', identity='n')]

    assert Results([*old, *new]).values('a', 'runs/mAP') == {0: 0.5}


def test_what_began_otherwise_than_declared_counts_no_more():
    common = dict(
        group='toys', budget='tiny', config='configs/custom/localize.py',
        data='toy', seed=0,
    )  # fmt: skip
    pre = Run('pre', stage='pretrain', options={'x': 1}, **common)
    start = Run('fine', stage='localize', options={}, init=pre.key, **common)
    declared = {run.key: run for run in (pre, start)}
    old = toy_row('pre', 0, {}, identity='old', stage='pretrain')
    new = dict(old, identity='new', overrides=['x=1'])
    fine = [
        toy_row('fine', 0, {'v': n}, identity=str(n), init_identity=each)
        for n, each in enumerate(['old', 'new'])
    ]
    other = toy_row('undeclared', 0, {})

    before = rows_as_declared([old, fine[0], other], declared)
    after = rows_as_declared([old, fine[0], new, fine[1]], declared)
    without_its_start = rows_as_declared([fine[0]], declared)

    assert before == ([other], ['pre@0', 'fine@0'])
    assert after == ([new, fine[1]], [])
    assert without_its_start == ([fine[0]], [])
