"""Detections as a table of text, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from typing import Any

from mmsnip.structures.files import draft_of

__all__ = ['save_detection_table']

COLUMNS = ('video', 'track', 'label', 'start_s', 'end_s', 'score')


def save_detection_table(
    path: str | os.PathLike[str], answers: Iterable[Mapping[str, Any]]
) -> None:
    """Write a row a detection, all or nothing.

    The columns are video, track, label, start_s, end_s and score; seconds,
    half-open. A video without detections has one row, empty behind its name,
    so that `read_label_table` reads the table as labels.

    Args:
        path (str | os.PathLike[str]): File to write, UTF-8 with commas;
            folders are made.
        answers (Iterable[Mapping[str, Any]]): ``video`` and ``detections``
            (``label``, ``segment`` in seconds, ``score`` and, where persons
            are told apart, ``track``) of each.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    for one in answers:
        writer.writerows(_rows(one))
    with draft_of(path) as draft:
        draft.write_text(text.getvalue(), encoding='utf-8')


def _rows(one: Mapping[str, Any]) -> list[list[Any]]:
    rows = [
        [
            one['video'],
            entry.get('track', ''),
            entry['label'],
            *(round(time_s, 6) for time_s in entry['segment']),
            round(entry['score'], 6),
        ]
        for entry in one['detections']
    ]
    if not rows:
        return [[one['video'], *[''] * (len(COLUMNS) - 1)]]
    return sorted(rows, key=lambda row: (row[1], row[3], row[4]))
