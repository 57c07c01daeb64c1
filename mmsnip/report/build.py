"""From a result file to one HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mmsnip
from mmsnip.evaluation import evaluate_activitynet, evaluate_frames
from mmsnip.evaluation.diagnosis import ERRORS
from mmsnip.evaluation.protocols import evaluate_scores, paint_videos
from mmsnip.report.document import KINDS, class_looks, make_page, metric_tables
from mmsnip.report.results import Results, load_results
from mmsnip.report.skeletons import (
    Bodies,
    pack_poses,
    pack_scores,
    read_recording,
)
from mmsnip.report.videos import (
    Annotated,
    Video,
    gather_videos,
    truth_of,
    video_entry,
)
from mmsnip.structures import DataError
from mmsnip.structures.files import draft_of

IOU_THRESHOLDS = (0.1, 0.3, 0.5, 0.7)
MAX_CURVES = 12
MAX_POINTS = 1500  # of a curve
SHOWN_SCORE = 0.2  # a class whose score never reaches it has no curve
_CHOICES = ('protocol', 'proposals', 'iou_thresholds', 'convention')


@dataclass(frozen=True)
class Options:
    """How a report is made."""

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
    """Write the page."""
    options = options or Options()
    annotated = None if ann_path is None else Annotated(ann_path)
    known = (annotated.classes, annotated.fps) if annotated else (None, None)
    results = load_results(results_path, *known)
    videos, notes = gather_videos(results, annotated, options.score_threshold)
    if not videos:
        raise DataError(
            f'{results.path}: found no video; expected at least one'
        )
    classes = results.classes
    entries = [video_entry(video, len(classes)) for video in videos]
    metrics, origin = _metrics(results, videos)
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
    notes = [*results.notes, *notes, told]
    blobs: dict[str, str] = {}
    strides = set()
    for place, (video, entry) in enumerate(zip(videos, entries)):
        if packed[place] is not None:
            entry['poses'] = packed[place]
            blobs[f'poses-{place}'] = entry['poses'].pop('data')
        if video.scores is not None:
            entry['scores'] = _curves(video)
            blobs[f'scores-{place}'] = entry['scores'].pop('data')
            strides.add(entry['scores']['stride'])
    if strides - {1}:
        notes.append(
            f'Score curves of long videos keep one frame in {max(strides)}, '
            f'or more: at most {MAX_POINTS} points a curve.'
        )
    shown = 'the detections of the file'
    if results.scores:
        shown = 'runs of the most probable class of each frame'
    if options.score_threshold is not None:
        shown += f' with a score of at least {options.score_threshold:g}'
    name = Path(results.path).name
    document = dict(
        title=options.title or f'Report of {name}',
        version=mmsnip.__version__,
        source=dict(name=name, kind=results.kind),
        annotations=None if annotated is None else Path(ann_path).name,
        settings={
            key: str(results.settings[key])
            for key in ('protocol', 'convention', 'label_rule')
            if results.settings.get(key)
        },
        predictions=shown,
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
    results: Results, videos: Sequence[Video]
) -> tuple[dict[str, float], str]:
    """Metrics of the file, else computed where the truth is known."""
    truth, classes = truth_of(videos), results.classes
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
    # One IoU threshold says little: beside it what the page shows.
    ways = [key.split('/')[0] for key in metrics if '/mAP@' in key]
    if truth and len(ways) == len(set(ways)):
        metrics = {**metrics, **_shown_map(found, truth, classes)}
    if any(key.startswith('shown/') for key in metrics):
        origin += (
            '; "shown" is ActivityNet\'s average precision of the '
            'predictions on this page'
        )
    return metrics, f'{origin}.'


def compute_metrics(
    found: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    classes: Sequence[str],
    settings: Mapping[str, Any],
) -> dict[str, float]:
    """Metrics of the videos whose truth is known."""
    if all(name in scores for name in truth):
        chosen = {k: settings[k] for k in _CHOICES if k in settings}
        known = {name: scores[name] for name in truth}
        return evaluate_scores(known, truth, classes, **chosen)[0]
    known = {name: labels[name] for name in truth}
    painted = paint_videos(truth, known, len(classes))
    metrics = _shown_map(found, truth, classes)
    return {**metrics, **evaluate_frames(known, painted, len(classes))}


def _shown_map(
    found: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> dict[str, float]:
    rows = {name: found[name] for name in truth}
    report = evaluate_activitynet(
        rows, truth, len(classes), IOU_THRESHOLDS, classes
    )
    return {f'shown/{key}': value for key, value in report.items()}


def _curves(video: Video) -> dict[str, Any]:
    """Curves of the classes that matter, and of the background."""
    scores = video.scores
    top = scores[:, :-1].max(axis=0)
    shown = set(video.found[:, 0].astype(int).tolist())
    if video.truth is not None:
        shown |= set(video.truth[:, 0].tolist())
    kept = [c for c in range(len(top)) if c in shown or top[c] >= SHOWN_SCORE]
    kept.sort(key=lambda c: (c not in shown, -top[c], c))
    columns = [*sorted(kept[:MAX_CURVES]), scores.shape[1] - 1]
    stride = max(1, -(-len(scores) // MAX_POINTS))
    return pack_scores(scores, np.array(columns), stride)


def _skeletons(
    videos: Sequence[Video], annotated: Annotated | None, options: Options
) -> tuple[list[dict[str, Any] | None], list[dict[str, Any]], str]:
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
    rates = {
        f'{video.fps / one["stride"]:.3g}'
        for video, one in zip(videos, packed)
        if one is not None
    }
    if not rates:
        told = 'There are no skeletons: give --ann or --recordings.'
        return packed, topologies, told
    told = (
        f'Skeletons are kept at {" and ".join(sorted(rates))} poses a second '
        'and rounded to a 4096th of the space they move in; playback '
        'interpolates. Three-dimensional bodies stand upright on average, '
        'however the camera was tilted.'
    )
    if coarser > 1:
        told += (
            f' That is {coarser} times coarser than asked for, to stay '
            f'below {limit / 1e6:g} MB.'
        )
    lacking = sum(one is None for one in packed)
    told += f' {lacking} videos have none.' if lacking else ''
    return packed, topologies, told


def _bodies(
    videos: Sequence[Video], annotated: Annotated | None, options: Options
) -> Iterable[tuple[Video, Bodies | None]]:
    """Skeletons of each video, one at a time."""
    for video in videos:
        if annotated is not None and video.name in annotated:
            bodies = annotated.bodies(video.name)
        else:
            bodies = read_recording(video.name, options.recordings)
        fits = bodies is None or bodies.mask.shape[1] == video.num_frames
        yield video, bodies if fits else None
