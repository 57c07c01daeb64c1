"""What a file's splits, classes and segments look like, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.io.annotation_summary import keypoint_of, labelled_segments
from mmsnip.structures.errors import is_int

__all__ = [
    'actions_of',
    'class_facts',
    'five_numbers',
    'segment_facts',
    'split_facts',
    'split_names',
    'split_pairs',
]

ALL = 'all'
_PARTNERS = ('val', 'test', 'valid', 'dev', 'validation', 'testing')


def actions_of(video: Mapping[str, Any]) -> np.ndarray:
    """Labelled stretches of a video; a trimmed one is one stretch.

    Args:
        video (Mapping[str, Any]): Entry of ``annotations``.

    Returns:
        np.ndarray: (num_segments, 3) label, start, end in frames, ordered
        by start; those without a frame in the video are left out.
    """
    keypoint = keypoint_of(video)
    T = 0 if keypoint is None else keypoint.shape[1]
    if video.get('segments') is not None:
        segments, labels = labelled_segments(video)
        rows = np.column_stack([labels, segments]).astype(np.int64)
        rows[:, 1:] = rows[:, 1:].clip(0, T)
        rows = rows[rows[:, 2] > rows[:, 1]]
        return rows[np.lexsort((rows[:, 2], rows[:, 1]))]
    if is_int(video.get('label')) and T:
        return np.array([[int(video['label']), 0, T]], dtype=np.int64)
    return np.zeros((0, 3), np.int64)


def split_names(splits: Mapping[Any, Any]) -> dict[str, list[str]]:
    """Videos of each split; what is no name is left out.

    Args:
        splits (Mapping[Any, Any]): ``split`` of an annotation file.

    Returns:
        dict[str, list[str]]: Split -> names.
    """
    lists = (list, tuple, set, frozenset)
    return {
        str(split): [
            name
            for name in (names if isinstance(names, lists) else ())
            if isinstance(name, str)
        ]
        for split, names in splits.items()
    }


def split_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of splits that must not share a video.

    Args:
        names (Sequence[str]): Splits of a file.

    Returns:
        list[tuple[str, str]]: Where names tell: ``x_train`` with ``x_val``,
        ``x_test`` and so on; else every pair.

    Examples:
        >>> split_pairs(['xsub_train', 'xsub_val', 'xview_train', 'rest'])
        [('xsub_train', 'xsub_val')]
    """
    pairs = [
        (name, name.replace('train', partner))
        for name in names
        if 'train' in name
        for partner in _PARTNERS
        if name.replace('train', partner) in names
    ]
    if pairs or any('train' in name for name in names):
        return pairs
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]


def five_numbers(values: Sequence[float] | np.ndarray) -> list[float] | None:
    """Smallest value, quartiles and largest value.

    Args:
        values (Sequence[float] | np.ndarray): Any number of them.

    Returns:
        list[float] | None: Five values, None without any.

    Examples:
        >>> five_numbers([1, 2, 3, 4, 5])
        [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    if not len(values):
        return None
    return np.percentile(values, (0, 25, 50, 75, 100)).tolist()


def split_facts(
    splits: Mapping[str, Sequence[str]],
    videos: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Size of each split, and what splits share.

    Args:
        splits (Mapping[str, Sequence[str]]): Split -> names of its videos.
        videos (Mapping[str, Mapping[str, Any]]): Name -> ``frames``,
            ``seconds``, ``actions`` of `actions_of` and ``trimmed``.

    Returns:
        dict[str, Any]: ``sizes`` (split, also ``all`` -> videos, frames,
        hours, segments, background: share outside all segments of
        untrimmed videos, or None), ``overlap`` (rows of two splits and the
        names that both have), ``without_split`` (names).
    """
    sizes = {}
    for split, names in {ALL: list(videos), **splits}.items():
        known = [videos[name] for name in names if name in videos]
        total = inside = 0
        for video in known:
            if not video['trimmed']:
                total += video['frames']
                inside += _covered(video['actions'], video['frames'])
        sizes[split] = dict(
            videos=len(names),
            frames=sum(video['frames'] for video in known),
            hours=sum(video['seconds'] for video in known) / 3600,
            segments=sum(len(video['actions']) for video in known),
            background=1 - inside / total if total else None,
        )
    overlap = []
    for first, second in split_pairs(list(splits)):
        both = sorted(set(splits[first]) & set(splits[second]))
        if both:
            overlap.append([first, second, both])
    placed = {name for names in splits.values() for name in names}
    left = [name for name in videos if name not in placed] if splits else []
    return dict(sizes=sizes, overlap=overlap, without_split=left)


