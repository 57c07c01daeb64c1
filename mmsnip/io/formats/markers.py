"""What motion capture systems export: markers or bones in columns by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.clock import number_frames, read_clock
from mmsnip.io.formats.csv_table import described
from mmsnip.io.formats.registry import Notes
from mmsnip.io.formats.table import Table
from mmsnip.structures import DataError, Recording

__all__ = ['filled', 'marker_recording', 'rate_of', 'split_lines']

MAX_VALUES = 2**28


def split_lines(text: str) -> list[str]:
    """Lines of a text, whatever ends them."""
    return text.replace('\r\n', '\n').replace('\r', '\n').split('\n')


def filled(cells: Sequence[str]) -> list[str]:
    """Cells where one that is empty takes that on its left."""
    found, left = [], ''
    for cell in cells:
        left = cell.strip() or left
        found.append(left)
    return found


def rate_of(word: str, where: str) -> float | None:
    """Frame rate of a header, None where it is 0 or missing."""
    try:
        rate = float(word)
    except ValueError:
        raise DataError(
            f'{where}: found {word[:40]!r}, expected frames a second'
        ) from None
    return rate if 0 < rate < 1e6 else None


def marker_recording(
    path: Path,
    table: Table,
    columns: Any,
    persons: Mapping[str, Mapping[str, Sequence[int]]],
    frame: int | None = None,
    time: int | None = None,
    scores: Mapping[tuple[str, str], int] | None = None,
    **facts: Any,
) -> Recording:
    """Recording of a table whose columns are known."""
    names = list(dict.fromkeys(j for body in persons.values() for j in body))
    if not names:
        raise DataError(f'{path}: its header names no joint with x and y')
    C = len(next(iter(next(b for b in persons.values() if b).values())))
    frames, notes = np.arange(table.num_rows), Notes()
    if frame is not None:
        numbers = table.numbers(frame)
        wrong = ~(np.abs(numbers - np.rint(numbers)) == 0)
        wrong |= np.abs(numbers) > 2**53
        if wrong.any():
            line = table.lines[int(wrong.argmax())]
            raise DataError(
                f'{path}, line {line}: a frame number is not whole'
            )
        frames, first, step, notes = number_frames(
            numbers.astype(np.int64), str(path), 'the frame number'
        )
        facts.update(first_frame=first, frame_step=step)
    told = columns.fps or facts.get('fps')
    if time is not None and told is None:
        there, index = np.unique(frames, return_index=True)
        clock = read_clock(table.numbers(time)[index], 's', there)
        facts['fps'] = clock.fps
        notes += clock.notes
    M, T, V = len(persons), int(frames.max()) + 1, len(names)
    if min(MAX_VALUES, max(2**22, 300 * table.frame.size)) < M * T * V * C:
        raise DataError(
            f'{path}: {M} persons with {V} joints in {T:,} frames are far '
            'more than its rows hold'
        )
    place = {name: v for v, name in enumerate(names)}
    keypoint = np.full((M, T, V, C), np.nan)
    score = np.zeros((M, T, V)) if scores else None
    for m, (person, body) in enumerate(persons.items()):
        for joint, places in body.items():
            v = place[joint]
            for c, column in enumerate(places):
                keypoint[m, frames, v, c] = table.numbers(column)
            if score is not None and scores:
                column = scores[person, joint]
                score[m, frames, v] = np.nan_to_num(table.numbers(column))
    lost = np.isnan(keypoint).any(axis=-1)
    if score is not None:
        score[lost] = 0
    return described(
        path,
        columns,
        notes,
        names,
        keypoint=keypoint,
        present=~lost,
        score=score,
        tracks=tuple(persons) if M > 1 else (),
        **facts,
    )
