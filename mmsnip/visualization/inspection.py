"""Pictures of what is in a file of skeletons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mmsnip.io.inspect import SPREAD_LIMIT
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.structures import DataError
from mmsnip.visualization.canvas import (
    BAND,
    FAINT_INK,
    INK,
    WIDTH_IN,
    class_style,
    dress,
    fit_text,
    name_rows,
    new_figure,
    put_heading,
    put_legend,
    save_figure,
)
from mmsnip.visualization.pose import (
    LEFT_COLOR,
    RIGHT_COLOR,
    draw_bodies,
    up_axis,
)
from mmsnip.visualization.timeline import (
    BAR,
    draw_bars,
    put_classes,
    time_ticks,
)

MAX_TIMELINES, MAX_POSES, MAX_BODIES, MAX_ROWS = 12, 12, 20000, 120
# Dark, light and middle: told apart without colour as well.
SPLIT_COLORS = ('#333344', '#56B4E9', '#D55E00')
RANGE_COLOR, OK_COLOR, BAD_COLOR = '#0072B2', '#8A8A8A', '#D55E00'
_MAX_LANES, _MAX_DOTS, _COLUMNS, _CELL_IN = 3, 200, 4, 1.75


def draw_inspection(
    facts: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    out: str | Path,
) -> list[Path]:
    """Write every picture that the file has something for."""
    entries = dict(zip(facts['videos'], annotations))
    videos = facts['videos']
    usable = {name: video for name, video in videos.items() if video['frames']}
    classes, bodies = facts['classes'], facts['bodies']
    names = classes['names']
    figures = {}
    if len(names):
        figures['classes'] = draw_class_histogram(names, classes['counts'])
    if usable:
        splits = facts['split_videos'] or {}
        key = facts['time']  # frames, where the rate is unknown
        lengths = {
            split: [videos[n][key] for n in members if n in videos]
            for split, members in splits.items()
        }
        lengths = {
            split: values for split, values in lengths.items() if values
        }
        lengths = lengths or {'all': [v[key] for v in videos.values()]}
        figures['lengths'] = draw_length_histogram(
            names, classes[key], lengths
        )
        figures['timelines'] = draw_example_timelines(
            _example_videos(facts, usable, entries), names
        )
    examples = list(_example_poses(facts, usable, entries))
    if examples:
        V = examples[0].bodies.shape[1]
        layout: SkeletonLayout | None = facts['layout']
        if layout is not None and layout.num_joints != V:
            layout = None
        unit, up = bodies['unit'] or '', bodies['up'] or 'auto'
        joints, center = (
            [f'joint {v}' for v in range(V)],
            'the mean of the joints',
        )
        skeleton = ()
        if layout is not None:
            joints = layout.joint_names
            skeleton = (layout.parents, joints)
            center = ' and '.join(joints[v] for v in layout.origin)
        figures['poses'] = draw_example_poses(
            examples, *skeleton, up=up, unit=unit
        )
        sample = sample_bodies(annotations, V, layout)
        figures['joints'] = draw_joint_overview(
            np.nanpercentile(sample, (1, 25, 50, 75, 99), axis=0),
            bodies['lost_share'],
            bodies['bone_spread'],
            joints,
            facts['findings'],
            len(videos),
            f'{center}{f", in {unit}" if unit else ""}',
        )
    if facts['time'] == 'frames':
        for ax in (ax for figure in figures.values() for ax in figure.axes):
            ax.set_xlabel(ax.get_xlabel().replace('(s)', '(frames)'))
    return [
        save_figure(figure, Path(out) / f'{name}.png')
        for name, figure in figures.items()
    ]


def sample_bodies(
    annotations: Sequence[Mapping[str, Any]],
    V: int,
    layout: SkeletonLayout | None = None,
) -> np.ndarray:
    """Some bodies of a file, each against its own centre."""
    chosen = [entry.get('keypoint') for entry in annotations]
    chosen = [
        k for k in chosen if getattr(k, 'ndim', 0) == 4 and k.shape[2] == V
    ]
    C = min((k.shape[3] for k in chosen), default=3)
    frames = sum(k.shape[0] * k.shape[1] for k in chosen)
    stride = -(-frames // MAX_BODIES) if frames else 1
    parts, start = [np.zeros((0, V, C), np.float32)], 0
    for keypoint in chosen:
        rows = keypoint.reshape(-1, *keypoint.shape[2:])[start::stride, :, :C]
        start = (start - len(keypoint) * keypoint.shape[1]) % stride
        parts.append(rows.astype(np.float32))
    bodies = _without_lost(np.concatenate(parts))
    centre = bodies if layout is None else bodies[:, list(layout.origin)]
    mean = np.nanmean if layout is None else np.mean
    return bodies - mean(centre, axis=1, keepdims=True)


def _without_lost(bodies: np.ndarray) -> np.ndarray:
    """Bodies that are there; joints that are zero become NaN."""
    bodies = bodies[np.isfinite(bodies).all(axis=(1, 2))]
    bodies = bodies[(bodies != 0).any(axis=(1, 2))]
    found = (bodies != 0).any(axis=-1)
    found |= ~found.any(axis=0)
    return np.where(found[..., None], bodies, np.nan)


def _spread_out(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many items, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[round(place)] for place in places]


def _wide_figure(height_in: float) -> Figure:
    return new_figure(WIDTH_IN, height_in, layout='constrained')


def _put_splits(figure: Figure, splits: Sequence[str]) -> None:
    """Colours of the splits, above; none for ``all`` alone."""
    handles = [
        Patch(color=color, label=fit_text(figure, split, 9.0, 2.0))
        for color, split in zip(SPLIT_COLORS, splits)
    ]
    if list(splits) != ['all']:
        place = dict(ncols=len(handles), fontsize=9)
        put_legend(figure, handles, 'outside upper right', **place)


def _inner_ticks(ax: Axes, most: int, integer: bool = False) -> None:
    """Round ticks inside the limits of the x axis."""
    low, high = ax.get_xlim()
    ticks = MaxNLocator(most, integer=integer).tick_values(low, high)
    ax.set_xticks(ticks[(ticks >= low) & (ticks <= high)])


def draw_class_histogram(
    names: Sequence[str], counts: Mapping[str, np.ndarray]
) -> Figure:
    """Segments and frames of each class, side by side for the splits."""
    if not len(names):
        raise DataError('there is no class to count; give at least one')
    splits = [s for s in counts if s != 'all'][: len(SPLIT_COLORS)] or ['all']
    total = np.asarray(counts['all'])[:, 1]
    shown = np.argsort(-total, kind='stable')[:MAX_ROWS]
    row_in, thick = max(0.22, 0.13 * len(splits)), 0.84 / len(splits)
    figure = _wide_figure(1.3 + row_in * len(shown))
    axes = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(shown)) - 0.42 + 0.5 * thick
    for ax, (key, column) in zip(axes, (('segments', 1), ('frames', 2))):
        ax.set_label(key)
        largest = 1
        for n, split in enumerate(splits):
            values = np.asarray(counts[split])[shown, column]
            largest = max(largest, int(values.max()))
            look = dict(color=SPLIT_COLORS[n], height=thick * 0.92)
            bars = ax.barh(place + n * thick, values, **look)
            size = min(8.0, 68 * row_in * thick)
            texts = [f'{value:,}' for value in values]
            labels = ax.bar_label(bars, texts, padding=3, size=size)
            for label, value in zip(labels, values):
                # A class that a split lacks must not be overlooked.
                label.set_color(FAINT_INK if value else BAD_COLOR)
                label.set_weight('normal' if value else 'bold')
        ax.set_xlim(0, largest * 1.16)
        dress(ax, 'x', sides=['bottom'], size=9, xlabel=key)
        _inner_ticks(ax, 5, integer=True)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:,.0f}'))
    name_rows(axes[0], [fit_text(figure, names[c], 9.0, 2.4) for c in shown])
    heading = 'classes, the most frequent first'
    if len(names) > len(shown):
        heading += f' ({len(shown)} of {len(names)})'
    put_heading(figure, heading, 12)
    _put_splits(figure, splits)
    return figure


def draw_length_histogram(
    names: Sequence[str],
    seconds: Sequence[Sequence[float]],
    video_s: Mapping[str, Sequence[float]],
) -> Figure:
    """Lengths of videos as a histogram, of segments as a box a class."""
    splits = list(video_s)[: len(SPLIT_COLORS)]
    every = np.concatenate([np.asarray(video_s[s], float) for s in splits])
    if not len(every):
        raise DataError('there is no video to measure; give at least one')
    order = sorted(range(len(names)), key=lambda c: -len(seconds[c]))
    shown = [c for c in order if len(seconds[c])][:MAX_ROWS]
    heights = [1.7, 0.24 * len(shown)] if shown else [1.7]
    figure = _wide_figure(sum(heights) + 1.0 + 0.8 * len(heights))
    axes = figure.subplots(len(heights), squeeze=False, height_ratios=heights)
    axes = axes[:, 0]
    low, high = every.min(), every.max()
    far = high > 20 * max(low, 1e-9) and low > 0
    if high <= low:
        low, high = 0.5 * low, 1.5 * high + 1e-9
    num = int(np.clip(np.sqrt(len(every)) * 2, 8, 50))
    edges = (np.geomspace if far else np.linspace)(low, high, num + 1)
    for place, split in enumerate(splits):
        # An outline stays readable on the bars behind it.
        look = dict(histtype='step', lw=2.2)
        if not place:
            look = dict(histtype='stepfilled', alpha=0.8)
        axes[0].hist(video_s[split], edges, color=SPLIT_COLORS[place], **look)
    axes[0].set_label('videos')
    axes[0].yaxis.set_major_locator(MaxNLocator(4, integer=True))
    labels = dict(xlabel='length of videos (s)', ylabel='videos')
    dress(axes[0], 'y', sides=['bottom'], size=9, **labels)
    if far:
        _log_seconds(axes[0])
    if shown:
        _draw_boxes(axes[1], shown, seconds)
        name_rows(
            axes[1], [fit_text(figure, names[c], 9.0, 2.4) for c in shown]
        )
    put_heading(figure, 'lengths', 12)
    _put_splits(figure, splits)
    return figure


def _draw_boxes(
    ax: Axes, shown: Sequence[int], seconds: Sequence[Sequence[float]]
) -> None:
    ax.set_label('segments')
    for row, c in enumerate(shown):
        values, color = np.sort(np.asarray(seconds[c])), class_style(c).color
        few = len(values) <= 3
        low, first, middle, third, high = np.percentile(
            values, (0, 25, 50, 75, 100)
        )
        ax.hlines(row, low, high, color=color, lw=1.0, zorder=2)
        if not few:
            ax.barh(row, third - first, 0.62, first, color=color, zorder=3)
            edges = row - 0.31, row + 0.31
            ax.vlines(middle, *edges, color='white', lw=2, zorder=4)
        dots = values[:: -(-len(values) // _MAX_DOTS)]
        # The golden ratio spreads neighbours evenly over the row's height.
        offset = (np.arange(len(dots)) * 0.618034) % 1 - 0.5
        look = dict(color=color if few else INK, ms=9 if few else 3, mew=0)
        height = row + (0 if few else 0.7) * offset
        ax.plot(dots, height, '.', alpha=1 if few else 0.45, zorder=5, **look)
    dress(ax, 'x', sides=['bottom'], size=9, xlabel='length of segments (s)')
    note = 'segments: line shortest to longest, box quartiles, gap median'
    ax.set_title(note, loc='left', size=9, color=FAINT_INK)
    every = np.concatenate([np.asarray(seconds[c]) for c in shown])
    if every.max() > 20 * every.min():
        _log_seconds(ax)
    else:
        ax.set_xlim(0, every.max() * 1.04)


def _log_seconds(ax: Axes) -> None:
    def some(x: float, _: int) -> str:
        return f'{x:g}' if f'{x:e}'[0] in '25' else ''

    ax.set_xscale('log')
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:g}'))
    ax.xaxis.set_minor_formatter(FuncFormatter(some))
    ax.tick_params(axis='x', which='minor', labelsize=8, labelcolor=FAINT_INK)


def draw_joint_overview(
    ranges: np.ndarray,
    lost_share: np.ndarray,
    bone_spread: np.ndarray,
    names: Sequence[str],
    findings: Mapping[str, int],
    num_videos: int,
    center: str = 'the centre',
) -> Figure:
    """A row a joint; under them, how many videos are odd in which way."""
    V, C = ranges.shape[1:]
    heights = [0.21 * V] + ([0.26 * len(findings)] if findings else [])
    figure = _wide_figure(sum(heights) + 1.0 + 0.7 * len(heights))
    parts = figure.subfigures(
        len(heights), squeeze=False, height_ratios=np.add(heights, 0.9)
    )[:, 0]
    axes = parts[0].subplots(1, C + 2, sharey=True)
    rows = np.arange(V)
    for ax, title, (low, first, middle, third, high) in zip(
        axes, 'xyz', np.moveaxis(ranges, -1, 0)
    ):
        ax.hlines(rows, low, high, color=RANGE_COLOR, lw=1)
        ax.hlines(rows, first, third, color=RANGE_COLOR, lw=4.5)
        ax.plot(middle, rows, 'o', ms=4, mfc='white', mec=INK, mew=0.9)
        ax.axvline(0, color=FAINT_INK, lw=0.7, zorder=0)
        # A few far too large bodies must not squeeze all others.
        span = 3 * max(float(third.max() - first.min()), 1e-9)
        left = max(float(low.min()), float(first.min()) - span)
        right = min(float(high.max()), float(third.max()) + span)
        margin = 0.05 * max(right - left, 1e-9)
        ax.set_xlim(left - margin, right + margin)
        ax.set_title(title, size=9.5, color=INK)
    for ax, title, share, limit in (
        (axes[C], 'lost (% of bodies)', lost_share, 0.01),
        (axes[C + 1], 'bone varies by (%)', bone_spread, SPREAD_LIMIT),
    ):
        values = 100 * np.nan_to_num(share)
        bad = np.asarray(share) > limit
        colors = np.where(bad, BAD_COLOR, OK_COLOR)
        ax.barh(rows, values, height=0.66, color=colors)
        ax.set_xlim(0, max(values.max(initial=0) * 1.08, 1.0))
        ax.set_title(title, size=9.5, color=INK)
        if not values.any():
            text = 'unknown' if np.isnan(share).all() else 'none'
            look = dict(size=9, color=FAINT_INK, ha='center')
            ax.text(0.5, 0.5, text, transform=ax.transAxes, **look)
    for ax in axes:
        dress(ax, 'x', sides=['bottom'], size=9)
        _inner_ticks(ax, 1 if ax.texts else 4)
    name_rows(axes[0], [fit_text(figure, name, 9.0, 1.8) for name in names])
    put_heading(
        figure,
        f'joints: positions against {center}; line 1st to 99th percentile, '
        'bar quartiles, dot median',
        10,
    )
    if findings:
        ax = parts[1].subplots()
        ax.set_label('findings')
        counts = list(findings.values())
        bars = ax.barh(range(len(counts)), counts, 0.66, color=BAD_COLOR)
        shares = [100 * count / max(num_videos, 1) for count in counts]
        texts = [f'{n:,} ({x:.1f} %)' for n, x in zip(counts, shares)]
        ax.bar_label(bars, texts, padding=4, size=8, color=FAINT_INK)
        ax.set_xlim(0, max(counts) * 1.15)
        dress(ax, 'x', sides=['bottom'], size=9, xlabel='videos')
        _inner_ticks(ax, 6, integer=True)
        name_rows(ax, [fit_text(figure, kind, 9.0, 1.8) for kind in findings])
        ax.set_title('odd videos', loc='left', size=12, color=INK)
    return figure


def draw_example_timelines(
    videos: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> Figure:
    """True segments of videos, one row each, all to one scale of seconds."""
    if not videos:
        raise DataError('there is no video to draw; give at least one')
    figure = _wide_figure(1.0)
    labels = {int(c) for v in videos.values() for c in v['actions'][:, 0]}
    legend_in = put_classes(figure, classes, sorted(labels), False)
    figure.set_size_inches(WIDTH_IN, 1.2 + 0.42 * len(videos) + legend_in)
    ax = figure.subplots()
    ax.set_label('segments')
    longest_s = max(v['frames'] / v['fps'] for v in videos.values())
    for row, video in enumerate(videos.values()):
        fps, top = video['fps'], row + (1 - BAR) / 2
        length = video['frames'] / fps
        ax.add_patch(Rectangle((0, top), length, BAR, fc=BAND, lw=0))
        lanes = _lanes(video['actions'])
        height = BAR / len(lanes)
        for n, lane in enumerate(lanes):
            scale = (WIDTH_IN - 3.5) / longest_s
            draw_bars(ax, lane, classes, fps, top + n * height, height, scale)
        jumps = np.asarray(video['jumps']) / fps
        if len(jumps):
            look = dict(color=BAD_COLOR, ms=5, mew=0, clip_on=False)
            ax.plot(jumps, np.full(len(jumps), top), 'v', label='jump', **look)
        away = np.asarray(video['nobody'], dtype=np.int8)
        edges = np.flatnonzero(np.diff(np.pad(away, 1))).reshape(-1, 2) / fps
        for span in edges:
            look = dict(color=INK, lw=2.4, solid_capstyle='butt')
            ax.plot(span, [top + BAR + 0.06] * 2, label='nobody', **look)
    dress(ax, sides=['bottom'], size=9, xlabel='time (s)')
    ax.set_xlim(0, longest_s)
    ax.set_ylim(len(videos), 0)
    names = [fit_text(figure, name, 9.0, 3.0) for name in videos]
    rows = np.arange(len(names)) + 0.5
    ax.set_yticks(rows, names, size=9, parse_math=False)
    time_ticks(ax)
    notes = ['examples']
    if any(len(v['jumps']) for v in videos.values()):
        notes.append('triangle above: a jump')
    if any(np.any(v['nobody']) for v in videos.values()):
        notes.append('dark line below: nobody is there')
    put_heading(figure, '; '.join(notes), 11)
    return figure


def _lanes(actions: np.ndarray) -> list[np.ndarray]:
    """Segments that overlap in rows of their own, at most three."""
    lanes: list[list[np.ndarray]] = [[]]
    for row in actions:
        free = [lane for lane in lanes if not lane or lane[-1][2] <= row[1]]
        if free:
            free[0].append(row)
        elif len(lanes) < _MAX_LANES:
            lanes.append([row])
        else:
            lanes[-1].append(row)
    return [np.array(lane, dtype=float).reshape(-1, 3) for lane in lanes]


def _example_videos(
    facts: Mapping[str, Any],
    videos: Mapping[str, Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    labelled = [name for name, v in videos.items() if len(v['actions'])]
    chosen = {}
    for name in _spread_out(labelled or list(videos), MAX_TIMELINES):
        video = videos[name]
        actions = video['actions']
        keypoint = np.nan_to_num(entries[name]['keypoint'])
        chosen[name] = dict(
            frames=video['frames'],
            fps=video['fps'] if facts['time'] == 'seconds' else 1.0,
            actions=actions[actions[:, 0] >= 0],
            jumps=np.union1d(video['teleports'], video['joint_jumps']),
            nobody=~present_frames(keypoint).any(axis=0),
        )
    return chosen


class ExamplePose(NamedTuple):
    """Bodies of one frame, (M, V, C), and what is said of them."""

    caption: str
    source: str
    bodies: np.ndarray


def _example_poses(
    facts: Mapping[str, Any],
    videos: Mapping[str, Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
) -> Iterator[ExamplePose]:
    """The middle of a segment of usual length, for several classes."""
    names = facts['classes']['names']
    by_class: dict[int, list[tuple[int, int, str]]] = {}
    # A video whose bodies are no good is no example, if there are others.
    bad = {'NaN or infinity', 'body size', 'empty'}
    sound = {
        name: video
        for name, video in videos.items()
        if not bad & {finding.kind for finding in video['findings']}
    }
    videos = sound or videos
    for name, video in videos.items():
        for label, start, end in video['actions'].tolist():
            if label >= 0:
                row = (end - start, (start + end) // 2, name)
                by_class.setdefault(label, []).append(row)
    picked = []
    for label in _spread_out(sorted(by_class), MAX_POSES):
        rows = sorted(by_class[label])
        picked.append((names[label], *rows[len(rows) // 2][1:]))
    if not by_class:
        for name in _spread_out(list(videos), MAX_POSES):
            share = max(MAX_POSES // len(videos), 1)
            for k in range(share):
                frame = (2 * k + 1) * videos[name]['frames'] // (2 * share)
                picked.append(('', frame, name))
    V = None
    for caption, frame, name in picked[:MAX_POSES]:
        keypoint = entries[name]['keypoint'][..., :3]
        whole = np.isfinite(keypoint).all(axis=(2, 3))
        seen = np.flatnonzero((present_frames(keypoint) & whole).any(axis=0))
        if not len(seen) or keypoint.shape[-1] not in (2, 3):
            continue
        if V is not None and keypoint.shape[2] != V:
            continue
        V = keypoint.shape[2]
        frame = int(seen[np.abs(seen - frame).argmin()])
        bodies = _without_lost(keypoint[:, frame].astype(np.float32))
        source = f'{name}, frame {frame}'
        if videos[name]['fps']:
            source = f'{name}, {frame / videos[name]["fps"]:.2f} s'
        yield ExamplePose(caption, source, bodies)


def draw_example_poses(
    examples: Sequence[ExamplePose],
    parents: Sequence[int] | None = None,
    joint_names: Sequence[str] | None = None,
    up: str = 'auto',
    unit: str = '',
) -> Figure:
    """Bodies in a grid; in 3D each from the front and from the side."""
    if not examples:
        raise DataError('there is no pose to draw; give at least one')
    bodies = np.concatenate([e.bodies for e in examples])
    C = bodies.shape[-1]
    axis = up_axis(np.nan_to_num(bodies), up, joint_names, parents)
    views = (('front', 0.0), ('side', 90.0))[: C - 1]
    num_rows = -(-len(examples) // _COLUMNS)
    figure = _wide_figure(0.5 + num_rows * (_CELL_IN + 0.5))
    cells = figure.subfigures(num_rows, _COLUMNS, squeeze=False)
    pairs = mirror_pairs(joint_names) if joint_names else ()
    drawn = []
    for cell, example in zip(cells.flat, examples):
        axes = cell.subplots(1, len(views), squeeze=False)[0]
        for ax, (label, turn_deg) in zip(axes, views):
            ax.set_label(label)
            ax.set_axis_off()
            body = draw_bodies(
                ax, example.bodies, parents, axis, pairs, turn_deg, 0.6
            )
            drawn.append((ax, *body))
        text = f'{fit_text(figure, example.caption, 9.5, 2.6)}\n'
        text += fit_text(figure, example.source, 8.5, 2.6)
        cell.supxlabel(text, size=8.5, color=INK, parse_math=False)
    shape = np.array([(WIDTH_IN / _COLUMNS - 0.2) / len(views), _CELL_IN])
    needed = [max(half / shape) for _, _, half in drawn]
    # One giant must not shrink all others; it is cut off.
    scale = max(min(max(needed), 2.0 * np.median(needed)) * 1.06, 1e-9)
    for ax, (x, y), _ in drawn:
        wide, tall = scale * shape
        ax.set_xlim(x - wide, x + wide)
        ax.set_ylim(y - tall, y + tall)
    _ruler(drawn[0][0], 2 * scale * _CELL_IN, unit)
    sign = '-' if axis[1] < 0 else ''
    words = f'poses: up is {sign}{"xyz"[axis[0]]}; all at one scale'
    words += '; from the front and from the side' if C == 3 else ''
    put_heading(figure, words, 11)
    if pairs:
        sides = dict(left=LEFT_COLOR, right=RIGHT_COLOR)
        handles = [Patch(color=c, label=side) for side, c in sides.items()]
        place = dict(ncols=2, fontsize=9)
        put_legend(figure, handles, 'outside upper right', **place)
    return figure


def _ruler(ax: Axes, height: float, unit: str) -> None:
    """A bar of a round length at the left of the first pose."""
    power = 10.0 ** np.floor(np.log10(height / 3))
    length = max(f * power for f in (1, 2, 5) if f * power <= height / 3)
    x, foot = ax.get_xlim()[0], ax.get_ylim()[0] + 0.06 * height
    look = dict(color=FAINT_INK, lw=2, solid_capstyle='butt', clip_on=False)
    ax.plot([x, x], [foot, foot + length], label='scale', **look)
    spot = dict(xytext=(4, 0), textcoords='offset points', rotation=90)
    text = f'{length:g} {unit}'.strip()
    look = dict(size=8, color=FAINT_INK, va='center')
    ax.annotate(text, (x, foot + length / 2), **spot, **look)
