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

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.evaluation.segments import check_scores
from mmsnip.io.detections import load_detections
from mmsnip.io.scores import load_scored_videos
from mmsnip.structures import DataError, frames_of, show
from mmsnip.structures.errors import is_int
from mmsnip.structures.files import read_json

ACCEPTED = (
    'the .npz of tools/test.py --dump-scores or tools/fuse.py, the JSON of '
    '--dump, the JSON of tools/infer.py, or its folder'
)
# Of external_data, what does not say how scores are evaluated.
_NOT_SETTINGS = (
    'classes', 'fps', 'num_frames', 'first_frame', 'notes', 'look_at',
    'failed',
)  # fmt: skip


@dataclass
class Results:
    """Predictions of many videos; all intervals are half-open frames."""

    path: str
    kind: str
    found: dict[str, np.ndarray] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
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
    """Read predictions of any kind."""
    path = Path(path)
    if path.is_dir():
        return _from_folder(path, classes, fps)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected {ACCEPTED}')
    with path.open('rb') as stream:
        head = stream.read(16)
    if head[:2] == b'PK':
        stored = load_scored_videos(path)
        return Results(
            str(path),
            'frame scores',
            classes=list(stored.classes),
            scores=stored.scores,
            truth=stored.truth,
            fps=stored.fps,
            num_frames={name: len(a) for name, a in stored.scores.items()},
            settings=stored.settings,
        )
    if head.lstrip()[:1] not in (b'{', b'['):
        raise DataError(
            f'{path} begins with the bytes {head[:8]!r}; expected {ACCEPTED}. '
            'An annotation file goes with --ann'
        )
    try:
        document = read_json(path)
    except ValueError as error:
        raise DataError(f'{error}; expected {ACCEPTED}') from None
    if isinstance(document, Mapping) and 'results' in document:
        return _from_activitynet(path, document, classes, fps)
    entries = document if isinstance(document, list) else [document]
    return _from_answers(path, entries, classes)


def _from_activitynet(
    path: Path,
    document: Mapping[str, Any],
    classes: list[str] | None,
    fps: float | None,
) -> Results:
    extra = document.get('external_data')
    extra = extra if isinstance(extra, Mapping) else {}
    given = dict(classes=extra.get('classes'), fps=extra.get('fps'))
    for key, value in (('classes', classes), ('fps', fps)):
        given[key] = value if given[key] is None else given[key]
        if given[key] is None:
            raise DataError(
                f"{path}, key 'external_data': found no {key!r} in it; "
                'expected them as mmsnip writes them, or --ann with a file '
                'that states them'
            )
    names = given['classes']
    good = isinstance(names, list) and all(isinstance(n, str) for n in names)
    if not good or len(set(names)) < len(names):
        raise DataError(
            f"{path}, key 'external_data.classes': found {show(names)}; "
            'expected a list of different names'
        )
    found, metrics = load_detections(path, names, given['fps'])
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
        list(names),
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
    given = {} if given is None else given
    if not isinstance(given, Mapping) or not all(
        is_int(count) and count > 0 for count in given.values()
    ):
        raise DataError(
            f"{path}, key 'external_data.{key}': found {show(given)}; "
            'expected a positive integer by video'
        )
    return {name: given[name] for name in found if name in given}


@cache
def _answers_model() -> Any:
    """A list of the inferencer's answers; pydantic is loaded here."""
    from pydantic import BaseModel, Field, TypeAdapter, model_validator

    class Detection(BaseModel, allow_inf_nan=False):
        label: str
        segment: tuple[float, float]
        score: float

        @model_validator(mode='after')
        def _ordered(self) -> Detection:
            if self.segment[0] > self.segment[1]:
                raise ValueError('segment ends before it starts')
            return self

    class Answer(BaseModel, allow_inf_nan=False):
        video: str
        num_frames: int = Field(gt=0, strict=True)
        fps: float = Field(gt=0, lt=1e6, strict=True)
        detections: list[Detection]
        first_frame: int = Field(0, ge=0, strict=True)
        scores: Any = None

    return TypeAdapter(list[Answer])


def _from_answers(
    path: Path, entries: list[Any], classes: list[str] | None
) -> Results:
    """Answers of the inferencer as one."""
    from pydantic import ValidationError

    try:
        answers = _answers_model().validate_python(entries)
    except ValidationError as error:
        first = error.errors()[0]
        entry, *keys = first['loc']
        key = ''.join(f'[{k}]' if is_int(k) else f'.{k}' for k in keys)
        where = f', key {key[1:]!r}' if keys else ''
        raise DataError(
            f'{path}, entry {entry}{where}: {first["msg"]}, found '
            f'{show(first["input"])}; expected {ACCEPTED}'
        ) from None
    results = Results(str(path), 'inference')
    seen = sorted({one.label for each in answers for one in each.detections})
    results.classes = list(classes) if classes is not None else seen
    odd = sorted(set(seen) - set(results.classes))
    if odd:
        raise DataError(
            f'{path}: found the label {odd[0]!r}; expected one of the '
            f'classes {results.classes[:20]}'
        )
    if classes is None:
        results.notes.append(
            'The file names no classes; they are those that were detected.'
        )
    index, dropped = {n: i for i, n in enumerate(results.classes)}, 0
    for each in answers:
        name = each.video
        if name in results.found:
            raise DataError(
                f"{path}, key 'video': found {name!r} twice; expected "
                'different names'
            )
        rows = [(index[d.label], *d.segment, d.score) for d in each.detections]
        table = np.array(rows, np.float64).reshape(-1, 4)
        table[:, 1:3] = frames_of(table[:, 1:3], each.fps) - each.first_frame
        results.found[name] = table
        results.fps[name] = each.fps
        results.num_frames[name] = each.num_frames
        if each.scores is None:
            continue
        where = f"{path}, video {name!r}, key 'scores'"
        try:
            scores = np.asarray(each.scores, dtype=np.float32)
        except (TypeError, ValueError):
            scores = np.zeros(0)
        scores = check_scores(scores, where)
        if len(scores) != each.num_frames:
            raise DataError(
                f'{where}: found {show(scores)}; expected '
                f'({each.num_frames}, num_classes + 1)'
            )
        if classes is not None and scores.shape[1] == len(classes) + 1:
            results.scores[name] = scores
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
