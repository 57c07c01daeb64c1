"""Cores, shared memory and settings, as the doctor sees them."""

from __future__ import annotations

from collections import namedtuple

import pytest

from mmsnip.cli import machine
from mmsnip.cli.findings import NOTE, OK, PROBLEM
from tests.cli.test_doctor import by_check

Usage = namedtuple('Usage', 'total used free')
MIB = 2**20


@pytest.mark.parametrize(
    ('free', 'state'),
    [(8 * MIB, PROBLEM), (63 * MIB, NOTE), (2048 * MIB, OK)],
)
def test_little_shared_memory_is_told_with_the_way_out(
    free, state, monkeypatch
):
    usage = Usage(2048 * MIB, 0, free)
    monkeypatch.setattr(machine.shutil, 'disk_usage', lambda path: usage)

    found = by_check(machine.machine_findings())['shared memory']

    assert found.state == state
    assert ('--shm-size' in found.remedy) == (state != OK)


def test_more_threads_than_cores_are_noted(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '4096')

    found = by_check(machine.machine_findings())['cores']

    assert found.state == NOTE
    assert found.remedy == f'export OMP_NUM_THREADS={machine.cores()}'


@pytest.mark.parametrize(
    ('limit', 'expected'),
    [('max 100000', 6), ('250000 100000', 2), ('', 6), ('10000 100000', 1)],
)
def test_a_containers_limit_counts_as_cores(limit, expected, monkeypatch):
    monkeypatch.setattr(
        machine.os, 'sched_getaffinity', lambda pid: range(6), raising=False
    )
    monkeypatch.setattr(machine, '_read', lambda path: limit)

    assert machine.cores() == expected


def test_a_variable_that_names_nothing_is_noted(monkeypatch, tmp_path):
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(tmp_path / 'gone.pkl'))

    found = by_check(machine.machine_findings())['MMSNIP_ANN_FILE']

    assert found.state == NOTE
    assert 'gone.pkl' not in found.text
