from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from functools import partial

import pytest

from mmsnip.prepare.workers import Killed, work_through
from tests.prepare.noted import convert_apart, write_folder


def square(task):
    return task**2


def die_at(deadly, task):
    if task in deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return task**2


@pytest.mark.parametrize('workers', [0, 1, 2])
def test_only_a_deadly_task_is_lost(workers):
    deadly = (3,) if workers > 1 else ()
    results = dict(work_through(partial(die_at, deadly), range(13), workers))

    assert results == {n: Killed if n in deadly else n**2 for n in range(13)}


def refuse(task):
    raise OSError(f'no room for {task}')


@pytest.mark.parametrize('workers', [1, 2])
def test_errors_reach_the_caller(workers):
    with pytest.raises(OSError, match='no room'):
        dict(work_through(refuse, range(5), workers))


def test_a_caller_may_stop_before_the_end():
    with closing(work_through(square, range(1000), 2)) as results:
        index, result = next(results)

    assert result == index**2


def children_of(pid):
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat') as file:
                fields = file.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != 'Z':
            found.append(int(name))
    return found


def runs(pid):
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='needs /proc')
def test_workers_end_with_a_killed_parent(tmp_path):
    folder, log = write_folder(tmp_path / 'in'), tmp_path / 'log'
    parent = convert_apart(
        folder, tmp_path / 'o.pkl', 2, log=str(log), how='sleep'
    )
    limit = time.monotonic() + 30
    while not log.exists() and time.monotonic() < limit:
        time.sleep(0.05)
    workers = children_of(parent.pid)
    parent.kill()
    parent.wait()
    limit = time.monotonic() + 10
    while any(map(runs, workers)) and time.monotonic() < limit:
        time.sleep(0.05)

    assert len(workers) >= 2
    assert not any(map(runs, workers))
