"""Detections as ActivityNet JSON and as a table, frames as seconds.

A frame interval ``[start, end)`` is ``[start / fps, end / fps]`` seconds.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.structures.errors import DataError, is_rate
from mmsnip.structures.files import draft_of, read_json
from mmsnip.structures.segments import frames_of, seconds_of

__all__ = ['load_detections', 'save_detection_table', 'save_detections']

_LAYOUT = (
    '{"results": {video: [{"label", "segment": [start_s, end_s], "score"}]}}'
)


def save_detections(
    path: str | os.PathLike[str],
    detections: Mapping[str, np.ndarray],
    metrics: Mapping[str, float] | None,
    classes: Sequence[str],
    fps: float | Mapping[str, float],
    about: Mapping[str, Any] | None = None,
    tracks: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write detections and metrics as ActivityNet JSON, all or nothing.

    ``{"results": {video: [{"label", "segment": [start_s, end_s],
    "score"}]}, "metrics": {..}, "external_data": {"classes", "fps", ..}}``.
    A metric that is not finite is written as null, since JSON has no NaN.

    Args:
        path (str | os.PathLike[str]): File to write; folders are made.
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score in frames, (num_detections, 4).
        metrics (Mapping[str, float], optional): Numbers to go with them.
        classes (Sequence[str]): Name of each label.
        fps (float | Mapping[str, float]): Frames per second, of all videos
            or per video.
        about (Mapping[str, Any], optional): What else ``external_data``
            says, as protocol, convention and label rule of the metrics.
        tracks (Mapping[str, Sequence[str]], optional): Per video the person
            of each detection, who becomes its ``"track"``; videos that are
            not in it tell no persons apart.

    Raises:
        DataError: If an array is malformed, a label has no name, a number
            is not finite, ``fps`` lacks a video or ``tracks`` a detection;
            the video is named.
    """
    names = [str(name) for name in classes]
    rates = {video: _rate_of(video, fps) for video in detections}
    results = {}
    for video, rows in detections.items():
        array = np.asarray(rows, np.float64)
        array = array.reshape(0, 4) if array.size == 0 else array
        _check_rows(video, array, len(names))
        spans = seconds_of(array[:, 1:3], rates[video]).tolist()
        results[str(video)] = [
            {'label': names[int(label)], 'segment': span, 'score': score}
            for label, span, score in zip(
                array[:, 0].tolist(), spans, array[:, 3].tolist()
            )
        ]
    for video, owners in (tracks or {}).items():
        entries = results[str(video)]
        if len(owners) != len(entries):
            raise DataError(
                f'video {video!r} has {len(entries)} detections and '
                f'{len(owners)} tracks; name the person of each'
            )
        for entry, owner in zip(entries, owners):
            entry['track'] = str(owner)
    document = {
        'version': 'mmsnip 1',
        'results': results,
        'metrics': {
            key: float(value) if math.isfinite(value) else None
            for key, value in (metrics or {}).items()
        },
        'external_data': {
            **(about or {}),
            'classes': names,
            'fps': {str(video): rate for video, rate in rates.items()},
        },
    }
    text = json.dumps(document, allow_nan=False)
    with draft_of(path) as draft:
        draft.write_text(text, encoding='utf-8')


def _check_rows(video: str, array: np.ndarray, num_classes: int) -> None:
    if array.ndim != 2 or array.shape[1] != 4:
        raise DataError(
            f'detections of video {video!r} have shape {array.shape}; '
            'expected (n, 4) with columns label, start, end, score'
        )
    label = array[:, 0]
    good = np.isfinite(array).all(axis=1)
    good &= np.isin(label, np.arange(num_classes))
    for row in np.flatnonzero(~good)[:1].tolist():
        raise DataError(
            f'detections of video {video!r}, row {row} is '
            f'{array[row].tolist()}; expected finite numbers and a label in '
            f'0..{num_classes - 1}, one of the {num_classes} classes'
        )


