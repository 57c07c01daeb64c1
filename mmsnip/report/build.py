"""From a result file to one HTML file.

Nothing that comes from a file becomes markup: all of it lies in JSON blocks,
where ``<`` is an escape sequence, and the scripts put it into the page as
text. The policy allows the one script and the one style sheet of this
package, by their hashes, and no request at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mmsnip
from mmsnip.evaluation import evaluate_activitynet, evaluate_frames
from mmsnip.evaluation.diagnosis import ERRORS, GOOD_IOU, NEAR_IOU
from mmsnip.evaluation.protocols import evaluate_scores, paint_videos
from mmsnip.report.results import Results, load_results
from mmsnip.report.videos import (
    Annotated,
    Video,
    gather_videos,
    pack_poses,
    pack_scores,
    read_recording,
    video_entry,
)
from mmsnip.structures import DataError
from mmsnip.structures.files import draft_of

IOU_THRESHOLDS = (0.1, 0.3, 0.5, 0.7)
MAX_CURVES = 12
MAX_POINTS = 1500  # of a curve
SHOWN_SCORE = 0.2  # a class whose score never reaches it has no curve
SKELETON_FPS = 15.0
_CHOICES = ('protocol', 'proposals', 'iou_thresholds', 'convention')
PAGE = Path(__file__).parent / 'page'
# A module stands behind those that it imports from.
SCRIPTS = (
    'dom.js', 'text.js', 'state.js', 'codec.js', 'looks.js', 'select.js',
    'filters.js', 'list.js', 'view.js', 'layers.js', 'timeline.js',
    'curves.js', 'camera.js', 'skeleton.js', 'player.js', 'segments.js',
    'metrics.js', 'keys.js', 'main.js',
)  # fmt: skip
STYLES = ('colors.css', 'layout.css', 'parts.css')
_IMPORT = re.compile(r'^import\s[^;]*?;\n', re.MULTILINE)
_EXPORT = re.compile(
    r'^export\s+(?=(async\s+function|function|const|class)\b)', re.MULTILINE
)
# The twelve of mmsnip.visualization.canvas, which needs no import of a
# drawing library here; a test holds the two together.
COLORS = (
    '#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00',
    '#8800FF', '#99BB66', '#552200', '#3333AA', '#BB55FF', '#333344',
)  # fmt: skip
_READS_DARK = {'#E69F00', '#56B4E9', '#99BB66'}
PATTERNS = ('plain', 'slant', 'dots', 'cross', 'lines', 'bars')
_NEAR = (
    f'IoU of at least {NEAR_IOU:g} or at least half of the prediction inside'
)
# Sign, name and definition of each kind of segment.
_KINDS = {
    'missed': ('M', 'missed', 'A true segment that no prediction is about, '
               'and that is not covered by half.'),
    'wrong_class': ('W', 'wrong class', 'A prediction whose nearest true '
                    f'segment ({_NEAR}) is of another class, or such a true '
                    'segment.'),
    'boundary': ('B', 'bad boundary', 'The right class near its true '
                 f'segment, alone there, but with an IoU under {GOOD_IOU:g}.'),
    'split': ('S', 'split', 'One true segment fell to several predictions of '
              'its class that do not touch: flicker.'),
    'false_alarm': ('F', 'false alarm', 'A prediction near no true segment.'),
    'double': ('D', 'double', 'A prediction that overlaps a better one of '
               'its class about the same true segment.'),
    'correct': ('✓', 'correct', 'The right class with an IoU of at least '
                f'{GOOD_IOU:g}, and the best such prediction.'),
    'found': ('✓', 'found', 'A true segment that a prediction is correct '
              'about.'),
}  # fmt: skip
KINDS = {
    key: dict(zip(('sign', 'name', 'text'), about))
    for key, about in _KINDS.items()
}
# Key and name, in the order of the table; percentages but for the last.
FRAME_KEYS = {
    'frame_accuracy': 'Frame accuracy',
    'frame_accuracy_action': 'Frame accuracy, action frames',
    'F1@10': 'F1@10',
    'F1@25': 'F1@25',
    'F1@50': 'F1@50',
    'edit': 'Edit score',
    'runs_per_segment': 'Runs per segment',
}


def build_report(
    results_path: str | os.PathLike[str],
    ann_path: str | os.PathLike[str] | None,
    out: str | os.PathLike[str],
    *,
    recordings: str | os.PathLike[str] | None = None,
    score_threshold: float | None = None,
    max_videos: int | None = None,
    skeleton_mb: float = 40.0,
    title: str | None = None,
) -> dict[str, Any]:
    """Write the page; the options are those of ``mmsnip report``."""
    annotated = None if ann_path is None else Annotated(ann_path)
    known = (annotated.classes, annotated.fps) if annotated else (None, None)
    results = load_results(results_path, *known)
    videos, notes = gather_videos(results, annotated, score_threshold)
    if not videos:
        raise DataError(
            f'{results.path}: found no video; expected at least one'
        )
    classes = results.classes
    judged = [(video_entry(video, len(classes)), video) for video in videos]
    metrics, origin = _metrics(results, videos)
    judged.sort(key=lambda each: (-(each[0]['error'] or 0), each[1].name))
    if max_videos is not None and max_videos < len(judged):
        notes.append(
            f'Only the {max_videos} worst of {len(judged)} videos are shown; '
            'the metrics count all.'
        )
        judged = judged[:max_videos]
    entries, videos = zip(*judged)
    packed, topologies, note = _skeletons(
        videos, annotated, recordings, skeleton_mb
    )
    notes = [*results.notes, *notes, note]
    blobs: dict[str, str] = {}
    stride = 1
    for place, (entry, video) in enumerate(judged):
        if packed[place] is not None:
            entry['poses'] = packed[place]
            blobs[f'poses-{place}'] = entry['poses'].pop('data')
        if video.scores is not None:
            entry['scores'] = _curves(video)
            blobs[f'scores-{place}'] = entry['scores'].pop('data')
            stride = max(stride, entry['scores']['stride'])
    if stride > 1:
        notes.append(
            f'Score curves of long videos keep one frame in {stride}, '
            f'or more: at most {MAX_POINTS} points a curve.'
        )
    shown = 'the detections of the file'
    if results.scores:
        shown = 'runs of the most probable class of each frame'
    if score_threshold is not None:
        shown += f' with a score of at least {score_threshold:g}'
    name = Path(results.path).name
    document = dict(
        title=title or f'Report of {name}',
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
    truth = {v.name: v.truth for v in videos if v.truth is not None}
    classes = results.classes
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
    videos: Sequence[Video],
    annotated: Annotated | None,
    recordings: str | os.PathLike[str] | None,
    limit_mb: float,
) -> tuple[list[dict[str, Any] | None], list[dict[str, Any]], str]:
    """Compressed skeletons, their topologies and a note on what they are.

    Twice, four and eight times coarser where they are too large; then what
    still does not fit is left out.
    """
    coarser, whole = 1, False
    while not whole:
        packed: list[dict[str, Any] | None] = []
        topologies: list[dict[str, Any]] = []
        rates, used, whole = set(), 0, True
        for video in videos:
            packed.append(None)
            if annotated is not None and video.name in annotated:
                bodies = annotated.bodies(video.name)
            else:
                bodies = read_recording(video.name, recordings)
            if bodies is None or not len(bodies.joints):
                continue
            if bodies.mask.shape[1] != video.num_frames:
                continue
            stride = coarser * max(1, round(video.fps / SKELETON_FPS))
            one = pack_poses(bodies.joints, bodies.mask, stride)
            if used + len(one['data']) > limit_mb * 1e6:
                if coarser < 8:
                    coarser, whole = 2 * coarser, False
                    break
                continue
            used += len(one['data'])
            topology = bodies.topology()
            if topology not in topologies:
                topologies.append(topology)
            one['topology'] = topologies.index(topology)
            one['flat'] = bodies.flat
            packed[-1] = one
            rates.add(f'{video.fps / stride:.3g}')
    if not rates:
        note = 'There are no skeletons: give --ann or --recordings.'
        return packed, topologies, note
    note = (
        f'Skeletons are kept at {" and ".join(sorted(rates))} poses a second '
        'and rounded to a 4096th of the space they move in; playback '
        'interpolates. Three-dimensional bodies stand upright on average, '
        'however the camera was tilted.'
    )
    if coarser > 1:
        note += (
            f' That is {coarser} times coarser than otherwise, to stay below '
            f'{limit_mb:g} MB.'
        )
    lacking = packed.count(None)
    note += f' {lacking} videos have none.' if lacking else ''
    return packed, topologies, note


def make_page(document: Mapping[str, Any], blobs: Mapping[str, str]) -> str:
    """The whole page; ``blobs`` are base64 by id of their element."""
    # modules as one: imports among them and the word export go
    script = '\n'.join(
        _EXPORT.sub('', _IMPORT.sub('', _source(name))) for name in SCRIPTS
    )
    style = '\n'.join(_source(name) for name in STYLES)
    policy = [
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    title = str(document['title']).encode('utf-8', 'replace').decode()
    parts = {
        'policy': html.escape('; '.join(policy)),
        'title': html.escape(title),
        'style': style,
        'script': script,
        'data': safe_json(document),
        'blobs': '\n'.join(
            f'<script type="text/plain" id="{key}">{text}</script>'
            for key, text in blobs.items()
        ),
    }
    # one pass, so that no part is searched for the marks of others
    source = _source('page.html')
    return re.sub(r'\{\{(\w+)\}\}', lambda m: parts[m[1]], source)


def safe_json(value: Any) -> str:
    """JSON that cannot end the script element it lies in."""
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(',', ':')
    )
    # and half of a surrogate pair, which no encoding can write
    unsafe = '[<>&\u2028\u2029\ud800-\udfff]'
    return re.sub(unsafe, lambda m: f'\\u{ord(m[0]):04x}', text)


def _source(name: str) -> str:
    return (PAGE / name).read_text(encoding='utf-8')


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode('utf-8')).digest()
    return f'sha256-{base64.b64encode(digest).decode("ascii")}'


def class_looks(num_classes: int) -> list[dict[str, Any]]:
    """Colour, pattern and ink of each class, by its index alone."""
    looks = []
    for index in range(num_classes):
        color = COLORS[index % len(COLORS)]
        cycle = (index // len(COLORS)) % len(PATTERNS)
        ink = '#1A1A1A' if color in _READS_DARK else '#FFFFFF'
        looks.append(dict(color=color, ink=ink, pattern=PATTERNS[cycle]))
    return looks


def metric_tables(
    metrics: Mapping[str, float], classes: Sequence[str]
) -> dict[str, Any]:
    """Sort metrics into tables; NaN becomes None."""
    tables: dict[str, dict[str, Any]] = {}
    others = []
    index = {name: label for label, name in enumerate(classes)}
    for key, value in metrics.items():
        if key in FRAME_KEYS:
            continue
        before, _, rest = key.partition('/')
        head, _, tail = rest.partition('@')
        table = tables.setdefault(before, dict(mean=None, maps={}, aps={}))
        iou, _, name = tail.partition('/')
        if rest == 'mAP':
            table['mean'] = _plain(value)
        elif head == 'mAP' and not name:
            table['maps'][iou] = _plain(value)
        elif head == 'AP' and name in index:
            table['aps'].setdefault(index[name], {})[iou] = _plain(value)
        else:
            others.append([key, _plain(value)])
    proposals = []
    for name, table in tables.items():
        maps, aps = table['maps'], table['aps']
        ious = sorted({*maps, *(iou for row in aps.values() for iou in row)})
        if not ious and table['mean'] is None:
            continue
        rows = [
            [label, [row.get(iou) for iou in ious]]
            for label, row in sorted(aps.items())
        ]
        about = dict(name=name, ious=ious, mean=table['mean'], classes=rows)
        proposals.append({**about, 'maps': [maps.get(iou) for iou in ious]})
    frames = [
        [key, name, _plain(metrics[key])]
        for key, name in FRAME_KEYS.items()
        if key in metrics
    ]
    return dict(proposals=proposals, frames=frames, others=others)


def _plain(value: float) -> float | None:
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None
