"""Who did what when: truth over prediction, probabilities, poses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch, Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from mmsnip.evaluation.segments import run_detections
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.structures import DataError, Segments
from mmsnip.structures.errors import is_rate
from mmsnip.structures.files import safe_file_name
from mmsnip.visualization.canvas import (
    BACKGROUND_COLOR,
    BAND,
    COLORS,
    FAINT_INK,
    INK,
    WIDTH_IN,
    class_fill,
    class_style,
    dress,
    fit_text,
    new_figure,
    put_heading,
    put_legend,
    save_figure,
    text_width_in,
)
from mmsnip.visualization.pose import Poses, check_poses, draw_bodies, up_axis

BAR = 0.72  # of the height of a row
MAX_CURVES, MIN_PEAK = 12, 0.1
MAX_EXAMPLES = 8
_NAME_SIZE, _LEFT_IN, _LEAST_IN = 9.0, 1.35, 4.0
_ROW_IN, _STRIP_IN, _CURVES_IN = 0.46, 1.46, 1.5


def draw_timeline(
    ground_truth: np.ndarray | None,
    detections: np.ndarray | None,
    classes: Sequence[str],
    num_frames: int,
    fps: float | None = 30.0,
    scores: np.ndarray | None = None,
    poses: Poses | tuple[Any, ...] | None = None,
    title: str | None = None,
    figure_width_in: float = WIDTH_IN,
) -> Figure:
    """Timeline of one video, 100 pixels an inch.

    Args:
        ground_truth (np.ndarray | None): (num_segments, 3) label, start,
            end in frames; None leaves the row out.
        detections (np.ndarray | None): (num_detections, 4) label, start,
            end, score; of those that overlap the best are shown. None takes
            the arg-max runs of `scores`, or leaves the row out.
        classes (Sequence[str]): Names, one a label.
        num_frames (int): T, at least 1.
        fps (float, optional): Frames a second; None, not known: the axis
            counts frames.
        scores (np.ndarray | None): (T, num_classes + 1) probabilities,
            background last, drawn as curves.
        poses (Poses | tuple | None): Skeletons (M, T, V, C), their parents,
            and the axis that is up; drawn at the middles of the predicted
            segments, else of the true ones, else evenly spread.
        title (str | None): One line above the picture.
        figure_width_in (float): Width in inches, at least 4; letters keep
            their size, so that 7 fits two columns of a journal.

    Returns:
        Figure: With axes labelled ``segments``, ``pose`` and ``curves`` and
            a legend, unknown to pyplot; `save_figure` writes it.

    Raises:
        ValueError: If a shape, a label, T or fps does not fit; what was
            found and expected is named.
    """
    timed = fps is not None
    fps = fps if timed else 1.0
    axis = 'time (s)' if timed else 'frame'
    if int(num_frames) != num_frames or num_frames < 1 or not is_rate(fps):
        raise DataError(
            f'num_frames={num_frames!r} must be a whole number of at least '
            f'1 and fps={fps!r} positive and finite'
        )
    if not figure_width_in >= _LEAST_IN:
        raise ValueError(
            f'figure_width_in={figure_width_in!r} must be at least '
            f'{_LEAST_IN:g}'
        )
    T, num_classes = int(num_frames), len(classes)
    if scores is not None:
        scores = np.asarray(scores, dtype=np.float64)
        if scores.shape != (T, num_classes + 1):
            raise DataError(
                f'scores has shape {scores.shape}; expected (T, num_classes '
                f'+ 1) = ({T}, {num_classes + 1}), background last'
            )
        if detections is None:
            detections = run_detections(scores)
    rows = label_rows(ground_truth, detections, num_classes, T)
    if not rows:
        raise DataError(
            'ground_truth, detections and scores are all None; a timeline '
            'shows at least one of them'
        )
    shown = {int(label) for part in rows.values() for label in part[:, 0]}
    curves = [] if scores is None else _curve_classes(scores, shown)
    filled = [row for row, part in enumerate(rows.values()) if len(part)]
    picked: list[tuple[int, int]] = []
    width_in = figure_width_in - _LEFT_IN
    if poses is not None:
        poses = check_poses(poses, T)
        slot_in = 1.45 if len(poses.joints) > 1 else 0.92
        most = int(width_in // slot_in)
        if filled:
            posed = list(rows.values())[filled[-1]]
        else:
            edges = np.unique(np.linspace(0, T, most + 1).astype(np.int64))
            nothing = np.full(len(edges) - 1, -1)
            posed = np.stack([nothing, edges[:-1], edges[1:]], axis=1)
        picked = _pick_frames(posed, poses.body_mask, most)

    figure = new_figure(figure_width_in, 1.0, layout='constrained')
    heights = {'segments': _ROW_IN * len(rows)}
    heights |= {'poses': _STRIP_IN} if picked else {}
    heights |= {'curves': _CURVES_IN} if scores is not None else {}
    legend_in = put_classes(
        figure, classes, sorted(shown | set(curves)), scores is not None
    )
    extra_in = 0.75 + legend_in + (0.3 if title else 0.0)
    figure.set_size_inches(figure_width_in, sum(heights.values()) + extra_in)
    grid = figure.subplots(
        len(heights),
        sharex=True,
        squeeze=False,
        height_ratios=list(heights.values()),
    )
    axes = dict(zip(heights, grid[:, 0]))
    top = axes['segments']
    top.set_label('segments')
    for row, (name, part) in enumerate(rows.items()):
        at = row + (1 - BAR) / 2
        top.add_patch(Rectangle((0, at), T / fps, BAR, fc=BAND, lw=0))
        draw_bars(top, part, classes, fps, at, BAR, width_in * fps / T, name)
    top.set_xlim(0, T / fps)
    top.set_ylim(len(rows), 0)
    dress(top, sides=(), size=9)
    top.set_yticks(np.arange(len(rows)) + 0.5, list(rows), size=9.5)
    if picked:
        slot = slot_in / width_in
        row = [0, *filled][-1] + (1 + BAR) / 2
        strip = axes['poses']
        _draw_strip(strip, top, row, posed, picked, poses, fps, timed, slot)
        top.xaxis.tick_top()
        top.set_xlabel(axis, size=9, color=INK, loc='left')
        top.xaxis.set_label_position('top')
        top.tick_params(labeltop=True, labelbottom=False)
    if scores is not None:
        axes['curves'].set_label('curves')
        _draw_curves(axes['curves'], scores, curves, fps)
    if scores is not None or not picked:
        bottom = grid[-1, 0]
        bottom.set_xlabel(axis, size=9.5, color=INK)
        bottom.tick_params(labelbottom=True)
    most = min(12, int(width_in / 0.6))
    time_ticks(top, most)
    if title:
        put_heading(figure, title, 12)
    return figure


def draw_inspection(
    facts: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    out: str | Path,
) -> list[Path]:
    """Timelines of a file's odd videos and of some others, with bodies."""
    entries = dict(zip(facts['videos'], annotations))
    videos = {n: v for n, v in facts['videos'].items() if v['frames']}
    names = [n for n in videos if len(videos[n]['actions'])] or list(videos)
    spread = np.linspace(0, len(names) - 1, min(MAX_EXAMPLES, len(names)))
    odd = [name for name in facts['suspicious'] if name in videos]
    chosen = [*odd[: MAX_EXAMPLES // 2], *(names[round(i)] for i in spread)]
    written = []
    for name in list(dict.fromkeys(chosen))[:MAX_EXAMPLES]:
        video = videos[name]
        joints = np.asarray(entries[name]['keypoint'])[..., :3]
        found = (joints != 0).any(axis=-1)
        found |= ~found.any(axis=(0, 1))  # a centre is zero, never lost
        layout, poses = facts['layout'], None
        if layout is not None and layout.num_joints == joints.shape[2]:
            poses = Poses(
                np.where(found[..., None], joints, np.nan),
                layout.parents,
                facts['bodies']['up'] or 'auto',
                layout.joint_names,
                present_frames(np.nan_to_num(joints)),
            )
        kinds = dict.fromkeys(finding.kind for finding in video['findings'])
        rows = video['actions']
        figure = draw_timeline(
            rows[rows[:, 0] >= 0],
            None,
            facts['classes']['names'],
            video['frames'],
            video['fps'],
            poses=poses,
            title=': '.join([name, ', '.join(kinds)] if kinds else [name]),
        )
        path = Path(out, f'{safe_file_name(name)}.png')
        written.append(save_figure(figure, path))
    return written


def best_non_overlapping(detections: np.ndarray) -> np.ndarray:
    """Detections left when each yields to a better one, by start."""
    kept: list[np.ndarray] = []
    for row in detections[np.argsort(-detections[:, 3], kind='stable')]:
        if all(row[1] >= other[2] or row[2] <= other[1] for other in kept):
            kept.append(row)
    kept.sort(key=lambda row: row[1])
    return np.array(kept).reshape(-1, 4)


def label_rows(
    ground_truth: np.ndarray | None,
    detections: np.ndarray | None,
    num_classes: int,
    num_frames: int,
) -> dict[str, np.ndarray]:
    """Rows of bars, cut to the video: truth, and the best predictions."""
    given = {'ground truth': ground_truth, 'prediction': detections}
    rows = {}
    for name, array in given.items():
        if array is None:
            continue
        array = np.array(array, dtype=np.float64)
        if array.ndim == 2 and array.shape[1] > 2:
            array[:, 1:3] = array[:, 1:3].clip(0, num_frames)
            array = array[array[:, 2] > array[:, 1]]
        checked = Segments.of_rows(array, num_classes=num_classes, source=name)
        rows[name] = checked.rows
    if 'prediction' in rows:
        rows['prediction'] = best_non_overlapping(rows['prediction'])
    return rows


def draw_bars(
    ax: Axes,
    segments: np.ndarray,
    classes: Sequence[str],
    fps: float,
    top: float,
    height: float,
    in_per_s: float,
    gid: str = '',
) -> None:
    """Bars of segments, with the class name inside where it fits."""
    for label, start, end in segments[:, :3]:
        index = int(label)
        style, name = class_style(index), ' '.join(str(classes[index]).split())
        bar_in = (end - start) / fps * in_per_s
        look = {**class_fill(index), 'lw': 0 if style.hatch else 0.8}
        if not style.hatch:
            look['ec'] = 'white'
        if bar_in <= 0.06:
            # An outline or a hatch would swallow a bar of a few pixels.
            look.update(hatch='', ec=style.color, lw=0.8)
        spot = (start / fps, top), (end - start) / fps, height
        ax.add_patch(
            Rectangle(*spot, gid=gid, label=str(classes[index]), **look)
        )
        if text_width_in(ax.figure, name, _NAME_SIZE) + 0.16 >= bar_in:
            continue
        box = dict(fc=style.color, ec='none', pad=1.5) if style.hatch else None
        ax.text(
            (start + end) / 2 / fps,
            top + height / 2,
            name,
            size=_NAME_SIZE,
            color=style.ink,
            ha='center',
            va='center_baseline',
            parse_math=False,
            bbox=box,
        )


def time_ticks(ax: Axes, most: int = 12) -> None:
    """Round seconds, written out."""
    ax.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    ax.ticklabel_format(axis='x', useOffset=False, style='plain')


def put_classes(
    figure: Figure, classes: Sequence[str], indices: list[int], curves: bool
) -> float:
    """Legend of classes below the figure; answers its height in inches."""
    names = [fit_text(figure, classes[i], _NAME_SIZE, 2.6) for i in indices]
    handles: list[Any] = [Patch(**class_fill(i)) for i in indices]
    # Beyond twelve classes a colour returns with another line and hatch.
    with_lines = curves and any(i >= len(COLORS) for i in indices)
    if with_lines:
        lines = [class_style(i) for i in indices]
        lines = [Line2D([], [], color=s.color, ls=s.line) for s in lines]
        handles = list(zip(handles, lines))
    if curves:
        names.append('background')
        handles.append(Line2D([], [], color=BACKGROUND_COLOR, lw=0.9, ls='--'))
    if not names:
        return 0.0
    widest = max(text_width_in(figure, name, _NAME_SIZE) for name in names)
    room = figure.get_size_inches()[0] - 0.2
    columns = max(int(room / (widest + (0.95 if with_lines else 0.55))), 1)
    put_legend(
        figure,
        handles,
        'outside lower left',
        labels=names,
        ncols=min(columns, len(names)),
        fontsize=_NAME_SIZE,
        handler_map={tuple: HandlerTuple(ndivide=None)},
        handlelength=4.4 if with_lines else 1.8,
    )
    return 0.19 * -(-len(names) // columns) + 0.1


def _curve_classes(scores: np.ndarray, shown: set[int]) -> list[int]:
    """Classes whose probability curve is drawn: shown ones, then peaks."""
    peaks = np.nan_to_num(scores[:, :-1]).max(0)
    candidates = [
        c for c in range(len(peaks)) if c in shown or peaks[c] >= MIN_PEAK
    ]
    candidates.sort(key=lambda c: (c not in shown, -peaks[c]))
    return sorted(candidates[:MAX_CURVES])


def _draw_curves(
    ax: Axes, scores: np.ndarray, curves: Sequence[int], fps: float
) -> None:
    T, width = scores.shape
    centres_s = (np.arange(T) + 0.5) / fps
    marker = dict(marker='o' if T < 3 else None, ms=4)
    look = dict(color=BACKGROUND_COLOR, lw=0.9, ls='--')
    ax.plot(centres_s, scores[:, -1], label='background', **look, **marker)
    for index in curves:
        style = class_style(index)
        look = dict(color=style.color, lw=1.5, ls=style.line, **marker)
        ax.plot(centres_s, scores[:, index], gid=f'class {index}', **look)
    low, high = np.nanmin(scores, initial=0), np.nanmax(scores, initial=1)
    pad = 0.03 * (high - low)
    ax.set_ylim(low - pad, high + pad)
    if (low, high) == (0, 1):
        ax.set_yticks([0, 0.5, 1])
    dress(ax, 'both', size=9, ylabel='probability')
    if len(curves) < width - 1:
        note = f'curves of {len(curves)} of {width - 1} classes'
        ax.set_title(note, loc='right', size=8, color=FAINT_INK, pad=2)


def _pick_frames(
    segments: np.ndarray, body_mask: np.ndarray, max_poses: int
) -> list[tuple[int, int]]:
    """Longest segments that have a body, and the frame nearest the middle."""
    present = body_mask.any(0)
    picked = []
    for row, (_, start, end) in enumerate(segments[:, :3].astype(np.int64)):
        frames = np.flatnonzero(present[start:end])
        if len(frames):
            nearest = frames[np.abs(frames - (end - start - 1) / 2).argmin()]
            picked.append((row, int(start + nearest)))
    lengths = segments[:, 2] - segments[:, 1]
    picked.sort(key=lambda item: (-lengths[item[0]], item[1]))
    return sorted(picked[:max_poses], key=lambda item: item[1])


def spread_places(wanted: np.ndarray, width: float, slot: float) -> np.ndarray:
    """Centres as near as can be to `wanted` that keep a slot's distance."""
    steps = np.arange(len(wanted)) * slot
    # Pool adjacent violators: the nearest non-decreasing row.
    pools: list[tuple[float, int]] = []
    for value in wanted - steps:
        mean, count = float(value), 1
        while pools and pools[-1][0] > mean:
            last, size = pools.pop()
            mean = (mean * count + last * size) / (count + size)
            count += size
        pools.append((mean, count))
    places = np.repeat(*zip(*pools))
    low, high = slot / 2, width - slot / 2 - slot * (len(wanted) - 1)
    return np.clip(places, low, max(low, high)) + steps


def _draw_strip(
    strip: Axes,
    above: Axes,
    row: float,
    segments: np.ndarray,
    picked: list[tuple[int, int]],
    poses: Poses,
    fps: float,
    timed: bool,
    slot: float,
) -> None:
    """Poses in axes of their own, tied to their segments at ``row`` above."""
    strip.set_axis_off()
    strip.set_ylim(0, 1)
    end = strip.get_xlim()[1]
    middles = segments[[r for r, _ in picked], 1:3].mean(1) / fps
    places = spread_places(middles / end, 1.0, slot)
    up = up_axis(poses.joints, poses.up, poses.joint_names, poses.parents)
    pairs = mirror_pairs(poses.joint_names or ())
    boxes = []
    for (which, frame), place, middle in zip(picked, places, middles):
        label = int(segments[which, 0])
        color = BACKGROUND_COLOR if label < 0 else class_style(label).color
        ax = strip.inset_axes((place - slot / 2, 0.13, slot, 0.69))
        ax.set_label('pose')
        ax.set_axis_off()
        bodies = poses.joints[poses.body_mask[:, frame], frame]
        boxes.append((ax, *draw_bodies(ax, bodies, poses.parents, up, pairs)))
        foot = dict(size=8, color=FAINT_INK, ha='center', va='top')
        text = f'{(frame + 0.5) / fps:.2f} s' if timed else str(frame)
        strip.text(place * end, 0.1, text, **foot)
        link = ConnectionPatch(
            (middle, row),
            (place * end, 0.83),
            'data',
            'data',
            axesA=above,
            axesB=strip,
            color=color,
            lw=1.1,
            label='link',
        )
        link.set_in_layout(False)
        strip.figure.add_artist(link)
    shape = (0.69 * _STRIP_IN) / (1.45 if len(poses.joints) > 1 else 0.92)
    needs = [max(half[1], half[0] * shape, 1e-6) for _, _, half in boxes]
    usual = float(np.median(needs))
    for (ax, centre, _), need in zip(boxes, needs):
        y = 1.06 * max(need, usual)
        ax.set_xlim(centre[0] - y / shape, centre[0] + y / shape)
        ax.set_ylim(centre[1] - y, centre[1] + y)
