"""Probability of each class over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mmsnip.visualization.canvas import FAINT_INK, INK, RULE
from mmsnip.visualization.palette import BACKGROUND_COLOR, class_style

MAX_CURVES = 12
MIN_PEAK = 0.1


def curve_classes(scores: np.ndarray, shown: Sequence[int]) -> list[int]:
    """Classes whose probability curve is drawn.

    Those with a segment come first, then those that reach a probability of
    0.1; in both the highest peaks, twelve in all.

    Args:
        scores (np.ndarray): (T, num_classes + 1), background last.
        shown (Sequence[int]): Classes that have a segment.

    Returns:
        list[int]: Class indices, ascending.
    """
    peaks = np.nan_to_num(scores[:, :-1]).max(0)
    first = set(shown)
    candidates = [
        c for c in range(len(peaks)) if c in first or peaks[c] >= MIN_PEAK
    ]
    candidates.sort(key=lambda c: (c not in first, -peaks[c]))
    return sorted(candidates[:MAX_CURVES])


def draw_score_curves(
    ax: Axes, scores: np.ndarray, curves: Sequence[int], fps: float
) -> None:
    """Draw the curves of some classes, and that of the background.

    Args:
        ax (Axes): Axes of the curves.
        scores (np.ndarray): (T, num_classes + 1), background last.
        curves (Sequence[int]): Classes to draw; each line's gid is
            ``class <index>``.
        fps (float): Frames a second.
    """
    T, width = scores.shape
    centres_s = (np.arange(T) + 0.5) / fps
    marker = 'o' if T < 3 else None
    ax.plot(
        centres_s,
        scores[:, -1],
        color=BACKGROUND_COLOR,
        lw=0.9,
        ls='--',
        marker=marker,
        ms=4,
        label='background',
    )
    for index in curves:
        style = class_style(index)
        ax.plot(
            centres_s,
            scores[:, index],
            color=style.color,
            lw=1.5,
            ls=style.line,
            marker=marker,
            ms=4,
            gid=f'class {index}',
        )
    ax.set_xlim(0, T / fps)
    low, high = np.nanmin(scores, initial=0), np.nanmax(scores, initial=1)
    pad = 0.03 * (high - low)
    ax.set_ylim(low - pad, high + pad)
    if (low, high) == (0, 1):
        ax.set_yticks([0, 0.5, 1])
    ax.set_ylabel('probability', size=9.5, color=INK)
    ax.grid(axis='both', color=RULE, lw=0.5, alpha=0.7)
    ax.set_axisbelow(True)
    for side in ('top', 'right'):
        ax.spines[side].set_visible(False)
    if len(curves) < width - 1:
        ax.set_title(
            f'curves of {len(curves)} of {width - 1} classes',
            loc='right',
            size=8,
            color=FAINT_INK,
            pad=2,
        )
