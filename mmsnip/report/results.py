"""What the project's tools write, whichever of them wrote it.

- ``.npz`` of ``tools/test.py --dump-scores`` and ``tools/fuse.py``: scores,
  classes, mostly the ground truth and how to evaluate.
- ActivityNet's JSON of ``--dump`` and of ``tools/infer.py``: detections of
  many videos, sometimes metrics.
- The inferencer's JSON: one video, or a list of them, sometimes scores.
- A folder of ``tools/infer.py``: such JSON and, maybe, such ``.npz``.

The content tells them apart, never the name of the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.detections import load_detections
from mmsnip.io.scores import load_scored_videos
from mmsnip.report.answers import Answer, read_answer
from mmsnip.structures.errors import is_int

__all__ = ['Results', 'load_results']

ACCEPTED = (
    'the .npz of tools/test.py --dump-scores or tools/fuse.py, the JSON of '
    '--dump, the JSON of tools/infer.py, or its folder'
)

# Of external_data, what does not say how scores are evaluated.
_NOT_SETTINGS = (
    'classes',
    'fps',
    'num_frames',
    'first_frame',
    'notes',
    'failed',
)


@dataclass
class Results:
    """Predictions of many videos; all intervals are half-open frames.

    Attributes:
        path (str): The file.
        kind (str): What it is, in words.
        found (dict[str, np.ndarray]): Per video label, start, end, score,
            (num_detections, 4); empty where only scores are known.
        classes (list[str] | None): Names; None where the file has none.
        scores (dict[str, np.ndarray]): Per video (T, num_classes + 1).
        truth (dict[str, np.ndarray] | None): Per video label, start, end,
            (num_segments, 3).
        fps (dict[str, float]): Frames per second where known.
        num_frames (dict[str, int]): T where known.
        metrics (dict[str, float]): As ``evaluate_scores`` names them.
        settings (dict[str, Any]): How scores are evaluated.
        notes (list[str]): What a reader should know.
    """

    path: str
    kind: str
    found: dict[str, np.ndarray] = field(default_factory=dict)
    classes: list[str] | None = None
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    truth: dict[str, np.ndarray] | None = None
    fps: dict[str, float] = field(default_factory=dict)
    num_frames: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Videos, sorted."""
        return sorted({*self.found, *self.scores})


def load_results(
    path: str | os.PathLike[str],
    classes: list[str] | None = None,
    fps: float | None = None,
) -> Results:
    """Read predictions of any kind.

    Args:
        path (str | os.PathLike[str]): File, or folder of ``tools/infer.py``.
        classes (list[str], optional): Names for a file that has none.
        fps (float, optional): Frames per second for a file that has none.

    Returns:
        Results: What it holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of the accepted files or is malformed; the
            message names file, key, found and expected.
    """
    path = Path(path)
    if path.is_dir():
        return _from_folder(path, classes, fps)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected {ACCEPTED}')
    with path.open('rb') as stream:
        head = stream.read(16)
    if head[:2] == b'PK':
        return _from_scores(path)
    if head.lstrip()[:1] not in (b'{', b'['):
        raise ValueError(
            f'{path} begins with the bytes {head[:8]!r}; expected {ACCEPTED}. '
            'An annotation file goes with --ann'
        )
    document = _read_json(path)
    if isinstance(document, Mapping) and 'results' in document:
        return _from_activitynet(path, document, classes, fps)
    entries = document if isinstance(document, list) else [document]
    return _from_answers(path, entries, classes)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f'{path} is not JSON: {error}; expected {ACCEPTED}'
        ) from None


def _from_scores(path: Path) -> Results:
    stored = load_scored_videos(path)
    return Results(
        str(path),
        'frame scores',
        classes=stored.classes,
        scores=stored.scores,
        truth=stored.truth,
        fps=stored.fps,
        num_frames={name: len(a) for name, a in stored.scores.items()},
        settings=stored.settings,
    )


