"""All pictures of an evaluation: curves, bars, errors, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mmsnip.evaluation import (
    ErrorReport,
    diagnose_errors,
    evaluate_activitynet,
)
from mmsnip.evaluation.average_precision import (
    check_same_names,
    class_names,
    iou_key,
    mean_of_defined,
)
from mmsnip.evaluation.diagnosis import (
    KINDS,
    PrecisionRecall,
    mean_curve,
    precision_recall_curves,
)
from mmsnip.evaluation.framewise import frame_confusion
from mmsnip.evaluation.protocols import (
    check_protocol,
    count_classes,
    counted_truth,
    paint_videos,
    propose,
)
from mmsnip.structures import DataError
from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    PRINT_DPI,
    PRINT_IN,
    class_fill,
    class_style,
    dress,
    fit_text,
    name_rows,
    new_figure,
    percent,
    put_heading,
    put_legend,
    relative_luminance,
    save_figure,
    text_width_in,
)

MAX_CURVES = 12
# Told apart by lightness as well: dark, light, middle, in turn.
KIND_COLORS = (
    '#0B4F7A', '#9FD3F2', '#D98300', '#F7D98B', '#A8437E', '#C9C9C9',
)  # fmt: skip
# One hue from light to dark reads alike with and without colour vision.
SHADES = LinearSegmentedColormap.from_list(
    'shades', colormaps['Blues'](np.linspace(0, 1, 256))[:236]
)
EMPTY = '#F2EBDD'


def draw_diagnosis(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    iou_threshold: float = 0.5,
    iou_thresholds: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5),
) -> dict[str, Figure]:
    """Four pictures of a whole evaluation.

    Detections are those of the evaluation's first way to propose segments;
    they are matched as ActivityNet and BABEL do, whatever the protocol.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1),
            background last; at least one video.
        truth (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3), of the same videos.
        classes (Sequence[str], optional): Names; None numbers them.
        settings (Mapping, optional): How the scores were evaluated:
            ``protocol``, ``proposals`` and ``convention``, as ``mmsnip test
            --dump-scores`` keeps them.
        iou_threshold (float): Of curves and errors.
        iou_thresholds (Sequence[float]): Of the bars of AP.

    Returns:
        dict[str, Figure]: ``precision_recall``, ``class_ap``, ``errors`` and
        ``confusion``.

    Raises:
        ValueError: If there is no video, videos differ between `scores` and
            `truth`, or an array is malformed; the video is named.
    """
    if not scores:
        raise DataError('there is no video to diagnose; give at least one')
    check_same_names(scores, truth, 'scores and truth')
    num_classes = count_classes(scores)
    names = [str(name) for name in class_names(classes, num_classes)]
    settings = dict(settings or {})
    protocol = settings.get('protocol', 'babel')
    convention = settings.get('convention', 'official')
    ways = settings.get('proposals') or ('sweep',)
    ways = check_protocol(protocol, ways, None, convention)
    way, given = next(iter(ways.items()))
    found = propose(scores, way, **{'convention': convention, **given})
    counted = counted_truth(truth, protocol, convention)
    curves = precision_recall_curves(
        found, counted, num_classes, iou_threshold
    )
    levels = tuple(iou_thresholds)
    report = evaluate_activitynet(found, counted, num_classes, levels, names)
    ap = [
        [report[f'AP@{iou_key(level)}/{name}'] for name in names]
        for level in levels
    ]
    num_truth = [curve.num_truth for curve in curves]
    best = {video: array.argmax(axis=1) for video, array in scores.items()}
    painted = paint_videos(truth, scores, num_classes)
    return {
        'precision_recall': draw_precision_recall(
            curves, names, iou_threshold
        ),
        'class_ap': draw_class_ap(np.array(ap), levels, names, num_truth),
        'errors': draw_errors(
            diagnose_errors(found, counted, num_classes, (iou_threshold,))
        ),
        'confusion': draw_confusion(
            frame_confusion(best, painted, num_classes), names
        ),
    }


def save_pictures(
    figures: Mapping[str, Figure], folder: str | Path, ending: str = 'png'
) -> list[Path]:
    """Write pictures under their names.

    Args:
        figures (Mapping[str, Figure]): Answer of `draw_diagnosis`.
        folder (str | Path): Folder, made where missing.
        ending (str): Of the files: ``png``, ``pdf`` or ``svg``.

    Returns:
        list[Path]: Files written.
    """
    return [
        save_figure(figure, Path(folder) / f'{name}.{ending}')
        for name, figure in figures.items()
    ]


def _print_figure(height_in: float, width_in: float = PRINT_IN) -> Figure:
    return new_figure(width_in, height_in, PRINT_DPI, layout='constrained')


def draw_precision_recall(
    curves: Sequence[PrecisionRecall],
    classes: Sequence[str],
    iou_threshold: float = 0.5,
) -> Figure:
    """Interpolated curves, AP in the legend; of many classes some."""
    ap = np.array([curve.ap for curve in curves])
    present = shown = np.flatnonzero(~np.isnan(ap))
    if len(present) > MAX_CURVES:
        order = present[np.argsort(ap[present], kind='stable')]
        half = MAX_CURVES // 2
        shown = np.sort(np.r_[order[:half], order[-half:]])
    figure = _print_figure(4.2)
    ax = figure.subplots()
    ax.set_label('curves')
    handles = []
    for index in shown.tolist():
        curve, style = curves[index], class_style(index)
        hits = np.flatnonzero(np.diff(np.r_[0.0, curve.recall]) > 0)
        recall = np.r_[0.0, curve.recall[hits]]
        height = curve.envelope[np.r_[hits[:1], hits]] if len(hits) else [0.0]
        look = dict(color=style.color, ls=style.line)
        gid = f'class {index}'
        ax.plot(recall, height, drawstyle='steps-pre', lw=1.4, gid=gid, **look)
        ax.plot(
            recall[-1], height[-1], 'o', color=style.color, ms=3, gid='end'
        )
        name = fit_text(figure, str(classes[index]), 8.0, 1.75)
        name += f'  {percent(curve.ap)}  (n = {curve.num_truth})'
        handles.append(Line2D([], [], lw=1.6, label=name, **look))
    recall = np.linspace(0, 1, 201)
    look = dict(color=INK, lw=2.2, ls=(0, (1, 1)))
    mean = mean_curve(list(curves), recall)
    ax.plot(recall, mean, gid='mean', zorder=3, **look)
    total = sum(curve.num_truth for curve in curves)
    name = f'mean of classes  {percent(mean_of_defined(ap))}  (n = {total})'
    handles.append(Line2D([], [], label=name, **look))
    ax.set(xlim=(-0.01, 1.02), ylim=(-0.01, 1.03), box_aspect=1)
    dress(ax, 'both', xlabel='recall', ylabel='precision')
    heading = f'AP (%) at IoU {iou_key(iou_threshold)}'
    if len(shown) < len(present):
        heading += f'; best and worst {len(shown) // 2} of '
        heading += f'{len(present)} classes drawn'
    put_heading(figure, heading)
    place = dict(bbox_to_anchor=(1.04, 1), handlelength=2.2)
    put_legend(ax, handles, 'upper left', **place)
    return figure


def draw_class_ap(
    ap: np.ndarray,
    iou_thresholds: Sequence[float],
    classes: Sequence[str],
    num_truth: Sequence[int],
) -> Figure:
    """Bars of the mean AP over thresholds, the best class on top."""
    means = np.array([mean_of_defined(column) for column in ap.T])
    order = np.argsort(-np.nan_to_num(means, nan=-1.0), kind='stable')
    figure = _print_figure(0.85 + 0.2 * len(order))
    ax = figure.subplots()
    ax.set_label('bars')
    notes = []
    for row, index in enumerate(order.tolist()):
        mean = means[index]
        width = 0.0 if np.isnan(mean) else 100 * mean
        fill = class_fill(index)
        ax.barh(row, width, height=0.62, gid=f'class {index}', **fill)
        if len(ap) > 1 and not np.isnan(mean):
            for gid, color, wide in (
                ('halo', 'white', 2.2),
                ('marks', INK, 0.9),
            ):
                look = dict(ls='none', marker='|', ms=7, mew=wide)
                rows = np.full(len(ap), row)
                values = 100 * ap[:, index]
                ax.plot(
                    values, rows, color=color, gid=gid, clip_on=False, **look
                )
        note = f'{percent(mean):>5}  n = {num_truth[index]}'
        notes.append('no ground truth' if np.isnan(mean) else note)
    names = [fit_text(figure, classes[c], 9.0, 2.4) for c in order]
    ax.set_xlim(0, 100)
    dress(ax, 'x', sides=['bottom'], xlabel='AP (%)')
    name_rows(ax, names)
    beside = ax.secondary_yaxis('right')
    beside.set_yticks(range(len(notes)), notes, size=8, color=FAINT_INK)
    dress(beside, sides=())
    heading = f'mAP (%) {percent(mean_of_defined(means))} at IoU '
    ends = (iou_thresholds[0], iou_thresholds[-1])
    heading += ' to '.join(dict.fromkeys(map(iou_key, ends)))
    heading += '; bar: mean, marks: each threshold' if len(ap) > 1 else ''
    put_heading(figure, heading)
    return figure


def draw_errors(report: ErrorReport) -> Figure:
    """Error breakdown of the best detections beside the gain of removal."""
    figure = _print_figure(3.4)
    profile, gains = figure.subplots(1, 2, width_ratios=(3.55, 1.9))
    profile.set_label('profile')
    gains.set_label('gains')
    shares = 100 * np.nan_to_num(report.shares)
    place, foot = np.arange(len(shares)), np.zeros(len(shares))
    for kind, color, part in zip(KINDS, KIND_COLORS, shares.T):
        look = dict(color=color, ec='white', lw=0.5, gid=kind)
        profile.bar(place, part, 0.84, bottom=foot, **look)
        foot += part
    for group in np.flatnonzero(report.counts.sum(axis=1) == 0):
        profile.text(
            group, 2, 'none', size=7, color=INK, ha='center', gid='none'
        )
    dress(
        profile,
        'y',
        xlabel='detections by rank; G: true segments of the class',
        ylabel='share (%)',
    )
    profile.set(xlim=(-0.6, len(shares) - 0.4), ylim=(0, 100))
    profile.set_xticks(place, [f'{i + 1}G' for i in place])
    values = 100 * np.asarray(report.gains)
    heights = np.nan_to_num(values)
    bars = gains.bar(KINDS[1:], heights, 0.8, color=KIND_COLORS[1:])
    texts = ['n/a' if np.isnan(v) else f'{v:.1f}' for v in values]
    gains.bar_label(bars, texts, padding=2, size=8, color=INK)
    dress(
        gains, 'y', xlabel='kind of error removed', ylabel='mAP gain (points)'
    )
    gains.set(xticks=[], ylim=(0, max(1.0, 1.16 * heights.max())))
    put_heading(
        figure,
        f'False positives at IoU {iou_key(report.iou_thresholds[0])}; '
        f'normalized mAP (%) of these detections {percent(report.mean_ap)}',
    )
    handles = [Patch(color=c, label=k) for c, k in zip(KIND_COLORS, KINDS)]
    put_legend(figure, handles, 'outside lower left', ncols=len(KINDS))
    return figure


def draw_confusion(
    counts: np.ndarray,
    classes: Sequence[str],
) -> Figure:
    """Row-normalised matrix, true class by row, the background last."""
    names = [*map(str, classes), 'background']
    n = len(names)
    measure = new_figure(PRINT_IN, 1.0, PRINT_DPI)
    size = 8.0 if n <= 26 else 6.5
    names = [fit_text(measure, name, size, 1.5) for name in names]
    name_in = max(text_width_in(measure, name, size) for name in names)
    cell_in = max(min((5.2 - name_in) / n, 0.75), 0.135)
    upright = name_in < cell_in - 0.06
    height_in = cell_in * n + (0.2 if upright else name_in) + 0.9
    width_in = max(cell_in * n + name_in + 1.9, 5.0)
    figure = _print_figure(height_in, width_in)
    ax = figure.subplots()
    ax.set_label('matrix')
    sums = counts.sum(axis=1)
    shares = counts / np.where(sums > 0, sums, np.nan)[:, None]
    ax.set_facecolor(EMPTY)
    image = ax.imshow(
        np.ma.masked_invalid(shares), cmap=SHADES, vmin=0, vmax=1
    )
    if cell_in >= 0.18:
        _write_cells(ax, counts, shares, cell_in)
    dress(ax, sides=(), size=size, xlabel='predicted', ylabel='true')
    ax.set_yticks(range(n), names, parse_math=False)
    turn = 0 if upright else 90
    ax.set_xticks(range(n), names, parse_math=False, rotation=turn)
    ax.tick_params(length=0)
    edges = np.arange(n + 1) - 0.5
    ax.vlines(edges, -0.5, n - 0.5, color='white', lw=0.6)
    ax.hlines(edges, -0.5, n - 0.5, color='white', lw=0.6)
    beside = ax.secondary_yaxis('right')
    totals = [f'{total:,}' for total in sums]
    beside.set_yticks(range(n), totals, size=size - 0.5, color=FAINT_INK)
    dress(beside, sides=(), size=size - 0.5)
    scale = figure.colorbar(image, ax=ax, shrink=min(1.6 / cell_in / n, 1))
    scale.set_ticks([0, 0.5, 1], labels=['0', '50', '100 %'], size=6.5)
    scale.outline.set_visible(False)
    if not sums.all():
        empty = Patch(color=EMPTY, label='no true frames')
        place = dict(bbox_to_anchor=(0, -0.08), fontsize=6.5)
        put_legend(scale.ax, [empty], 'upper left', **place)
    total = counts.sum()
    heading = 'Confusion of frames, % of the true class'
    if total:
        heading += f', {100 * np.trace(counts) / total:.1f} % right'
    put_heading(figure, f'{heading}; beside: number of frames')
    return figure


def _write_cells(
    ax: Axes, counts: np.ndarray, shares: np.ndarray, cell_in: float
) -> None:
    with_counts = cell_in >= 0.42
    centre = dict(ha='center', va='center_baseline')
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        # Below this luminance white letters have the higher contrast.
        dark = relative_luminance(to_hex(SHADES(share))) < 0.22
        ink = dict(color='white' if dark else INK, **centre)
        if with_counts or share >= 0.01:
            text = f'{100 * share:.0f}' if share >= 0.01 else '<1'
            size = 8 if with_counts else min(6.5, 28 * cell_in)
            lift = 0.14 if with_counts else 0
            ax.text(column, row - lift, text, size=size, gid='share', **ink)
        if with_counts:
            text = _compact_count(int(counts[row, column]))
            ax.text(column, row + 0.24, text, size=5.8, gid='count', **ink)


def _compact_count(count: int) -> str:
    """Count in at most four characters."""
    value, units = float(count), ['', 'k', 'M', 'G']
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    short = units[0] and value < 9.95
    return f'{value:.1f}{units[0]}' if short else f'{value:.0f}{units[0]}'
