"""Orders of a data set that bring videos of similar length together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

__all__ = ['group_by_length', 'padded_share', 'video_lengths']


def video_lengths(dataset: Any) -> np.ndarray:
    """Frames of each sample before the pipeline, no joints read.

    Args:
        dataset (Any): mmengine's ``BaseDataset`` or a wrapper of some.

    Returns:
        np.ndarray: (len(dataset),) int64.

    Raises:
        TypeError: If the data set has no ``get_data_info``.
        KeyError: If its videos do not tell ``total_frames``.
    """
    if not hasattr(dataset, 'get_data_info'):
        raise TypeError(
            f'{type(dataset).__name__} has no get_data_info, which tells the '
            "total_frames of a video; use VisitSampler, or mmengine's "
            'BaseDataset'
        )
    if isinstance(dataset, BaseDataset):
        dataset.full_init()
        count = getattr(dataset, 'num_videos', len(dataset))
        # The record as it is stored; a subclass would read the joints, too.
        read = BaseDataset.get_data_info.__get__(dataset)
    else:
        count, read = len(dataset), dataset.get_data_info
    found = []
    for index in range(count):
        video = read(index)
        if 'total_frames' not in video:
            raise KeyError(
                f'sample {index} of {type(dataset).__name__} has no '
                f'total_frames, only {sorted(video)}; grouping by length '
                'needs it'
            )
        found.append(int(video['total_frames']))
    return np.resize(np.array(found, np.int64), len(dataset))


def group_by_length(
    lengths: Sequence[int],
    batch_size: int,
    rng: np.random.Generator | None = None,
    pool: int = 50,
) -> np.ndarray:
    """Order in which consecutive batches hold videos of similar length.

    With random numbers, the videos are shuffled, sorted within pools of
    ``pool`` batches, and the batches shuffled: members and order of the
    batches differ from draw to draw. Only the last batch may be smaller.

    Args:
        lengths (Sequence[int]): Frames of each video.
        batch_size (int): Videos of a batch, over all processes.
        rng (np.random.Generator, optional): None sorts all videos, longest
            first, so that a lack of memory shows at once.
        pool (int): Batches that are sorted together; more of them mean less
            padding and less chance. Where a data set has no more batches
            than that, their members stay and only their order is drawn.
            Defaults to 50.

    Returns:
        np.ndarray: Permutation of the indices, (len(lengths),) int64.

    Examples:
        >>> group_by_length([5, 9, 6, 8, 7], 2).tolist()
        [1, 3, 4, 2, 0]
    """
    lengths = np.asarray(lengths, np.int64)
    if rng is None:
        return np.argsort(-lengths, kind='stable')
    order = rng.permutation(len(lengths))
    size = batch_size * pool
    for start in range(0, len(order), size):
        part = order[start : start + size]
        order[start : start + size] = part[
            np.argsort(-lengths[part], kind='stable')
        ]
    whole = len(order) // batch_size * batch_size
    batches = order[:whole].reshape(-1, batch_size)
    batches = batches[rng.permutation(len(batches))]
    return np.concatenate([batches.ravel(), order[whole:]])


def padded_share(
    lengths: Sequence[int], order: Sequence[int], batch_size: int
) -> float:
    """Share of the frames of all batches that is padding.

    Args:
        lengths (Sequence[int]): Frames of each video.
        order (Sequence[int]): Order of the videos.
        batch_size (int): Videos of a batch.

    Returns:
        float: 0 where all videos of each batch are equally long.

    Examples:
        >>> padded_share([5, 10, 10, 5], [0, 1, 2, 3], 2)
        0.25
    """
    ordered = np.asarray(lengths)[np.asarray(order)]
    total = 0
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        total += len(batch) * int(batch.max())
    return 1 - int(ordered.sum()) / total
