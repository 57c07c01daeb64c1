"""Which class is taken for which, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmsnip.evaluation.segments import check_labels


def frame_confusion(
    predictions: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
) -> np.ndarray:
    """Frames of each true label that got each predicted label.

    Args:
        predictions (Mapping[str, np.ndarray]): Per video labels, (T,)
            integers in ``0..num_classes``, the last is the background.
        ground_truth (Mapping[str, np.ndarray]): The same, of the truth.
        num_classes (int): Classes without the background.

    Returns:
        np.ndarray: Counts, true label by row and predicted by column,
        (num_classes + 1, num_classes + 1) int64.

    Raises:
        ValueError: If a video is in one mapping only, has two lengths, or a
            label out of range; the video is named.

    Examples:
        >>> frame_confusion({'a': [0, 1, 1]}, {'a': [0, 0, 1]}, 1).tolist()
        [[1, 1], [0, 1]]
    """
    odd = {*predictions} ^ {*ground_truth}
    if odd:
        raise ValueError(
            f'video {min(odd, key=str)!r} has no counterpart; predictions '
            'and ground_truth must name the same videos'
        )
    width = num_classes + 1
    counts = np.zeros(width * width, dtype=np.int64)
    for name, labels in ground_truth.items():
        true, found = check_labels(labels), check_labels(predictions[name])
        if len(true) != len(found):
            raise ValueError(
                f'video {name!r} has {len(found)} predicted and {len(true)} '
                'true frames; expected as many'
            )
        both = np.concatenate([true, found])
        if both.size and not 0 <= both.min() <= both.max() <= num_classes:
            raise ValueError(
                f'video {name!r} holds labels {both.min()} to {both.max()}; '
                f'expected 0..{num_classes}, {num_classes} is the background'
            )
        counts += np.bincount(true * width + found, minlength=width * width)
    return counts.reshape(width, width)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Each row divided by its sum.

    Args:
        counts (np.ndarray): (num_rows, num_columns).

    Returns:
        np.ndarray: In 0..1, same shape; NaN in a row without counts.

    Examples:
        >>> row_shares(np.array([[3, 1], [0, 0]])).tolist()
        [[0.75, 0.25], [nan, nan]]
    """
    whole = counts.sum(axis=1, keepdims=True)
    return counts / np.where(whole > 0, whole, np.nan)