def load_detections(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    fps: float | Mapping[str, float] | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Read detections and metrics from ActivityNet JSON.

    Args:
        path (str | os.PathLike[str]): File to read.
        classes (Sequence[str], optional): Name of each label; None takes
            those that ``save_detections`` wrote.
        fps (float | Mapping[str, float], optional): Frames per second;
            None takes what ``save_detections`` wrote.

    Returns:
        tuple[dict[str, np.ndarray], dict[str, float]]: Per video label,
        start, end, score in frames, (num_detections, 4) float64; and the
        metrics, null as NaN.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If the file is not such JSON, a label is not in
            ``classes``, or classes or fps are neither given nor written;
            file and video are named.
    """
    document = read_json(path)
    if not isinstance(document, dict) or not isinstance(
        document.get('results'), dict
    ):
        raise DataError(
            f"{path} lacks the key 'results'; expected ActivityNet's layout "
            f'{_LAYOUT}'
        )
    extra = document.get('external_data')
    extra = extra if isinstance(extra, dict) else {}
    classes = extra.get('classes') if classes is None else classes
    fps = extra.get('fps') if fps is None else fps
    for key, value in (('classes', classes), ('fps', fps)):
        if value is None:
            raise DataError(
                f'{path} says nothing about {key}; pass {key}= to '
                'load_detections'
            )
    try:
        label_of = {name: label for label, name in enumerate(classes)}
        detections = {
            video: _from_entries(
                f'{path}: video {video!r}', entries, label_of,
                _rate_of(video, fps, f'{path}: '),
            )
            for video, entries in document['results'].items()
        }  # fmt: skip
        metrics = {
            key: math.nan if value is None else float(value)
            for key, value in (document.get('metrics') or {}).items()
        }
    except (TypeError, AttributeError) as error:
        raise DataError(f'{path}: {error}; expected {_LAYOUT}') from None
    return detections, metrics


def _from_entries(
    place: str, entries: Any, label_of: Mapping[str, int], fps: float
) -> np.ndarray:
    rows = np.zeros((len(entries), 4))
    for row, entry in enumerate(entries):
        try:
            name, score = entry['label'], float(entry['score'])
            start, end = (float(time) for time in entry['segment'])
            rows[row] = label_of.get(name, -1), start, end, score
        except (KeyError, TypeError, ValueError, OverflowError):
            raise DataError(
                f'{place}, entry {row} is {str(entry)[:200]}; expected '
                '{"label": name, "segment": [start_s, end_s], "score": x}'
            ) from None
        if rows[row, 0] < 0 or not np.isfinite(rows[row]).all():
            raise DataError(
                f'{place}, entry {row}: found {str(entry)[:200]}; expected '
                f'finite numbers and one of the classes {sorted(label_of)}'
            )
    rows[:, 1:3] = frames_of(rows[:, 1:3], fps)
    return rows


def _rate_of(
    video: str, fps: float | Mapping[str, float], place: str = ''
) -> float:
    rate = fps.get(video) if isinstance(fps, Mapping) else fps
    if rate is None:
        raise DataError(
            f'{place}fps has no entry for video {video!r}; give every video '
            'its frame rate, or one number for all'
        )
    if not is_rate(rate):
        raise DataError(
            f'{place}video {video!r}: fps={rate!r} must be a positive number'
        )
    return float(rate)


def save_detection_table(
    path: str | os.PathLike[str], answers: Iterable[Mapping[str, Any]]
) -> None:
    """Write a row a detection: video, track, label, start_s, end_s, score."""
    columns = ('video', 'track', 'label', 'start_s', 'end_s', 'score')
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(columns)
    for one in answers:
        rows = [
            [
                one['video'],
                entry.get('track', ''),
                entry['label'],
                *(round(time, 6) for time in entry['segment']),
                round(entry['score'], 6),
            ]
            for entry in one['detections']
        ]
        nothing = [[one['video'], *[''] * (len(columns) - 1)]]
        writer.writerows(
            sorted(rows, key=lambda row: (row[1], row[3], row[4])) or nothing
        )
    with draft_of(path) as draft:
        draft.write_text(text.getvalue(), encoding='utf-8')
