"""Work through a list in processes that the system may kill."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any

__all__ = ['Killed', 'work_through']

WAITING = 3  # tasks that a worker has beside the one it works at
HOPELESS = 3  # tasks in a row that kill their worker before any succeeds


class Killed:
    """Result of a task whose process was killed, twice."""


def work_through(
    work: Callable[[Any], Any], tasks: Sequence[Any], workers: int
) -> Iterator[tuple[int, Any]]:
    """Results of all tasks, as they come.

    Where the system kills a process (memory), the tasks that were under way
    are done again one at a time, so that only the one at fault is lost.

    Args:
        work (Callable[[Any], Any]): From a task to its result; picklable
            where there are processes.
        tasks (Sequence[Any]): Tasks.
        workers (int): Processes; 0 and 1 work in this one.

    Yields:
        tuple[int, Any]: Index of a task and its result, `Killed` where its
        process ended twice.

    Raises:
        RuntimeError: If processes cannot even start.
    """
    if workers <= 1:
        for index, task in enumerate(tasks):
            yield index, work(task)
        return
    waiting = deque(range(len(tasks)))
    succeeded, killed = 0, 0
    while waiting:
        suspects: list[int] = []
        for index, result in _together(
            work, tasks, waiting, workers, suspects
        ):
            succeeded += 1
            yield index, result
        for index, result in _alone(work, tasks, suspects):
            killed += result is Killed
            succeeded += result is not Killed
            if killed >= HOPELESS and not succeeded:
                raise RuntimeError(
                    f'{killed} worker processes ended before they did '
                    'anything; try workers=1 (a script that starts them '
                    "needs if __name__ == '__main__')"
                )
            yield index, result


def _together(
    work: Callable[[Any], Any],
    tasks: Sequence[Any],
    waiting: deque[int],
    workers: int,
    suspects: list[int],
) -> Iterator[tuple[int, Any]]:
    """Results until all is done or a process ends; fills `suspects`."""
    pool = _pool(work, min(workers, len(waiting)))
    under_way: dict[Future, int] = {}
    try:
        while (waiting or under_way) and not suspects:
            while waiting and len(under_way) < (1 + WAITING) * workers:
                under_way[pool.submit(_run, tasks[waiting[0]])] = waiting[0]
                waiting.popleft()
            done, _ = wait_for(under_way, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=under_way.__getitem__):
                index = under_way.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(index)
                    continue
                yield index, result
    except BrokenProcessPool:  # found while a task was handed over
        pass
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    # Those that finished between are found in no result; they come again.
    suspects.extend(under_way.values())
    suspects.sort()


def _alone(
    work: Callable[[Any], Any], tasks: Sequence[Any], suspects: Sequence[int]
) -> Iterator[tuple[int, Any]]:
    pool = None
    try:
        for index in suspects:
            pool = pool or _pool(work, 1)
            try:
                result = pool.submit(_run, tasks[index]).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool, result = None, Killed
            yield index, result
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _pool(work: Callable[[Any], Any], workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        workers, get_context('spawn'), _begin, initargs=(work,)
    )


_WORK: list[Callable[[Any], Any]] = []  # of this process


def _begin(work: Callable[[Any], Any]) -> None:
    """Set up a worker: Ctrl-C is for its parent, whose end is its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _WORK[:] = [work]
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: Any) -> Any:
    return _WORK[0](task)
