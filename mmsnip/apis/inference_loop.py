"""Inputs in batches: read, scored, answered; a bad one stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from mmsnip.apis.answers import (
    Pictures,
    answer,
    join_pieces,
    rows_at_input_rate,
    scores_at_input_rate,
)
from mmsnip.apis.clips import Clip, Expected, fit_clip, open_source
from mmsnip.apis.inference_options import PROPOSALS, Options
from mmsnip.apis.tracks import Piece, cut_pieces

__all__ = ['localize_inputs']

Scored = tuple[list[Piece], list[np.ndarray]]


class Localizer(Protocol):
    """What scores clips: the inferencer."""

    classes: list[str]
    expected: Expected

    def score(self, clips: Sequence[Clip]) -> list[np.ndarray]:
        """Scores at the model's rate, (T', num_classes + 1) a clip."""


def localize_inputs(
    localizer: Localizer,
    inputs: Sequence[Any],
    names: Sequence[str] | None,
    how: Options,
    on_error: Callable[[int, Exception], None] | None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Answers, in the order of the inputs.

    Args:
        localizer (Localizer): The model.
        inputs (Sequence[Any]): Arrays and files.
        names (Sequence[str], optional): Of each.
        how (Options): Checked.
        on_error (Callable[[int, Exception], None], optional): Takes the
            place and the error of an input that fails. None raises.

    Yields:
        tuple[int, dict[str, Any]]: Place of the input, and the answer.
    """
    pictures = Pictures(
        how.show_dir,
        localizer.expected.layout,
        localizer.classes,
        localizer.expected.num_coords,
    )

    def tried(place: int, act: Callable[..., Any], *given: Any) -> Any:
        try:
            return act(*given)
        except Exception as error:
            if on_error is None:
                raise
            on_error(place, error)
            return None

    for start in range(0, len(inputs), how.batch_size):
        batch: dict[int, Clip] = {}
        for place in range(start, min(start + how.batch_size, len(inputs))):
            name = None if names is None else names[place]
            given = inputs[place], place, name, localizer.expected, how
            clip = tried(place, _read, *given)
            if clip is not None:
                batch[place] = clip
        try:
            scored = _score(localizer, batch, how)
        except Exception:
            if on_error is None:
                raise
            scored = {}  # one of them is to blame
        for place, clip in batch.items():
            found = scored.get(place)
            if found is None:
                found = tried(place, _score, localizer, {place: clip}, how)
                found = None if found is None else found[place]
            if found is not None:
                given = clip, *found, localizer.classes, how, pictures
                result = tried(place, _answer, *given)
                if result is not None:
                    yield place, result


def _read(
    source: Any, place: int, name: str | None, expected: Expected, how: Options
) -> Clip:
    keypoint, found, origin = open_source(source, name or f'sequence_{place}')
    if how.persons == 'each':  # all of them are asked for
        expected = replace(expected, persons=None)
    clip = fit_clip(
        keypoint,
        found,
        origin,
        expected,
        how.fps,
        how.joint_map,
        how.unit,
        how.up,
    )
    return clip if name is None else replace(clip, name=name)


def _score(
    localizer: Localizer, batch: Mapping[int, Clip], how: Options
) -> dict[int, Scored]:
    """Pieces of each clip and their scores, so many at once."""
    pieces = [
        (place, piece)
        for place, clip in batch.items()
        for piece in cut_pieces(clip, how.persons)
    ]
    scored: dict[int, Any] = {place: ([], []) for place in batch}
    for start in range(0, len(pieces), how.batch_size):
        group = pieces[start : start + how.batch_size]
        arrays = localizer.score([piece.clip for _, piece in group])
        for (place, piece), scores in zip(group, arrays):
            scored[place][0].append(piece)
            scored[place][1].append(scores)
    return scored


def _answer(
    clip: Clip,
    pieces: Sequence[Piece],
    scored: Sequence[np.ndarray],
    classes: Sequence[str],
    how: Options,
    pictures: Pictures,
) -> dict[str, Any]:
    """Detections of all pieces, in seconds and frames of the input."""
    all_rows, all_scores = [], []
    for piece, scores in zip(pieces, scored):
        rows = PROPOSALS[how.proposals](scores)
        if how.score_threshold is not None:
            rows = rows[rows[:, 3] >= how.score_threshold]
        all_rows.append(rows_at_input_rate(rows, piece.clip))
        all_scores.append(scores_at_input_rate(scores, piece.clip))
    wholes = join_pieces(clip, pieces, all_rows, all_scores)
    if how.show_dir is not None:
        for whole in wholes:
            pictures.draw(whole)
    return answer(clip, wholes, classes, how.persons, how.return_scores)
