"""What comes in, checked once: frame scores, detections, ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mmsnip.structures import DataError, Segments, show

CONVENTIONS = ('official', 'clean')


def check_scores(scores: np.ndarray, source: str = 'scores') -> np.ndarray:
    """Frame scores as a float array, (T, num_classes + 1)."""
    array = np.asarray(scores)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    found = show(array) if array.ndim != 2 or array.shape[1] < 2 else None
    if found is None and not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        found = f'{array[tuple(place)]} at {place}'
    if found is not None:
        raise DataError(
            f'{source}: found {found}; expected finite numbers, '
            '(T, num_classes + 1) with the background last'
        )
    return array


def check_convention(convention: str) -> None:
    """Refuse an unknown convention."""
    if convention not in CONVENTIONS:
        raise ValueError(
            f'convention={convention!r} is unknown; use one of {CONVENTIONS}'
        )


def check_same_names(
    a: Mapping[str, Any], b: Mapping[str, Any], what: str
) -> None:
    """Refuse two mappings that name different videos."""
    odd = {*a} ^ {*b}
    if odd:
        raise DataError(
            f'video {min(odd, key=str)!r} has no counterpart; {what} must '
            'name the same videos'
        )


@dataclass(frozen=True)
class Table:
    """Intervals of all videos in columns, each (num_rows,)."""

    video: np.ndarray
    label: np.ndarray
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.video)

    def take(self, rows: np.ndarray) -> Table:
        """Rows by index or mask, as a new table."""
        return Table(*(getattr(self, f.name)[rows] for f in fields(self)))

    def shift_ends(self, frames: float) -> Table:
        """The same rows with every end moved by ``frames``."""
        return Table(
            self.video, self.label, self.start, self.end + frames, self.score
        )


def collect(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
) -> tuple[Table, Table]:
    """Detections, best score first, and ground truth as tables."""
    if num_classes < 1:
        raise ValueError(f'num_classes={num_classes} must be at least 1')
    names = sorted({*detections, *ground_truth}, key=str)
    found = _table('detections', detections, names, num_classes, 4)
    truth = _table('ground_truth', ground_truth, names, num_classes, 3)
    return found.take(np.argsort(-found.score, kind='stable')), truth


def _table(
    what: str,
    per_video: Mapping[str, np.ndarray],
    names: Sequence[str],
    num_classes: int,
    width: int,
) -> Table:
    columns = 'label, start, end' + ', score' * (width == 4)
    arrays, owner = [np.zeros((0, width))], [np.zeros(0, np.int64)]
    for index, name in enumerate(names):
        array = np.asarray(per_video.get(name, ()), dtype=np.float64)
        if not array.size:
            continue
        if array.ndim != 2 or array.shape[1] != width:
            raise DataError(
                f'{what} of video {name!r}: found {show(array)}; expected '
                f'(n, {width}) of {columns}'
            )
        arrays.append(array)
        owner.append(np.full(len(array), index))
    rows, video = np.concatenate(arrays), np.concatenate(owner)
    # BABEL's official truth of a single frame is empty, and counts; a
    # detection may begin before its video.
    checked = rows.copy()
    checked[:, 2] += (rows[:, 1] == rows[:, 2]) & (width == 3)
    checked[:, 1:3] -= rows[:, 1].min(initial=0)
    try:
        Segments.of_rows(checked, num_classes=num_classes)
    except DataError:
        for index in np.unique(video):  # names the video
            source = f'{what} of video {names[index]!r}'
            own = checked[video == index]
            Segments.of_rows(own, num_classes=num_classes, source=source)
        raise
    label, start, end = rows.T[:3]
    score = rows[:, 3] if width == 4 else np.zeros(len(rows))
    return Table(video, label.astype(np.int64), start, end, score)


def video_entry(
    sample: Mapping[str, Any],
    default_fps: float | None = None,
    needs_fps: bool = False,
) -> dict[str, Any]:
    """Truth and scores of one video of a model's answer, as numpy arrays."""
    name = sample.get('frame_dir')
    needed = ('frame_dir', 'pred_frame_scores', 'segments', 'segment_labels')
    for key in needed:
        if sample.get(key) is None:
            raise DataError(
                f'video {name!r} lacks {key!r}, it has {sorted(sample)}; pack '
                'it with the sample, empty segments where nothing happens'
            )
    scores = to_numpy(sample['pred_frame_scores'])
    scores = check_scores(scores, f'video {name!r}, pred_frame_scores')
    T, width = scores.shape
    total = sample.get('total_frames')
    if total is not None and int(total) != T:
        raise DataError(
            f'video {name!r} has {T} scored frames, but total_frames is '
            f'{int(total)}; evaluate whole videos'
        )
    fps = sample.get('fps')
    fps = default_fps if fps is None else fps
    if fps is None and needs_fps:
        raise DataError(
            f"video {name!r} has no 'fps', which seconds in the dump need; "
            "set it in the annotation file's metainfo"
        )
    truth = Segments.of(
        to_numpy(sample['segments']),
        to_numpy(sample['segment_labels']).reshape(-1),
        num_frames=T,
        num_classes=width - 1,
        source=f'video {name!r}',
    )
    index = to_numpy(sample.get('frame_index', ())).ravel()
    return {
        'frame_dir': str(name),
        'scores': scores.astype(np.float32, copy=False),
        'segments': truth.rows[:, :3].astype(np.int64),
        'first_frame': int(index[0]) if index.size else 0,
        'fps': None if fps is None else float(fps),
    }


def to_numpy(value: Any) -> np.ndarray:
    """An array out of a tensor of any device, or what is array-like."""
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    return np.asarray(value)


def each_video_once(
    entries: Sequence[Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    """First entry of each video, videos sorted by name."""
    videos: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        name = entry['frame_dir']
        known = videos.setdefault(name, entry)
        for key in ('first_frame', 'segments', 'scores'):
            mine, other = np.asarray(entry[key]), np.asarray(known[key])
            same = mine.shape == other.shape
            # the same video may score a little otherwise in another batch
            if not same or (key != 'scores' and (mine != other).any()):
                raise DataError(
                    f'video {name!r} came twice with different {key}; '
                    'evaluate whole videos (test_mode=True), not windows'
                )
    return dict(sorted(videos.items()))
