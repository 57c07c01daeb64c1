"""Answers of the inferencer as files that other programs open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.detections import (
    frames_of,
    save_detection_table,
    save_detections,
)
from mmsnip.io.labels.elan import save_elan
from mmsnip.io.scores import save_scores
from mmsnip.structures.files import safe_file_name

__all__ = ['ALL', 'SCORES', 'write_all', 'write_answer']

ALL = 'results'
SCORES = 'scores'


def write_answer(
    folder: Path, result: Mapping[str, Any], classes: Sequence[str]
) -> str:
    """Write one recording: ``NAME.json``, ``NAME.csv`` and ``NAME.eaf``.

    JSON is in ActivityNet's layout, CSV in seconds, and ELAN has a tier
    ``action``, or one a person, and their scores in others. All three are in
    seconds of the film; JSON says with which frame of it poses begin.
    Returned is why there is no ``NAME.eaf``, empty where there is.
    """
    stem = safe_file_name(result['video'])
    _save_json(folder / f'{stem}.json', [result], classes, {})
    save_detection_table(folder / f'{stem}.csv', [result])
    rows = _rows(result, classes)
    tiers = {'action': rows}
    if 'tracks' in result:
        owner = np.array([e['track'] for e in result['detections']], np.str_)
        tiers = {
            f'person {track}': rows[owner == track]
            for track in result['tracks']
        } or tiers
    path = folder / f'{stem}.eaf'
    try:
        save_elan(path, tiers, classes, result['fps'], with_scores=True)
    except (ValueError, OSError) as error:
        return f'{path} was not written, the others were: {error}'
    return ''


def write_all(
    folder: Path,
    results: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
    failed: Mapping[str, str],
) -> Path:
    """Write all recordings together: ``results.json`` and ``results.csv``.

    Answers that hold scores go to ``scores.npz``, too, as ``tools/test.py
    --dump-scores`` has it; of persons each as a video, ``NAME/TRACK``.
    `failed` says by name why a recording has no answer.
    """
    path = folder / f'{ALL}.json'
    _save_json(path, results, classes, failed)
    save_detection_table(folder / f'{ALL}.csv', results)
    scores, rates = {}, {}
    for result in results:
        name = result['video']
        found = {name: result['scores']} if 'scores' in result else {}
        for track, rows in result.get('track_scores', {}).items():
            found[f'{name}/{track}'] = rows
        for key, rows in found.items():
            scores[key] = np.asarray(rows, np.float32)
            rates[key] = result['fps']
    if scores:
        save_scores(folder / f'{SCORES}.npz', scores, classes, fps=rates)
    return path


def _rows(result: Mapping[str, Any], classes: Sequence[str]) -> np.ndarray:
    """Label, start, end, score, (num_detections, 4); frames of the film."""
    label = {name: index for index, name in enumerate(classes)}
    rows = [
        [
            label[entry['label']],
            *frames_of(entry['segment'], result['fps']),
            entry['score'],
        ]
        for entry in result['detections']
    ]
    return np.array(rows, np.float64).reshape(-1, 4)


def _save_json(
    path: Path,
    results: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
    failed: Mapping[str, str],
) -> None:
    about: dict[str, Any] = {
        'num_frames': {r['video']: r['num_frames'] for r in results},
        **{
            key: {r['video']: r[key] for r in results if r.get(key)}
            for key in ('first_frame', 'notes', 'look_at')
        },
        'failed': dict(failed),
    }
    about = {key: values for key, values in about.items() if values}
    tracks = {
        r['video']: [entry['track'] for entry in r['detections']]
        for r in results
        if 'tracks' in r
    }
    save_detections(
        path,
        {r['video']: _rows(r, classes) for r in results},
        None,
        classes,
        {r['video']: r['fps'] for r in results},
        about,
        tracks,
    )
