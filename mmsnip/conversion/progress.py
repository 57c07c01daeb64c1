"""How far a long job is: a bar in a terminal, a few lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ['progress_bar']

LINES = 10  # a line for each tenth, but not more often than
PAUSE_S = 5.0


@contextmanager
def progress_bar(
    title: str, total: int, shown: bool = True
) -> Iterator[Callable[[], None]]:
    """Show on the error output how many of `total` steps are done.

    Args:
        title (str): What is done.
        total (int): Number of steps.
        shown (bool): False shows nothing. Defaults to True.

    Yields:
        Callable[[], None]: To be called after each step.
    """
    if not shown or total == 0:
        yield lambda: None
    elif sys.stderr.isatty() and _has_rich():
        yield from _bar(title, total)
    else:
        yield _lines(title, total)


def _has_rich() -> bool:
    try:
        import rich.progress  # noqa: F401
    except ImportError:  # it comes with mmengine, but nothing here needs it
        return False
    return True


def _bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn('{task.description}'),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def _lines(title: str, total: int) -> Callable[[], None]:
    started = told = time.monotonic()
    done = 0

    def advance() -> None:
        nonlocal done, told
        done += 1
        now = time.monotonic()
        tenth = done * LINES // total != (done - 1) * LINES // total
        if done < total and not (tenth and now - told >= PAUSE_S):
            return
        told = now
        rate = done / max(now - started, 1e-9)
        sys.stderr.write(f'{title}: {done} of {total}, {rate:.1f} a second\n')
        sys.stderr.flush()

    return advance
