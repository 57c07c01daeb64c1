"""Rows are never lost, and a torn one harms no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.rows import append_row, newest_rows, read_rows

ROOT = Path(__file__).resolve().parents[2]


def row(identity, **more):
    return dict(identity=identity, name='n', **more)


def test_rows_come_back_in_order(tmp_path):
    path = tmp_path / 'new' / 'rows.jsonl'
    for identity in 'cab':
        append_row(path, row(identity))

    assert [r['identity'] for r in read_rows(path)] == ['c', 'a', 'b']
    assert read_rows(tmp_path / 'none.jsonl') == []


@pytest.mark.parametrize('length', [1, 9, 20])
def test_a_torn_last_line_is_left_and_closed_by_the_next_row(tmp_path, length):
    path = tmp_path / 'rows.jsonl'
    append_row(path, row('whole'))
    with path.open('ab') as file:
        file.write(json.dumps(row('torn', more=3)).encode()[:length])

    assert [r['identity'] for r in read_rows(path)] == ['whole']
    append_row(path, row('after'))

    assert [r['identity'] for r in read_rows(path)] == ['whole', 'after']


def test_a_row_that_lost_only_its_newline_is_kept(tmp_path):
    path = tmp_path / 'rows.jsonl'
    append_row(path, row('a'))
    path.write_bytes(path.read_bytes().rstrip(b'\n'))

    append_row(path, row('b'))

    assert [r['identity'] for r in read_rows(path)] == ['a', 'b']


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'write', lambda file, line: len(line) - 1)

    with pytest.raises(OSError, match="row of 'n' was not written whole"):
        append_row(tmp_path / 'rows.jsonl', row('a'))


def test_numbers_that_are_none_are_refused_before_anything_is_written(
    tmp_path,
):
    path = tmp_path / 'rows.jsonl'

    with pytest.raises(ValueError, match='not JSON compliant'):
        append_row(path, row('a', metrics=dict(x=float('nan'))))

    assert not path.exists()


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
