"""Work through a list in processes that the system may kill."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

__all__ = ['Killed', 'progress_bar', 'work_through']

WAITING = 3  # tasks that a worker has beside the one it works at


class Killed:
    """Result of a task whose process was killed, twice."""


def progress_bar(title: str, total: int, shown: bool = True) -> Any:
    """A bar on the error output; in a file, a line now and then."""
    from tqdm import tqdm

    every = 0.1 if sys.stderr.isatty() else 5.0
    return tqdm(
        desc=title,
        total=total,
        disable=not (shown and total),
        mininterval=every,
    )


def work_through(
    work: Callable[[Any], Any], tasks: Sequence[Any], workers: int
) -> Iterator[tuple[int, Any]]:
    """Index and result of all tasks, as they come.

    Where the system kills a process, what was under way is done again one at
    a time, so that only the task at fault is `Killed`.
    """
    if workers <= 1:
        for index, task in enumerate(tasks):
            yield index, work(task)
        return
    waiting = deque(range(len(tasks)))
    while waiting:
        suspects: set[int] = set()
        yield from _together(work, tasks, waiting, workers, suspects)
        for index in sorted(suspects):
            again: set[int] = set()
            yield from _together(work, tasks, deque([index]), 1, again)
            if again:
                yield index, Killed


def _together(
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    waiting: deque[int],
    workers: int,
    suspects: set[int],
) -> Iterator[tuple[int, Any]]:
    """Results until all is done or a process ends; fills `suspects`."""
    from loky import ProcessPoolExecutor

    pool = ProcessPoolExecutor(
        min(workers, len(waiting)),
        initializer=_begin,
        initargs=(work, os.getpid()),
    )
    under_way: dict[Any, int] = {}
    try:
        while (waiting or under_way) and not suspects:
            while waiting and len(under_way) < (1 + WAITING) * workers:
                under_way[pool.submit(_run, tasks[waiting[0]])] = waiting[0]
                waiting.popleft()
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=under_way.__getitem__):
                index = under_way.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.add(index)
                    continue
                yield index, result
    except BrokenProcessPool:  # found while a task was handed over
        pass
    finally:
        pool.shutdown(wait=True, kill_workers=bool(under_way))
        # Those that finished between are found in no result; they come again.
        suspects.update(under_way.values())


_WORK: list[Callable[[Any], Any]] = []  # of this process


def _begin(work: Callable[[Any], Any], parent: int) -> None:
    """Set up a worker: Ctrl-C is for its parent, whose end is its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _WORK[:] = [work]
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run(task: Any) -> Any:
    return _WORK[0](task)