def _from_activitynet(
    path: Path,
    document: Mapping[str, Any],
    classes: list[str] | None,
    fps: float | None,
) -> Results:
    if not isinstance(document['results'], Mapping):
        raise ValueError(
            f"{path}, key 'results': found "
            f'{str(document["results"])[:60]!r}; expected detections by video'
        )
    extra = document.get('external_data')
    extra = extra if isinstance(extra, Mapping) else {}
    given = dict(classes=extra.get('classes'), fps=extra.get('fps'))
    for key, value in (('classes', classes), ('fps', fps)):
        if given[key] is None:
            given[key] = value
        if given[key] is None:
            raise ValueError(
                f"{path}, key 'external_data': found no {key!r} in it; "
                'expected them as mmsnip writes them, or --ann with a file '
                'that states them'
            )
    if not _is_names(given['classes']):
        raise ValueError(
            f"{path}, key 'external_data.classes': found "
            f'{str(given["classes"])[:80]}; expected a list of different names'
        )
    found, metrics = load_detections(path, given['classes'], given['fps'])
    # Seconds are those of a film, in which the poses may begin later.
    for name, first in _counts(path, extra, 'first_frame', found).items():
        found[name][:, 1:3] -= first
    rates = given['fps']
    if not isinstance(rates, Mapping):
        rates = dict.fromkeys(found, rates)
    return Results(
        str(path),
        'detections',
        found,
        list(given['classes']),
        fps={name: float(rates[name]) for name in found},
        num_frames=_counts(path, extra, 'num_frames', found),
        metrics=metrics,
        settings={k: v for k, v in extra.items() if k not in _NOT_SETTINGS},
        notes=[
            f'{name}: {text}'
            for key in ('notes', 'failed')
            for name, texts in dict(extra.get(key) or {}).items()
            for text in ([texts] if isinstance(texts, str) else texts)
        ],
    )


def _counts(
    path: Path, extra: Mapping[str, Any], key: str, found: Mapping[str, Any]
) -> dict[str, int]:
    """Frames of each video, where the file says them."""
    given = extra.get(key)
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        is_int(count) and count > 0 for count in given.values()
    ):
        raise ValueError(
            f"{path}, key 'external_data.{key}': found "
            f'{str(given)[:60]}; expected a positive integer by video'
        )
    return {name: given[name] for name in found if name in given}


def _is_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _from_answers(
    path: Path, entries: list[Any], classes: list[str] | None
) -> Results:
    answers = [
        read_answer(f'{path}, entry {place}', entry, ACCEPTED)
        for place, entry in enumerate(entries)
    ]
    return _join(path, answers, classes)


def _join(
    path: Path, answers: list[Answer], classes: list[str] | None
) -> Results:
    """Answers of the inferencer as one."""
    results = Results(str(path), 'inference')
    seen = sorted({name for each in answers for name in each.labels})
    results.classes = list(classes) if classes is not None else seen
    odd = sorted(set(seen) - set(results.classes))
    if odd:
        raise ValueError(
            f'{path}: found the label {odd[0]!r}; expected one of the '
            f'classes {results.classes[:20]}'
        )
    if classes is None:
        results.notes.append(
            'The file names no classes; they are those that were detected.'
        )
    width, dropped = len(results.classes) + 1, 0
    for each in answers:
        if each.video in results.found:
            raise ValueError(
                f"{path}, key 'video': found {each.video!r} twice; expected "
                'different names'
            )
        results.found[each.video] = each.rows(results.classes)
        results.fps[each.video] = each.fps
        results.num_frames[each.video] = each.num_frames
        if each.scores is None:
            continue
        if classes is not None and each.scores.shape[1] == width:
            results.scores[each.video] = each.scores
        else:
            dropped += 1
    if dropped:
        results.notes.append(
            f'The scores of {dropped} videos are left out: nothing names '
            'their classes. Give --ann, or the folder of tools/infer.py.'
        )
    return results


def _from_folder(
    folder: Path, classes: list[str] | None, fps: float | None
) -> Results:
    """The folder of ``tools/infer.py``; scores lie in a file of their own."""
    whole, scores = folder / 'results.json', folder / 'scores.npz'
    if not whole.is_file():
        raise FileNotFoundError(
            f'{folder} has no results.json; expected {ACCEPTED}'
        )
    results = load_results(whole, classes, fps)
    results.path, results.kind = str(folder), 'inference'
    if scores.is_file():
        stored = load_scored_videos(scores)
        if stored.classes == results.classes:
            results.scores = {
                name: rows
                for name, rows in stored.scores.items()
                if len(rows) == results.num_frames.get(name)
            }
    return results
