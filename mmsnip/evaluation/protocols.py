"""From frame scores to the numbers of a protocol, in one function.

`SegmentMAP` and ``tools/fuse.py`` both call `evaluate_scores`, so that equal
scores have equal numbers whichever way they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.evaluation.average_precision import (
    class_names,
    evaluate_activitynet,
    evaluate_voc,
)
from mmsnip.evaluation.babel import (
    babel_detections_by_video,
    babel_ground_truth,
    evaluate_babel,
)
from mmsnip.evaluation.framewise import evaluate_frames
from mmsnip.evaluation.pkummd import evaluate_pkummd, pkummd_detections
from mmsnip.evaluation.segments import (
    check_convention,
    check_scores,
    run_detections,
    viterbi_detections,
)
from mmsnip.structures import DataError, Segments

PROTOCOLS = {
    'activitynet': evaluate_activitynet,
    'babel': evaluate_babel,
    'pkummd': evaluate_pkummd,
    'voc': evaluate_voc,
}
# Of one video, but for 'sweep', which takes all of them.
PROPOSALS = {
    'runs': run_detections,
    'smooth': pkummd_detections,
    'sweep': babel_detections_by_video,
    'viterbi': viterbi_detections,
}
Proposals = Sequence[str] | Mapping[str, Mapping[str, Any] | None]
AS_ANNOTATED = 'segments are taken as annotated'


def check_protocol(
    protocol: str,
    proposals: Proposals,
    iou_thresholds: Sequence[float] | None,
    convention: str,
) -> dict[str, dict[str, Any]]:
    """Refuse choices that no evaluation knows; arguments of each proposal."""
    if protocol not in PROTOCOLS:
        raise ValueError(
            f'protocol={protocol!r} is unknown; use {sorted(PROTOCOLS)}'
        )
    if isinstance(proposals, str):
        proposals = (proposals,)
    if not isinstance(proposals, Mapping):
        proposals = {name: {} for name in proposals}
    unknown = [name for name in proposals if name not in PROPOSALS]
    if unknown or not proposals:
        raise ValueError(
            f'proposals={list(proposals)!r} must name at least one of '
            f'{sorted(PROPOSALS)} and nothing else'
        )
    check_convention(convention)
    given = iou_thresholds is not None
    if protocol == 'pkummd' and given and len(iou_thresholds) != 1:
        raise ValueError(
            f'iou_thresholds={iou_thresholds!r} must hold one number for '
            "protocol='pkummd', its theta"
        )
    return {name: dict(given or {}) for name, given in proposals.items()}


def count_classes(scores: Mapping[str, np.ndarray]) -> int:
    """Number of classes that the scores of all videos have."""
    widths = {array.shape[1]: name for name, array in scores.items()}
    if len(widths) > 1:
        raise DataError(
            'videos disagree on the number of scores per frame: '
            + ', '.join(f'{name!r} has {w}' for w, name in widths.items())
        )
    return next(iter(widths)) - 1


def propose(
    scores: Mapping[str, np.ndarray],
    name: str,
    convention: str = 'official',
    **given: Any,
) -> dict[str, np.ndarray]:
    """Detections of all videos by one of `PROPOSALS`."""
    if name in ('smooth', 'sweep'):  # the others know no conventions
        given = {'convention': convention, **given}
    if name == 'sweep':
        return PROPOSALS[name](scores, **given)
    return {v: PROPOSALS[name](array, **given) for v, array in scores.items()}


def counted_truth(
    truth: Mapping[str, np.ndarray], protocol: str, convention: str
) -> dict[str, np.ndarray]:
    """True segments as a protocol counts them."""
    if protocol != 'babel':
        return dict(truth)
    return {
        v: babel_ground_truth(rows, convention) for v, rows in truth.items()
    }


def evaluate_scores(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str] | None = None,
    protocol: str = 'babel',
    proposals: Proposals = ('sweep', 'runs'),
    iou_thresholds: Sequence[float] | None = None,
    convention: str = 'official',
) -> tuple[dict[str, float], dict[str, dict[str, np.ndarray]]]:
    """Metrics and detections of frame scores."""
    chosen = check_protocol(protocol, proposals, iou_thresholds, convention)
    num_classes = count_classes(scores)
    options: dict[str, Any] = {'classes': class_names(classes, num_classes)}
    if protocol in ('pkummd', 'voc'):
        options['convention'] = convention
    if iou_thresholds is not None and protocol == 'pkummd':
        options['theta'] = iou_thresholds[0]
    elif iou_thresholds is not None:
        options['iou_thresholds'] = iou_thresholds
    counted = counted_truth(truth, protocol, convention)
    found, metrics = {}, {}
    for name, given in chosen.items():
        given = {'convention': convention, **given}
        rows = found[name] = propose(scores, name, **given)
        report = PROTOCOLS[protocol](rows, counted, num_classes, **options)
        metrics.update({f'{name}/{key}': v for key, v in report.items()})
    painted = paint_videos(truth, scores, num_classes)
    best = {video: array.argmax(axis=1) for video, array in scores.items()}
    metrics.update(evaluate_frames(best, painted, num_classes))
    if 'viterbi' in found:
        steady = paint_videos(found['viterbi'], scores, num_classes)
        report = evaluate_frames(steady, painted, num_classes)
        metrics.update({f'viterbi/{key}': v for key, v in report.items()})
    return metrics, found


def paint_videos(
    segments: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    background: int,
) -> dict[str, np.ndarray]:
    """Label of each frame of each video that has scores, or labels."""
    return {
        video: Segments.of_rows(
            segments[video], num_frames=len(array), source=f'video {video!r}'
        ).frames(background)
        for video, array in scores.items()
    }


def without_classes(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are not of a single class."""
    return {
        key: value
        for key, value in metrics.items()
        if not key.split('/', 1)[-1].startswith('AP@')
    }


