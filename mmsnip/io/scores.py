"""Frame scores of many videos in one ``.npz``, with all to evaluate them.

Arrays of the file, no object among them:

- ``classes`` (num_classes,) and ``videos`` (num_videos,), text
- ``num_frames`` (num_videos,) and ``scores`` (sum of num_frames,
  num_classes + 1), the videos one after the other
- ``fps`` (num_videos,), NaN where unknown
- where the ground truth is known, ``num_segments`` (num_videos,),
  ``segments`` (sum of num_segments, 2) half-open frames and
  ``segment_labels``
- ``settings``, JSON text: how the scores are evaluated
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.structures.errors import DataError, is_rate
from mmsnip.structures.files import MAX_BYTES, check_size, draft_of
from mmsnip.structures.plain import to_plain

__all__ = ['ScoredVideos', 'load_scored_videos', 'load_scores', 'save_scores']


@dataclass(frozen=True)
class ScoredVideos:
    """What a file of ``save_scores`` holds."""

    scores: dict[str, np.ndarray]  # (T, num_classes + 1)
    classes: list[str]  # without the background
    truth: dict[str, np.ndarray] | None  # (num_segments, 3): label, start, end
    fps: dict[str, float]  # where known
    settings: dict[str, Any]  # how the scores are evaluated


def save_scores(
    path: str | os.PathLike[str],
    scores: Mapping[str, np.ndarray],
    classes: Sequence[str],
    truth: Mapping[str, np.ndarray] | None = None,
    fps: Mapping[str, float | None] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write frame scores as ``.npz``, all or nothing.

    Names of videos are stored as text, never as names of members, so that
    any character but NUL is safe in them.

    Args:
        path (str | os.PathLike[str]): File to write; folders are made.
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1).
        classes (Sequence[str]): Names, without the background.
        truth (Mapping[str, np.ndarray], optional): Per video label, start,
            end, (num_segments, 3); of all videos.
        fps (Mapping[str, float | None], optional): Frames per second.
        settings (Mapping[str, Any], optional): What JSON can hold.

    Raises:
        DataError: If a video has another number of columns, lacks its
            truth or has a NUL in its name; the video is named.
    """
    width = len(classes) + 1
    names = [str(name) for name in scores]
    for name, array in zip(names, scores.values()):
        if '\0' in name:
            raise DataError(f'video {name!r} has a NUL in its name; rename it')
        if np.ndim(array) != 2 or np.shape(array)[1] != width:
            raise DataError(
                f'video {name!r} has scores of shape {np.shape(array)}; '
                f'expected (T, {width}), {len(classes)} classes and the '
                'background'
            )
        if truth is not None and name not in truth:
            raise DataError(
                f'video {name!r} has scores but no ground truth; give an '
                'empty (0, 3) array where nothing happens'
            )
    rates = [(fps or {}).get(name) for name in names]
    arrays = {
        'classes': np.array([str(name) for name in classes], dtype=np.str_),
        'videos': np.array(names, dtype=np.str_),
        'num_frames': np.array([len(a) for a in scores.values()], np.int64),
        'scores': _stacked(scores.values(), width, np.float32),
        'fps': np.array(
            [np.nan if rate is None else rate for rate in rates], np.float64
        ),
        'settings': np.array(
            json.dumps(to_plain(dict(settings or {}))), dtype=np.str_
        ),
    }
    if truth is not None:
        rows = [np.asarray(truth[name]).reshape(-1, 3) for name in names]
        table = _stacked(rows, 3, np.int64).astype(np.int64)
        arrays['num_segments'] = np.array([len(r) for r in rows], np.int64)
        arrays['segments'] = table[:, 1:]
        arrays['segment_labels'] = table[:, 0]
    with draft_of(path) as draft, draft.open('wb') as stream:
        np.savez_compressed(stream, **arrays)


def load_scores(
    path: str | os.PathLike[str],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the scores and classes that ``save_scores`` wrote.

    Args:
        path (str | os.PathLike[str]): File to read.

    Returns:
        tuple[dict[str, np.ndarray], list[str]]: Per video (T, num_classes +
        1), and the class names.

    Raises:
        DataError: As ``load_scored_videos``.
    """
    stored = load_scored_videos(path)
    return stored.scores, stored.classes


def load_scored_videos(path: str | os.PathLike[str]) -> ScoredVideos:
    """Read all that ``save_scores`` wrote.

    Args:
        path (str | os.PathLike[str]): File to read.

    Returns:
        ScoredVideos: The contents.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no such archive, lacks an array, has objects in
            one, or its lengths disagree; the file is named.
    """
    arrays = _read_arrays(path)
    try:
        names, classes = (
            [str(name) for name in arrays[key].tolist()]
            for key in ('videos', 'classes')
        )
        scores = _parts(names, arrays, 'num_frames', 'scores')
        if arrays['scores'].shape[1:] != (len(classes) + 1,):
            raise ValueError(
                f'scores have the shape {arrays["scores"].shape}, expected '
                f'{len(classes) + 1} columns, the classes {classes} and the '
                'background'
            )
        truth = None
        if 'num_segments' in arrays:
            columns = arrays['segment_labels'], arrays['segments']
            arrays['truth'] = np.column_stack(columns).astype(np.int64)
            truth = _parts(names, arrays, 'num_segments', 'truth')
        rates = arrays.get('fps', np.full(len(names), np.nan))
        rate_of = dict(zip(names, rates.tolist(), strict=True))
        fps = {name: rate for name, rate in rate_of.items() if is_rate(rate)}
        settings = json.loads(str(arrays.get('settings', '{}')))
        if not isinstance(settings, dict):
            raise ValueError(f'settings are {settings!r:.80}, no JSON object')
    except KeyError as error:
        raise DataError(
            f'{path} lacks the array {error}; expected a file of '
            'save_scores, made by tools/test.py --dump-scores'
        ) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(
            f'{path} does not fit itself: {error}; expected a file of '
            'save_scores'
        ) from None
    return ScoredVideos(scores, classes, truth, fps, settings)


def _read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """All members, none with objects; sizes are bounded before any is read."""
    check_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise ValueError(f'it unpacks to {size:,} bytes')
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f'{path} is not an .npz file of plain arrays ({error}); expected '
            'a file of save_scores'
        ) from None


def _parts(
    names: Sequence[str], arrays: Mapping[str, np.ndarray], key: str, of: str
) -> dict[str, np.ndarray]:
    """The stretch of each video."""
    lengths, whole = arrays[key], arrays[of]
    if lengths.shape != (len(names),) or len(set(names)) != len(names):
        raise ValueError(
            f'{key} has the shape {lengths.shape} for {len(names)} videos, '
            f'{len(set(names))} of them different'
        )
    whole_numbers = lengths.dtype.kind in 'iu' and (lengths >= 0).all()
    if not whole_numbers or lengths.sum() != len(whole):
        raise ValueError(f'{key} must be counts that sum to {len(whole)}')
    parts = np.split(whole, np.cumsum(lengths)[:-1]) if names else []
    return dict(zip(names, parts))


def _stacked(arrays: Any, width: int, dtype: Any) -> np.ndarray:
    """Rows of all arrays; ``dtype`` is that of none."""
    rows = [np.asarray(array) for array in arrays]
    return np.concatenate(rows) if rows else np.zeros((0, width), dtype)
