"""What the videos of a store say beside their joints, column by column."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from mmsnip.io.annotation_check import Problem
from mmsnip.io.plain_json import to_json
from mmsnip.io.store_layout import SPLIT
from mmsnip.io.video_check import as_labels, as_segments
from mmsnip.structures.errors import show

__all__ = ['KNOWN', 'NO_LABEL', 'Columns', 'split_rows']

# Fields with a column of their own; all others are one text for each video.
KNOWN = (
    'frame_dir',
    'total_frames',
    'keypoint',
    'keypoint_score',
    'segments',
    'segment_labels',
    'label',
    'fps',
)
NO_LABEL = -1


def _text(value: Any) -> bytes | None:
    try:
        return value.encode('utf-8')
    except UnicodeEncodeError:  # half a surrogate pair
        return None


def _offsets(sizes: list[int]) -> np.ndarray:
    return np.cumsum([0, *sizes], dtype=np.int64)


class Columns:
    """Columns that grow by one entry a video.

    Args:
        leave_out (Collection[str]): Fields to drop.

    Attributes:
        places (dict[str, int]): Index of each name.
        num_rows (int): Rows of joints, one a person and frame.
        num_scores (int): Rows of scores.
    """

    COUNT = 18  # tensors of a file without its splits, and then some

    def __init__(self, leave_out: Collection[str] = ()) -> None:
        self.leave_out = frozenset(leave_out)
        self.places: dict[str, int] = {}
        self._seen = 0
        self.num_rows = 0
        self.num_scores = 0
        self._persons: list[int] = []
        self._rows: list[int] = []
        self._scores: list[int] = []
        self._segments: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []
        self._untrimmed: list[bool] = []
        self._label: list[int] = []
        self._fps: list[float] = []
        self._fields: list[bytes] = []
        self._mask: list[np.ndarray] = []

    def check_name(self, name: Any) -> list[Problem]:
        """Problems of a video's name; a sound one is taken.

        Args:
            name (Any): ``frame_dir``.

        Returns:
            list[Problem]: Empty if it is a name of its own.
        """
        index, self._seen = self._seen, self._seen + 1
        if not isinstance(name, str) or not name or _text(name) is None:
            key = f'annotations[{index}].frame_dir'
            expected = 'the name of the video, str'
            remedy = 'give every video a name of its own'
            return [Problem(None, key, show(name), expected, remedy)]
        if name in self.places:
            found = f'the same name as annotations[{self.places[name]}]'
            expected = 'a name of its own for every video'
            remedy = 'rename or drop one'
            return [Problem(name, 'frame_dir', found, expected, remedy)]
        self.places[name] = index
        return []

    def add(self, name: str, video: Mapping[str, Any]) -> list[Problem]:
        """Take the fields of a checked video.

        Args:
            name (str): Its name.
            video (Mapping[str, Any]): Fields of the annotation file.

        Returns:
            list[Problem]: Fields that cannot be kept.
        """
        fields = {
            key: value
            for key, value in video.items()
            if key not in KNOWN and key not in self.leave_out
        }
        problems = []
        for key, value in fields.items():
            try:
                to_json({key: value})
            except (TypeError, ValueError):
                expected = 'numbers, text, lists, tuples and dicts'
                remedy = f'leave the field out, leave_out=[{key!r}]'
                problems.append(
                    Problem(name, str(key), show(value), expected, remedy)
                )
        label = video.get('label')
        if label is not None and label > np.iinfo(np.int64).max:
            expected = 'an index of a class'
            remedy = 'count the classes from 0'
            problems.append(
                Problem(name, 'label', show(label), expected, remedy)
            )
        if problems:
            return problems
        M, T = video['keypoint'].shape[:2]
        scored = video.get('keypoint_score') is not None
        untrimmed = video.get('segments') is not None
        self._persons.append(M)
        self._rows.append(M * T)
        self._scores.append(M * T if scored else 0)
        self.num_rows += self._rows[-1]
        self.num_scores += self._scores[-1]
        self._untrimmed.append(untrimmed)
        segments = video['segments'] if untrimmed else ()
        labels = video['segment_labels'] if untrimmed else ()
        self._segments.append(as_segments(segments))
        self._labels.append(as_labels(labels))
        self._label.append(NO_LABEL if label is None else int(label))
        self._fps.append(float(video.get('fps') or np.nan))
        self._fields.append(to_json(fields).encode() if fields else b'')
        return []

    def add_mask(self, mask: np.ndarray) -> None:
        """Take the rows of a video in which somebody is present.

        Args:
            mask (np.ndarray): (T * M,) bool.
        """
        self._mask.append(mask.astype(np.uint8))

    def check_all(self) -> list[Problem]:
        """Problems that only all videos together show.

        Returns:
            list[Problem]: Empty if there are videos, and all of them are
                untrimmed or none is.
        """
        if not self.places:
            remedy = 'check the program that wrote the file'
            found, expected = 'no video', 'at least one video'
            return [Problem(None, 'annotations', found, expected, remedy)]
        complete = len(self._untrimmed) == len(self.places)
        if not complete or len(set(self._untrimmed)) < 2:
            return []
        expected = 'segments, as other videos of the file have them'
        remedy = 'add segments, empty where the video is all background'
        return [
            Problem(name, 'segments', 'nothing', expected, remedy)
            for name, there in zip(self.places, self._untrimmed)
            if not there
        ]

    def tensors(
        self, splits: Mapping[str, np.ndarray]
    ) -> dict[str, tuple[str, np.ndarray]]:
        """Columns as flat arrays, the widest numbers first.

        Args:
            splits (Mapping[str, np.ndarray]): Indices of their videos.

        Returns:
            dict[str, tuple[str, np.ndarray]]: Type and values by name.
        """
        texts = [name.encode('utf-8') for name in self.places]
        order = sorted(range(len(texts)), key=texts.__getitem__)
        made = dict(
            row_offsets=('I64', _offsets(self._rows)),
            segments=('I64', np.concatenate(self._segments)),
            segment_labels=('I64', np.concatenate(self._labels)),
            segment_offsets=('I64', _offsets([*map(len, self._labels)])),
            label=('I64', np.array(self._label)),
            name_offsets=('I64', _offsets([*map(len, texts)])),
            name_order=('I64', np.array(order)),
            field_offsets=('I64', _offsets([*map(len, self._fields)])),
        )
        if self.num_scores:
            made['score_offsets'] = ('I64', _offsets(self._scores))
        for name, indices in splits.items():
            made[f'{SPLIT}{name}'] = ('I64', indices)
        made['fps'] = ('F64', np.array(self._fps))
        made['persons'] = ('I32', np.array(self._persons))
        made['has_segments'] = ('U8', np.array(self._untrimmed))
        made['body_mask'] = ('U8', np.concatenate(self._mask))
        for key, blobs in (('names', texts), ('fields', self._fields)):
            made[key] = ('U8', np.frombuffer(b''.join(blobs), np.uint8))
        return made


def split_rows(
    splits: Mapping[str, Any], places: Mapping[str, int]
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Splits as indices instead of names.

    Args:
        splits (Mapping[str, Any]): Names of videos for each split.
        places (Mapping[str, int]): Index of each video.

    Returns:
        tuple[dict[str, np.ndarray], list[Problem]]: (num_videos,) int64 for
            each split; and what is wrong with them.
    """
    rows: dict[str, np.ndarray] = {}
    problems = []
    for name, videos in splits.items():
        key = f'split[{name!r}]'
        if isinstance(videos, np.ndarray):
            videos = videos.tolist()
        listed = isinstance(videos, (list, tuple, set, frozenset))
        strange = not isinstance(name, str) or _text(name) is None
        if strange or not listed or not all(map(_is_text, videos)):
            found = show(name) if strange else show(videos)
            expected = 'a named list of frame_dir names'
            remedy = 'list the names of the videos'
            problems.append(Problem(None, key, found, expected, remedy))
            continue
        if isinstance(videos, (set, frozenset)):
            videos = sorted(videos)
        unknown = [video for video in videos if video not in places]
        if unknown:
            found = f'{len(unknown)} without annotation, '
            found += reprlib.repr(unknown)
            expected = 'names of annotated videos'
            remedy = 'drop them from the split or add their annotations'
            problems.append(Problem(unknown[0], key, found, expected, remedy))
        elif len(set(videos)) != len(videos):
            found = 'a video more than once'
            remedy = 'drop the repetitions'
            problems.append(
                Problem(None, key, found, 'each video once', remedy)
            )
        else:
            rows[name] = np.array([places[v] for v in videos], np.int64)
    return rows, problems


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
