"""Writers of PKU-MMD's files, to the published layout."""

from __future__ import annotations

import numpy as np


def skeleton_text(keypoint, delimiter=' ', decimals=6, newline='\n'):
    """Rows of 150 numbers of keypoints (M, T, 25, 3), M at most 2."""
    M, T = keypoint.shape[:2]
    both = np.zeros((2, T, 25, 3))
    both[:M] = keypoint
    rows = both.transpose(1, 0, 2, 3).reshape(T, 150)
    return ''.join(
        delimiter.join(f'{value:.{decimals}f}' for value in row) + newline
        for row in rows
    )


def label_text(rows, delimiter=',', confidence=2):
    """Rows label, start, end (and confidence, unless None)."""
    tail = [] if confidence is None else [confidence]
    return ''.join(
        delimiter.join(str(value) for value in [*row, *tail]) + '\n'
        for row in rows
    )


def split_text(train, val, heading='Validataion videos:'):
    """A split file, with its spelling, blank and trailing comma."""
    return (
        f'Training videos: \n{", ".join(train)}, \n'
        f'{heading} \n{", ".join(val)}, \n'
    )
