"""From a result file to one HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mmsnip
from mmsnip.evaluation.diagnosis import ERRORS
from mmsnip.report.annotated import Annotated, open_annotated, read_recording
from mmsnip.report.bodies import Bodies
from mmsnip.report.compression import pack_poses, pack_scores
from mmsnip.report.document import make_page
from mmsnip.report.look import KINDS, class_looks
from mmsnip.report.numbers import (
    compute_metrics,
    has_several_ious,
    metric_tables,
    plain_map,
)
from mmsnip.report.results import Results, load_results
from mmsnip.report.videos import Video, gather_videos, truth_of, video_entry
from mmsnip.structures.files import draft_of

__all__ = ['Options', 'build_report']

MAX_CURVES = 12
MAX_POINTS = 1500  # of a curve
SHOWN_SCORE = 0.2  # a class whose score never reaches it has no curve


@dataclass(frozen=True)
class Options:
    """How a report is made.

    Args:
        recordings (str | os.PathLike[str], optional): Folder of skeleton
            files that the videos are called after.
        score_threshold (float, optional): Least score of a prediction.
        max_videos (int, optional): Keep as many videos, the worst ones.
        skeleton_fps (float): Frames per second that the page keeps at most.
        skeleton_mb (float): Megabytes (10^6 bytes of text) of all skeletons
            that the page keeps at most.
        title (str, optional): Heading of the page.
    """

    recordings: str | os.PathLike[str] | None = None
    score_threshold: float | None = None
    max_videos: int | None = None
    skeleton_fps: float = 15.0
    skeleton_mb: float = 40.0
    title: str | None = None


def build_report(
    results_path: str | os.PathLike[str],
    ann_path: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    options: Options | None = None,
) -> dict[str, Any]:
    """Write the page.

    Args:
        results_path (str | os.PathLike[str]): See `load_results`.
        ann_path (str | os.PathLike[str], optional): Annotation file.
        out (str | os.PathLike[str]): HTML file; folders are made.
        options (Options, optional): None takes the defaults.

    Returns:
        dict[str, Any]: ``videos``, ``skeletons`` and ``bytes``, and
        ``notes`` as the page has them.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is refused; file, key, found and expected are
            named.
    """
    options = options or Options()
    annotated = open_annotated(ann_path)
    known = (None, None)
    if annotated is not None:
        known = (annotated.classes, annotated.fps)
    results = load_results(results_path, *known)
    videos, notes = gather_videos(results, annotated, options.score_threshold)
    if not videos:
        raise ValueError(
            f'{results.path}: found no video; expected at least one'
        )
    classes = results.classes or []
    entries = [video_entry(video, len(classes)) for video in videos]
    metrics, origin = _metrics(results, videos, classes)
    order = sorted(
        range(len(videos)),
        key=lambda i: (-(entries[i]['error'] or 0), videos[i].name),
    )
    if options.max_videos is not None and options.max_videos < len(order):
        notes.append(
            f'Only the {options.max_videos} worst of {len(order)} videos '
            'are shown; the metrics count all.'
        )
        order = order[: options.max_videos]
    videos = [videos[i] for i in order]
    entries = [entries[i] for i in order]
    packed, topologies, told = _skeletons(videos, annotated, options)
    notes = [*results.notes, *notes, *told]
    blobs: dict[str, str] = {}
    for place, (video, entry) in enumerate(zip(videos, entries)):
        if packed[place] is not None:
            entry['poses'] = packed[place]
            blobs[f'poses-{place}'] = entry['poses'].pop('data')
        if video.scores is not None:
            entry['scores'] = _curves(video)
            blobs[f'scores-{place}'] = entry['scores'].pop('data')
    strides = {e['scores']['stride'] for e in entries if 'scores' in e}
    if strides - {1}:
        notes.append(
            f'Score curves of long videos keep one frame in {max(strides)}, '
            f'or more: at most {MAX_POINTS} points a curve.'
        )
    document = dict(
        title=options.title or f'Report of {Path(results.path).name}',
        version=mmsnip.__version__,
        source=dict(name=Path(results.path).name, kind=results.kind),
        annotations=None if annotated is None else Path(ann_path).name,
        settings={
            key: str(results.settings[key])
            for key in ('protocol', 'convention', 'label_rule')
            if results.settings.get(key)
        },
        predictions=_what_is_shown(results, options),
        notes=notes,
        classes=list(classes),
        looks=class_looks(len(classes)),
        kinds=KINDS,
        errors=list(ERRORS),
        metrics=metric_tables(metrics, classes),
        metrics_origin=origin,
        topologies=topologies,
        videos=entries,
    )
    page = make_page(document, blobs)
    with draft_of(out) as draft:
        draft.write_text(page, encoding='utf-8')
    return dict(
        videos=len(videos),
        skeletons=sum(each is not None for each in packed),
        bytes=len(page.encode('utf-8')),
        notes=notes,
    )


def _metrics(
    results: Results, videos: Sequence[Video], classes: Sequence[str]
) -> tuple[dict[str, float], str]:
    """Metrics of the file, else computed where the truth is known."""
    truth = truth_of(videos)
    found = {video.name: video.found for video in videos}
    if results.metrics:
        metrics = results.metrics
        origin = f'They are as {Path(results.path).name} states them'
    elif truth:
        labels = {video.name: video.labels for video in videos}
        metrics = compute_metrics(
            found, results.scores, truth, labels, classes, results.settings
        )
        origin = f'They were computed for this page, {len(truth)} videos'
    else:
        return {}, 'No ground truth is known: give --ann.'
    if truth and not has_several_ious(metrics):
        metrics = {**metrics, **plain_map(found, truth, classes)}
    if any(key.startswith('shown/') for key in metrics):
        origin += (
            '; "shown" is ActivityNet\'s average precision of the '
            'predictions on this page'
        )
    return metrics, f'{origin}.'


def _what_is_shown(results: Results, options: Options) -> str:
    least = options.score_threshold
    least = '' if least is None else f' with a score of at least {least:g}'
    if results.scores:
        return f'runs of the most probable class of each frame{least}'
    return f'the detections of the file{least}'


def _curves(video: Video) -> dict[str, Any]:
    """Curves of the classes that matter, and of the background."""
    scores = video.scores
    top = scores[:, :-1].max(axis=0)
    shown = set(video.found[:, 0].astype(int).tolist())
    if video.truth is not None:
        shown |= set(video.truth[:, 0].tolist())
    ranked = sorted(
        range(len(top)), key=lambda c: (c not in shown, -top[c], c)
    )
    kept = [c for c in ranked if c in shown or top[c] >= SHOWN_SCORE]
    columns = [*sorted(kept[:MAX_CURVES]), scores.shape[1] - 1]
    stride = max(1, -(-len(scores) // MAX_POINTS))
    return pack_scores(scores, np.array(columns), stride)


def _skeletons(
    videos: Sequence[Video],
    annotated: Annotated | None,
    options: Options,
) -> tuple[list[dict[str, Any] | None], list[dict[str, Any]], list[str]]:
    """Compressed skeletons, their topologies and what was left out."""
    limit = options.skeleton_mb * 1e6
    coarser = 1
    while True:
        packed: list[dict[str, Any] | None] = []
        topologies: list[dict[str, Any]] = []
        used = 0
        for video, bodies in _bodies(videos, annotated, options):
            packed.append(None)
            if bodies is None or not len(bodies.joints):
                continue
            stride = coarser * max(1, round(video.fps / options.skeleton_fps))
            one = pack_poses(bodies.joints, bodies.mask, stride)
            used += len(one['data'])
            if used > limit and coarser < 8:
                break
            if used > limit:
                used -= len(one['data'])
                continue
            topology = bodies.topology()
            if topology not in topologies:
                topologies.append(topology)
            one['topology'] = topologies.index(topology)
            one['flat'] = bodies.flat
            packed[-1] = one
        else:
            break
        coarser *= 2
    notes = _told(videos, packed, limit, coarser)
    return packed, topologies, notes


def _bodies(
    videos: Sequence[Video],
    annotated: Annotated | None,
    options: Options,
) -> Iterable[tuple[Video, Bodies | None]]:
    """Skeletons of each video, one at a time."""
    for video in videos:
        bodies = None
        if annotated is not None and video.name in annotated:
            bodies = annotated.bodies(video.name)
        else:
            bodies = read_recording(video.name, options.recordings)
        fits = bodies is None or bodies.mask.shape[1] == video.num_frames
        yield video, bodies if fits else None


def _told(
    videos: Sequence[Video],
    packed: Sequence[dict[str, Any] | None],
    limit: float,
    coarser: int,
) -> list[str]:
    """What the page says of its skeletons."""
    rates = {
        f'{video.fps / one["stride"]:.3g}'
        for video, one in zip(videos, packed)
        if one is not None
    }
    lacking = sum(one is None for one in packed)
    if not rates:
        return ['There are no skeletons: give --ann or --recordings.']
    text = (
        f'Skeletons are kept at {" and ".join(sorted(rates))} poses a second '
        'and rounded to a 4096th of the space they move in; playback '
        'interpolates. Three-dimensional bodies stand upright on average, '
        'however the camera was tilted.'
    )
    if coarser > 1:
        text += (
            f' That is {coarser} times coarser than asked for, to stay '
            f'below {limit / 1e6:g} MB.'
        )
    if lacking:
        text += f' {lacking} videos have none.'
    return [text]
