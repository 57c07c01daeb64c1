"""The same frame scores read in three ways, and how AP comes out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sheet import PLAIN, SMALL, new_sheet, write

from mmsnip.evaluation import (
    babel_detections,
    evaluate_babel,
    run_detections,
    segment_iou,
    smooth_frames,
)
from mmsnip.evaluation.diagnosis import (
    PrecisionRecall,
    precision_recall_curves,
)
from mmsnip.skeleton import paint_segments
from mmsnip.visualization.canvas import (
    BACKGROUND_COLOR,
    FAINT_INK,
    INK,
    RULE,
    ClassStyle,
    add_axes_in,
    class_style,
)

CLASSES = ('walk', 'turn', 'wave')
FPS, T = 30, 330
TRUTH = np.array([[0, 15, 85], [1, 105, 138], [2, 155, 225], [2, 250, 315]])
DIPS = ((47, 51), (176, 180), (201, 205))
BUMPS = ((2, 90, 98),)
LEFT_IN, WIDE_IN, ROW_IN = 1.25, 4.75, 0.3


class Reading(NamedTuple):
    """One way to read frame scores.

    Attributes:
        name (str): What it is called.
        detections (np.ndarray): Label, start, end, score.
        iou (np.ndarray): Of each with the best true segment of its class.
        metrics (dict[str, float]): Of `evaluate_babel`.
    """

    name: str
    detections: np.ndarray
    iou: np.ndarray
    metrics: dict[str, float]


def made_up_scores(
    truth: np.ndarray,
    num_classes: int,
    num_frames: int,
    dips: tuple[tuple[int, int], ...] = (),
    bumps: tuple[tuple[int, int, int], ...] = (),
) -> np.ndarray:
    """Frame probabilities as a network might give them.

    Args:
        truth (np.ndarray): Label, start, end, (num_segments, 3).
        num_classes (int): Without background.
        num_frames (int): T.
        dips (tuple): (start, end) where the background wins for a moment.
        bumps (tuple): (label, start, end) where another class stirs.

    Returns:
        np.ndarray: (T, num_classes + 1), background last.
    """
    labels = paint_segments(truth[:, 1:], truth[:, 0], num_frames, num_classes)
    logits = 7.5 * np.eye(num_classes + 1)[labels]
    logits[:, -1] += 0.5
    for start, end in dips:
        logits[start:end, -1] += 13.0
    for label, start, end in bumps:
        logits[start:end, label] += 6.6
    kernel = np.hanning(11) / np.hanning(11).sum()
    padded = np.pad(logits, ((5, 5), (0, 0)), mode='edge')
    logits = np.stack(
        [np.convolve(column, kernel, 'valid') for column in padded.T], 1
    )
    rng = np.random.default_rng(1)
    logits += 0.25 * rng.standard_normal(logits.shape)
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def read_scores(scores: np.ndarray) -> list[Reading]:
    """Arg-max runs, runs of smoothed scores, and the threshold sweep.

    Args:
        scores (np.ndarray): (T, num_classes + 1).

    Returns:
        list[Reading]: In that order.
    """
    found = {
        'runs': run_detections(scores),
        'runs, smoothed': run_detections(smooth_frames(scores, FPS + 1)),
        'sweep': babel_detections(scores, convention='clean'),
    }
    readings = []
    for name, rows in found.items():
        iou = segment_iou(rows[:, 1:3], TRUTH[:, 1:])
        iou[rows[:, :1] != TRUTH[:, 0]] = 0
        metrics = evaluate_babel(
            {'video': rows}, {'video': TRUTH}, len(CLASSES), (0.5,), CLASSES
        )
        readings.append(Reading(name, rows, iou.max(axis=1), metrics))
    return readings


def draw_bar(
    ax: Axes, y: float, row: np.ndarray, words: str, style: ClassStyle
) -> None:
    """A segment as a bar of `ROW_IN`, words inside where they fit.

    Args:
        ax (Axes): Of `sheet.new_sheet`.
        y (float): Inches from the top, upper edge.
        row (np.ndarray): Label, start, end, perhaps more.
        words (str): What it says.
        style (ClassStyle): Look of its class.
    """
    left, right = (LEFT_IN + WIDE_IN * row[i] / T for i in (1, 2))
    ax.add_patch(
        Rectangle(
            (left, y),
            right - left,
            ROW_IN - 0.06,
            facecolor=style.color,
            edgecolor='white',
            lw=0.8,
        )
    )
    if words and right - left > 0.068 * len(words):
        place = (left + right) / 2, y + ROW_IN / 2 - 0.03
        write(ax, *place, words, SMALL, style.ink)


def _curves(figure: Figure, top: float, scores: np.ndarray) -> None:
    ax = add_axes_in(figure, LEFT_IN, top, WIDE_IN, 1.15, 'scores')
    seconds = np.arange(T) / FPS
    ax.axhspan(0.03, 0.05, color='#E0E0E0', lw=0)
    for label in range(len(CLASSES)):
        style = class_style(label)
        ax.plot(
            seconds,
            scores[:, label],
            color=style.color,
            lw=1.5,
            ls=style.line,
        )
    ax.plot(seconds, scores[:, -1], color=BACKGROUND_COLOR, lw=1.0)
    ax.set_xlim(0, T / FPS)
    ax.set_yscale('log')
    ax.set_ylim(2e-4, 1.6)
    ax.set_yticks([1, 0.1, 0.01, 0.001], ['1', '0.1', '0.01', '0.001'])
    ax.minorticks_off()
    ax.tick_params(labelsize=SMALL)
    ax.set_xticks(range(0, T // FPS + 1))
    ax.set_xlabel('seconds', size=SMALL, color=FAINT_INK, labelpad=1)


def _precision_recall(
    figure: Figure, top: float, readings: list[Reading]
) -> None:
    left = LEFT_IN
    for reading in readings:
        ax = add_axes_in(figure, left, top, 1.25, 0.95, 'curve')
        curve = precision_recall_curves(
            {'video': reading.detections},
            {'video': TRUTH},
            len(CLASSES),
            0.5,
        )[2]
        _draw_curve(ax, curve)
        ap = reading.metrics['AP@0.50/wave']
        ax.set_title(
            f'{reading.name}: AP {ap:.2f}', size=PLAIN, color=INK, pad=4
        )
        if left > LEFT_IN:
            ax.set_yticklabels([])
        else:
            ax.set_ylabel('precision', size=SMALL, color=FAINT_INK)
        ax.set_xlabel('recall', size=SMALL, color=FAINT_INK, labelpad=1)
        left += 1.75


def _draw_curve(ax: Axes, curve: PrecisionRecall) -> None:
    style = class_style(2)
    recall = np.r_[0, curve.recall]
    envelope = np.r_[curve.envelope, 0][: len(curve.recall)]
    ax.fill_between(
        recall,
        np.r_[envelope[:1], envelope],
        step='pre',
        color=style.color,
        alpha=0.25,
        lw=0,
    )
    ax.plot(
        curve.recall,
        curve.precision,
        'o-',
        color=style.color,
        ms=4,
        lw=1.2,
        clip_on=False,
    )
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_xticks([0, 0.5, 1], ['0', '0.5', '1'])
    ax.set_yticks([0, 0.5, 1], ['0', '0.5', '1'])
    ax.tick_params(labelsize=SMALL)


def draw_segments() -> Figure:
    """Scores, three readings with their IoU, precision over recall.

    Returns:
        Figure: The drawing.
    """
    scores = made_up_scores(TRUTH, len(CLASSES), T, DIPS, BUMPS)
    readings = read_scores(scores)
    figure, ax = new_sheet(5.4)
    _legend(ax)
    y = 0.42
    write(ax, LEFT_IN - 0.12, y + 0.12, 'truth', PLAIN, ha='right')
    for row in TRUTH:
        style = class_style(int(row[0]))
        draw_bar(ax, y, row, CLASSES[row[0]], style)
    _curves(figure, 0.8, scores)
    write(ax, 0.55, 1.38, 'frame\nscores', PLAIN)
    write(
        ax,
        6.12,
        1.42,
        'thresholds\nof the sweep\n0.03 to 0.05',
        SMALL,
        FAINT_INK,
        ha='left',
    )
    y = 2.42
    write(ax, 6.12, y - 0.02, 'mAP@0.50', SMALL, FAINT_INK, ha='left')
    for reading in readings:
        y += 0.07
        write(ax, LEFT_IN - 0.12, y + 0.12, reading.name, PLAIN, ha='right')
        ax.plot(
            [LEFT_IN, LEFT_IN + WIDE_IN], [y + 0.3] * 2, color=RULE, lw=0.6
        )
        for row, iou in zip(reading.detections, reading.iou):
            style = class_style(int(row[0]))
            draw_bar(ax, y, row, f'{iou:.2f}', style)
        mean = reading.metrics['mAP@0.50']
        write(ax, 6.12, y + 0.12, f'{mean:.2f}', PLAIN, ha='left', bold=True)
        y += ROW_IN
    write(
        ax,
        LEFT_IN,
        y + 0.12,
        'numbers in bars: IoU with the truth of their class',
        SMALL,
        FAINT_INK,
        ha='left',
    )
    write(ax, 0.55, y + 0.95, 'wave,\nIoU 0.5', PLAIN)
    _precision_recall(figure, y + 0.45, readings)
    return figure


def _legend(ax: Axes) -> None:
    x = LEFT_IN
    for label, name in enumerate((*CLASSES, 'background')):
        color, line = BACKGROUND_COLOR, '-'
        if label < len(CLASSES):
            color, line = class_style(label).color, class_style(label).line
        ax.plot([x, x + 0.3], [0.2, 0.2], color=color, lw=2, ls=line)
        write(ax, x + 0.38, 0.2, name, PLAIN, ha='left')
        x += 1.0
