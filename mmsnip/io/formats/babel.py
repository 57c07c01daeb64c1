"""BABEL's json files: what is done when, in which AMASS motion."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import numpy as np

from mmsnip.structures import DataError, show
from mmsnip.structures.files import read_json, safe_name

__all__ = [
    'BABEL_SUBSETS',
    'BabelSegment',
    'BabelSequence',
    'act_categories',
    'babel_segments',
    'read_babel_json',
    'seconds_to_frames',
]

# Classes of the benchmark's three subsets, in the order of their labels.
BABEL_SUBSETS = {
    1: ('walk', 'stand', 'turn', 'jump'),
    2: ('sit', 'run', 'stand up', 'kick'),
    3: ('jog', 'wave', 'dance', 'gesture'),
}
LONGEST_S = 86400.0  # a day; a broken number must not fill memory


@dataclass(frozen=True)
class BabelSegment:
    """A labelled part of a motion."""

    start_s: float
    end_s: float
    act_cats: tuple[str, ...]


@dataclass(frozen=True)
class BabelSequence:
    """An annotated motion."""

    sid: str
    feat_p: str  # archive, data set, subject, motion
    duration_s: float
    segments: tuple[BabelSegment, ...]
    dense: bool  # whether every moment was labelled (frame_ann)


def read_babel_json(path: str | os.PathLike[str]) -> list[BabelSequence]:
    """Annotations of a split."""
    from pydantic import ValidationError

    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(
            f'{path} holds a {show(content)[:80]}; expected the sequences of '
            'BABEL by their sid'
        )
    sequences = []
    for sid, entry in content.items():
        where = f'{path}, sid {sid[:40]!r}'
        try:
            found = _document().model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            key = '.'.join(map(str, first['loc']))
            raise DataError(
                f'{where}, key {key!r}: found {show(first["input"])[:80]}; '
                f'{first["msg"]}'
            ) from None
        # The extra files have several annotations; the first one counts.
        dense = [found.frame_ann, *(found.frame_anns or ())]
        whole = [found.seq_ann, *(found.seq_anns or ())]
        dense = next(filter(None, dense), None)
        chosen = dense or next(filter(None, whole), None)
        segments = []
        for n, label in enumerate(chosen.labels if chosen else ()):
            start, end = label.start_t, label.end_t
            if dense is None:
                start, end = 0.0, found.dur
            if start is None or end is None:
                raise DataError(f'{where}, label {n}: no start_t and end_t')
            names = label.act_cat or []
            names = [names] if isinstance(names, str) else names
            segments.append(
                BabelSegment(start, end, tuple(dict.fromkeys(names)))
            )
        sequences.append(
            BabelSequence(
                safe_name(sid, where),
                safe_name(found.feat_p, where),
                found.dur,
                tuple(segments),
                dense is not None,
            )
        )
    return sequences


@cache
def _document() -> Any:
    """A sequence of the JSON, checked."""
    from pydantic import BaseModel, Field, create_model

    class Strict(BaseModel, strict=True):
        pass

    seconds = Annotated[float, Field(ge=-LONGEST_S, le=LONGEST_S)]
    label = create_model(
        'label',
        __base__=Strict,
        act_cat=(list[str] | str | None, None),
        start_t=(seconds | None, None),
        end_t=(seconds | None, None),
    )
    labels = create_model('labels', __base__=Strict, labels=(list[label], ...))
    return create_model(
        'sequence',
        __base__=Strict,
        dur=(Annotated[float, Field(gt=0, le=LONGEST_S)], ...),
        feat_p=(str, ...),
        frame_ann=(labels | None, None),
        seq_ann=(labels | None, None),
        frame_anns=(list[labels | None] | None, None),
        seq_anns=(list[labels | None] | None, None),
    )


def act_categories(sequences: Iterable[BabelSequence]) -> list[str]:
    """All action categories, in the order of their letters."""
    names = {
        name
        for sequence in sequences
        for segment in sequence.segments
        for name in segment.act_cats
    }
    return sorted(names)


def seconds_to_frames(
    start_s: Any, end_s: Any, num_frames: int, fps: float = 30.0
) -> np.ndarray:
    """Half-open frames n with ``start_s <= n / fps < end_s``."""
    times = np.arange(num_frames) / fps
    starts = np.searchsorted(times, np.asarray(start_s, np.float64), 'left')
    ends = np.searchsorted(times, np.asarray(end_s, np.float64), 'left')
    frames = np.stack([starts, np.maximum(starts, ends)], axis=-1)
    return frames.reshape(-1, 2).astype(np.int64)


def babel_segments(
    sequence: BabelSequence,
    classes: Sequence[str],
    num_frames: int,
    fps: float = 30.0,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Segments in frames, one for each category of each segment."""
    index = {name: label for label, name in enumerate(classes)}
    segments = [s for s in sequence.segments if set(s.act_cats) & set(index)]
    frames = seconds_to_frames(
        [s.start_s for s in segments],
        [s.end_s for s in segments],
        num_frames,
        fps,
    )
    rows, mended = [], []
    for segment, (start, end) in zip(segments, frames.tolist()):
        place = (
            f'segment {", ".join(segment.act_cats)} from '
            f'{segment.start_s:g} to {segment.end_s:g} s'
        )
        if start >= end:
            mended.append(
                f'{place}: dropped, it has no frame among the {num_frames}'
            )
            continue
        early = -segment.start_s * fps
        late = segment.end_s * fps - num_frames
        if max(early, late) > 1:
            mended.append(f'{place}: cut to frames {start} to {end}')
        rows += [
            (start, end, index[name])
            for name in segment.act_cats
            if name in index
        ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return table[:, :2], table[:, 2], mended