def within_videos(
    detections: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Detections cut at the end of the video, as files show them."""
    cut = {}
    for video, rows in detections.items():
        cut[video] = np.array(rows)
        cut[video][:, 2] = np.minimum(rows[:, 2], len(scores[video]))
    return cut


def truth_note(protocol: str, label_rule: str | None) -> str | None:
    """The line that goes with each number of the BABEL protocol."""
    if protocol != 'babel':
        return None
    return f'ground truth of BABEL: {label_rule or AS_ANNOTATED}'


def video_entry(
    sample: Mapping[str, Any],
    default_fps: float | None = None,
    needs_fps: bool = False,
) -> dict[str, Any]:
    """Truth and scores of one video of a model's answer, as numpy arrays."""
    name = sample.get('frame_dir')
    needed = ('frame_dir', 'pred_frame_scores', 'segments', 'segment_labels')
    for key in needed:
        if sample.get(key) is None:
            raise DataError(
                f'video {name!r} lacks {key!r}, it has {sorted(sample)}; pack '
                'it with the sample, empty segments where nothing happens'
            )
    scores = to_numpy(sample['pred_frame_scores'])
    scores = check_scores(scores, f'video {name!r}, pred_frame_scores')
    T, width = scores.shape
    total = sample.get('total_frames')
    if total is not None and int(total) != T:
        raise DataError(
            f'video {name!r} has {T} scored frames, but total_frames is '
            f'{int(total)}; evaluate whole videos'
        )
    fps = sample.get('fps')
    fps = default_fps if fps is None else fps
    if fps is None and needs_fps:
        raise DataError(
            f"video {name!r} has no 'fps', which seconds in the dump need; "
            "set it in the annotation file's metainfo"
        )
    truth = Segments.of(
        to_numpy(sample['segments']),
        to_numpy(sample['segment_labels']).reshape(-1),
        num_frames=T,
        num_classes=width - 1,
        source=f'video {name!r}',
    )
    index = to_numpy(sample.get('frame_index', ())).ravel()
    return {
        'frame_dir': str(name),
        'scores': scores.astype(np.float32, copy=False),
        'segments': truth.rows[:, :3].astype(np.int64),
        'first_frame': int(index[0]) if index.size else 0,
        'fps': None if fps is None else float(fps),
    }


def to_numpy(value: Any) -> np.ndarray:
    """An array out of a tensor of any device, or what is array-like."""
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    return np.asarray(value)


def each_video_once(
    entries: Sequence[Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    """First entry of each video, videos sorted by name."""
    videos: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        name = entry['frame_dir']
        known = videos.setdefault(name, entry)
        for key in ('first_frame', 'segments', 'scores'):
            mine, other = np.asarray(entry[key]), np.asarray(known[key])
            same = mine.shape == other.shape
            # the same video may score a little otherwise in another batch
            if not same or (key != 'scores' and (mine != other).any()):
                raise DataError(
                    f'video {name!r} came twice with different {key}; '
                    'evaluate whole videos (test_mode=True), not windows'
                )
    return dict(sorted(videos.items()))
