"""Scores of several networks made into one: streams, or single classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.evaluation.average_precision import check_same_names
from mmsnip.evaluation.segments import check_scores
from mmsnip.structures import DataError

MODES = ('average', 'product', 'logit')
# Keeps logarithms finite: float32 holds no probability nearer to 1.
_LEAST = 2.0**-24
Scores = Mapping[str, np.ndarray]


def fuse_scores(
    inputs: Sequence[Scores],
    weights: Sequence[float] | None = None,
    mode: str = 'average',
    names: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Weighted late fusion of frame probabilities, in float64."""
    names = names or [f'input {index}' for index in range(len(inputs))]
    given = np.asarray(
        np.ones(len(inputs)) if weights is None else weights, np.float64
    )
    good = given.shape == (len(inputs),) and np.isfinite(given).all()
    if not (good and (given >= 0).all() and given.any()):
        raise ValueError(
            f'weights={given.tolist()} must hold one number for each of '
            f'{len(inputs)} inputs, finite, not negative and not all 0'
        )
    total = given.sum()
    check_same_videos(inputs, names)
    fused = {}
    for video in inputs[0]:
        stack = np.stack(
            [
                _probabilities(scores[video], name, video)
                for scores, name in zip(inputs, names)
            ]
        )  # (num_inputs, T, num_classes + 1)
        if mode == 'average':
            fused[video] = np.tensordot(given, stack, axes=1) / total
            continue
        stack = np.clip(stack, _LEAST, 1 - _LEAST)
        logs = np.log(stack)
        if mode == 'logit':
            logs -= np.log1p(-stack)
        pooled = np.exp(np.tensordot(given, logs, axes=1) / total)
        if mode == 'logit':  # odds
            pooled /= 1 + pooled
        fused[video] = pooled / pooled.sum(axis=1, keepdims=True)
    return fused


def merge_binary_scores(
    inputs: Sequence[Scores], names: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Scores of networks of one class each, as those of one network."""
    names = names or [f'input {index}' for index in range(len(inputs))]
    for scores, name in zip(inputs, names):
        for video, array in scores.items():
            if np.ndim(array) != 2 or np.shape(array)[1] != 2:
                raise DataError(
                    f'{name}, video {video!r} has scores of shape '
                    f'{np.shape(array)}; expected (T, 2), one class and the '
                    'background'
                )
    check_same_videos(inputs, names)
    merged = {}
    for video in inputs[0]:
        columns = [
            _probabilities(scores[video], name, video)[:, 0]
            for scores, name in zip(inputs, names)
        ]
        background = 1 - np.max(columns, axis=0)
        merged[video] = np.stack([*columns, background], axis=1)
    return merged


def merge_binary_truth(
    truths: Sequence[Mapping[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Ground truth of networks of one class each, as that of one network."""
    merged = {}
    for video in truths[0]:
        parts = []
        for label, truth in enumerate(truths):
            rows = np.array(truth[video], dtype=np.int64).reshape(-1, 3)
            rows[:, 0] = label
            parts.append(rows)
        merged[video] = np.concatenate(parts)
    return merged


def check_same_videos(
    inputs: Sequence[Mapping[str, np.ndarray]],
    names: Sequence[str],
    what: str = 'scores',
) -> None:
    """Refuse networks that speak of other videos or lengths."""
    first, first_name = inputs[0], names[0]
    for other, name in zip(inputs[1:], names[1:]):
        check_same_names(first, other, f'{first_name} and {name}')
        for video, array in first.items():
            mine, found = np.shape(array), np.shape(other[video])
            if mine != found:
                raise DataError(
                    f'{name}, video {video!r} has {what} of shape {found}, '
                    f'{first_name} of shape {mine}; they must be of the '
                    'same frames and classes'
                )


def check_same_truth(
    truths: Sequence[Mapping[str, np.ndarray]], names: Sequence[str]
) -> None:
    """Refuse networks that were tested against other segments."""
    check_same_videos(truths, names, 'ground truth')
    first, first_name = truths[0], names[0]
    for other, name in zip(truths[1:], names[1:]):
        for video, rows in first.items():
            unlike = np.any(rows != other[video], axis=1)
            if unlike.any():
                at = int(np.argmax(unlike))
                raise ValueError(
                    f'{name}, video {video!r}, segment {at} is label, '
                    f'start, end {other[video][at].tolist()}, in '
                    f'{first_name} {rows[at].tolist()}; test both against '
                    'the same annotation and label rule'
                )


def _probabilities(scores: np.ndarray, name: str, video: str) -> np.ndarray:
    array = check_scores(scores, f'{name}, video {video!r}')
    low, high = array.min(initial=0.0), array.max(initial=1.0)
    if low < 0 or high > 1 + 1e-5:
        raise DataError(
            f'{name}, video {video!r} has scores from {low:g} to {high:g}; '
            'expected probabilities, 0..1, not logits'
        )
    return array.astype(np.float64)
