"""What the doctor prints, and what it keeps to itself."""

from __future__ import annotations

import getpass
import platform
import sys
from pathlib import Path

import pytest

from mmsnip.cli import findings
from mmsnip.cli.findings import NOTE, OK, PROBLEM, Finding

FOUND = [
    Finding('torch', OK, '2.13.0'),
    Finding('GPU', NOTE, 'none is visible'),
    Finding('requirements', PROBLEM, 'no scipy', 'pip install scipy'),
]


def test_a_finding_is_a_line_and_a_remedy_the_next():
    assert findings.format_findings(FOUND).splitlines() == [
        'OK      torch         2.13.0',
        'note    GPU           none is visible',
        'problem requirements  no scipy',
        '                      -> pip install scipy',
        '1 problem(s) to mend',
    ]


def test_notes_are_no_problems():
    assert findings.as_dict(FOUND[:2])['problems'] == 0
    assert findings.format_findings(FOUND[:2]).endswith('no problems found')


def test_programs_get_every_field():
    assert findings.as_dict(FOUND)['findings'][2] == dict(
        check='requirements',
        state='problem',
        text='no scipy',
        remedy='pip install scipy',
    )


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('at /srv/a-b/c.so.1: gone', 'at <path>: gone'),
        ("'/x/y'", "'<path>'"),
        ('(~/mine/x)', '(<path>)'),
        (r'C:\Users\Eve\torch.dll', '<path>'),
        ('64 MiB in /dev/shm', '64 MiB in /dev/shm'),
        ('pip install -r requirements/x.txt', None),
        ('see https://pytorch.org/get-started/locally/', None),
        ('numpy>=1.22, torch 2.13.0+cpu', None),
    ],
)
def test_paths_are_taken_out_and_addresses_kept(text, expected):
    assert findings.scrub(text) == (text if expected is None else expected)


def test_host_user_and_folders_are_taken_out(monkeypatch, tmp_path):
    home = tmp_path / 'with blank' / 'evelyn'
    home.mkdir(parents=True)
    monkeypatch.setattr(platform, 'node', lambda: 'box7.lab.example')
    monkeypatch.setattr(getpass, 'getuser', lambda: 'evelyn')
    monkeypatch.setattr(Path, 'home', lambda: home)
    monkeypatch.chdir(home)
    text = (
        f'{home}/x.py by evelyn on box7 (box7.lab.example), {sys.prefix}/lib, '
        'box71 stays'
    )

    found = findings.without_traces([Finding('x', PROBLEM, text, text)])

    expected = '<path> by <user> on <host> (<host>), <path>, box71 stays'
    assert (found[0].text, found[0].remedy) == (expected, expected)


def test_a_user_without_a_name_is_no_obstacle(monkeypatch):
    def nameless():
        raise KeyError('uid not found')

    monkeypatch.setattr(getpass, 'getuser', nameless)

    assert findings.scrub('all is well') == 'all is well'