def _covered(actions: np.ndarray, frames: int) -> int:
    active = np.zeros(frames, bool)
    for start, end in actions[:, 1:]:
        active[start:end] = True
    return int(active.sum())


def class_facts(
    splits: Mapping[str, Sequence[str]],
    videos: Mapping[str, Mapping[str, Any]],
    classes: Sequence[str],
) -> dict[str, Any]:
    """How often each class occurs.

    Args:
        splits (Mapping[str, Sequence[str]]): Split -> names of its videos.
        videos (Mapping[str, Mapping[str, Any]]): As in `split_facts`.
        classes (Sequence[str]): Names; labels beyond them get one.

    Returns:
        dict[str, Any]: ``names``; ``counts`` (split, also ``all`` ->
        (num_classes, 3) videos, segments, frames); ``seconds`` (one list of
        segment lengths a class); ``unseen`` (rows of two splits and the
        classes of the second that the first has not); ``empty`` (classes
        without a segment).
    """
    rows = [video['actions'] for video in videos.values()]
    largest = max((int(r[:, 0].max()) for r in rows if len(r)), default=-1)
    names = [str(name) for name in classes]
    names += [f'label {c}?' for c in range(len(names), largest + 1)]
    counts = {}
    for split, chosen in {ALL: list(videos), **splits}.items():
        count = np.zeros((len(names), 3), np.int64)
        for video in (videos[name] for name in chosen if name in videos):
            label, start, end = _known(video['actions']).T
            count[np.unique(label), 0] += 1
            np.add.at(count, (label, 1), 1)
            np.add.at(count, (label, 2), end - start)
        counts[split] = count
    seconds: list[list[float]] = [[] for _ in names]
    for video in videos.values():
        for label, start, end in _known(video['actions']).tolist():
            seconds[label].append((end - start) / video['fps'])
    unseen = []
    for first, second in split_pairs(list(splits)):
        missing = (counts[second][:, 1] > 0) & (counts[first][:, 1] == 0)
        if missing.any():
            which = [names[c] for c in np.flatnonzero(missing)]
            unseen.append([first, second, which])
    empty = [name for name, c in zip(names, counts[ALL]) if not c[1]]
    return dict(
        names=names, counts=counts, seconds=seconds, unseen=unseen, empty=empty
    )


def _known(actions: np.ndarray) -> np.ndarray:
    return actions[actions[:, 0] >= 0]


def segment_facts(videos: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Lengths of segments, and how they follow each other.

    Args:
        videos (Mapping[str, Mapping[str, Any]]): As in `split_facts`.

    Returns:
        dict[str, Any]: ``video_s``, ``length_s`` and ``gap_s``
        (`five_numbers` of whole videos, of segments, and of the background
        between neighbours), ``touching`` (pairs of neighbours without
        background between them), ``overlapping`` (names of the videos in
        which segments overlap).
    """
    lengths: list[float] = []
    gaps: list[float] = []
    touching, overlapping = 0, []
    for name, video in videos.items():
        for _, start, end in video['actions'].tolist():
            lengths.append((end - start) / video['fps'])
        gap = _gaps(video['actions'])
        gaps += (gap[gap > 0] / video['fps']).tolist()
        touching += int((gap == 0).sum())
        if (gap < 0).any():
            overlapping.append(name)
    return dict(
        video_s=five_numbers([v['seconds'] for v in videos.values()]),
        length_s=five_numbers(lengths),
        gap_s=five_numbers(gaps),
        touching=touching,
        overlapping=overlapping,
    )


def _gaps(actions: np.ndarray) -> np.ndarray:
    """Frames from the last end so far to the next start."""
    ends = np.maximum.accumulate(actions[:, 2])
    return actions[1:, 1] - ends[:-1]
