"""From frame scores to the numbers of a protocol, in one function.

`SegmentMAP` and ``tools/fuse.py`` both call `evaluate_scores`, so that equal
scores have equal numbers whichever way they came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.evaluation.activitynet import evaluate_activitynet
from mmsnip.evaluation.average_precision import class_names
from mmsnip.evaluation.babel import (
    babel_detections_by_video,
    babel_ground_truth,
    evaluate_babel,
)
from mmsnip.evaluation.framewise import evaluate_frames
from mmsnip.evaluation.pkummd import evaluate_pkummd, pkummd_detections
from mmsnip.evaluation.records import check_convention
from mmsnip.evaluation.segments import run_detections
from mmsnip.evaluation.viterbi import viterbi_detections
from mmsnip.evaluation.voc import evaluate_voc
from mmsnip.skeleton.resample import paint_segments

PROTOCOLS = {
    'activitynet': evaluate_activitynet,
    'babel': evaluate_babel,
    'pkummd': evaluate_pkummd,
    'voc': evaluate_voc,
}


def _each_video(propose: Callable) -> Callable:
    def propose_all(
        scores: Mapping[str, np.ndarray], **given: Any
    ) -> dict[str, np.ndarray]:
        return {
            video: propose(array, **given) for video, array in scores.items()
        }

    return propose_all


# Each takes the scores of all videos.
PROPOSALS = {
    'runs': _each_video(run_detections),
    'smooth': _each_video(pkummd_detections),
    'sweep': babel_detections_by_video,
    'viterbi': _each_video(viterbi_detections),
}
# Ways that know no data set's conventions.
WITHOUT_CONVENTION = ('runs', 'viterbi')
AS_ANNOTATED = 'segments are taken as annotated'


def check_protocol(
    protocol: str,
    proposals: Sequence[str] | Mapping[str, Mapping[str, Any] | None],
    iou_thresholds: Sequence[float] | None,
    convention: str,
) -> dict[str, dict[str, Any]]:
    """Refuse choices that no evaluation knows.

    Args:
        protocol (str): Key of ``PROTOCOLS``.
        proposals (Sequence[str] | Mapping[str, Mapping]): Keys of
            ``PROPOSALS``; a mapping gives each its arguments.
        iou_thresholds (Sequence[float], optional): None takes the
            protocol's own; 'pkummd' takes exactly one, its theta.
        convention (str): 'official' or 'clean'.

    Returns:
        dict[str, dict[str, Any]]: Arguments of each way to propose.

    Raises:
        ValueError: If one of them is unknown.
    """
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
    if (
        protocol == 'pkummd'
        and iou_thresholds is not None
        and len(iou_thresholds) != 1
    ):
        raise ValueError(
            f'iou_thresholds={iou_thresholds!r} must hold one number for '
            "protocol='pkummd', its theta"
        )
    return {name: dict(given or {}) for name, given in proposals.items()}


def count_classes(scores: Mapping[str, np.ndarray]) -> int:
    """Number of classes that the scores of all videos have.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1);
            at least one video.

    Returns:
        int: Classes without the background.

    Raises:
        ValueError: If videos disagree.
    """
    widths = {array.shape[1]: name for name, array in scores.items()}
    if len(widths) > 1:
        raise ValueError(
            'videos disagree on the number of scores per frame: '
            + ', '.join(f'{name!r} has {w}' for w, name in widths.items())
        )
    return next(iter(widths)) - 1


def evaluate_scores(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str] | None = None,
    protocol: str = 'babel',
    proposals: Sequence[str] | Mapping[str, Mapping] = ('sweep', 'runs'),
    iou_thresholds: Sequence[float] | None = None,
    convention: str = 'official',
) -> tuple[dict[str, float], dict[str, dict[str, np.ndarray]]]:
    """Metrics and detections of frame scores.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1),
            background last; at least one video.
        truth (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3), of the same videos. Frame labels are painted
            from it by `paint_segments`.
        classes (Sequence[str], optional): Names for the keys.
        protocol (str): As in ``check_protocol``, and the next three.
        proposals (Sequence[str] | Mapping[str, Mapping]): The same.
        iou_thresholds (Sequence[float], optional): The same.
        convention (str): The same.

    Returns:
        tuple[dict[str, float], dict[str, dict[str, np.ndarray]]]: Metrics,
        ``<proposals>/<key of the protocol>`` with each class and those of
        `evaluate_frames` for the arg-max labels, where asked for those of
        the labels of 'viterbi' as ``viterbi/F1@50``; and for each way to
        propose, per video label, start, end, score, (num_detections, 4).

    Raises:
        ValueError: If a choice is unknown, videos disagree on the number of
            classes, or an array is malformed; the video is named.

    Examples:
        >>> scores = {'a': np.repeat([[0.1, 0.9], [0.8, 0.2]], [4, 9], 0)}
        >>> truth = {'a': np.array([[0, 4, 13]])}
        >>> evaluate_scores(scores, truth, proposals=['runs'])[0]['runs/mAP']
        1.0
    """
    chosen = check_protocol(protocol, proposals, iou_thresholds, convention)
    num_classes = count_classes(scores)
    options: dict[str, Any] = {'classes': class_names(classes, num_classes)}
    counted = truth
    if protocol == 'babel':
        counted = {
            video: babel_ground_truth(rows, convention)
            for video, rows in truth.items()
        }
    elif protocol != 'activitynet':
        options['convention'] = convention
    if iou_thresholds is not None:
        if protocol == 'pkummd':
            options['theta'] = iou_thresholds[0]
        else:
            options['iou_thresholds'] = iou_thresholds
    found, metrics = {}, {}
    for name, given in chosen.items():
        if name not in WITHOUT_CONVENTION:
            given = {'convention': convention, **given}
        found[name] = PROPOSALS[name](scores, **given)
        report = PROTOCOLS[protocol](
            found[name], counted, num_classes, **options
        )
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
    """`paint_segments` of each video that has scores, or labels.

    Args:
        segments (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3), or with a score behind them.
        scores (Mapping[str, np.ndarray]): Per video (T, ..).
        background (int): Label of frames outside every segment.

    Returns:
        dict[str, np.ndarray]: Per video (T,) int64.

    Examples:
        >>> segments = {'a': np.array([[0, 1, 3]])}
        >>> paint_videos(segments, {'a': np.zeros((4, 2))}, 1)['a'].tolist()
        [1, 0, 0, 1]
    """
    return {
        video: paint_segments(
            segments[video][:, 1:3],
            segments[video][:, 0],
            len(array),
            background,
        )
        for video, array in scores.items()
    }


def without_classes(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are not of a single class.

    Args:
        metrics (Mapping[str, float]): Of ``evaluate_scores``.

    Returns:
        dict[str, float]: All but ``<proposals>/AP@<iou>/<class>``.

    Examples:
        >>> without_classes({'runs/mAP': 0.5, 'runs/AP@0.50/walk': 0.5})
        {'runs/mAP': 0.5}
    """
    return {
        key: value
        for key, value in metrics.items()
        if not key.split('/', 1)[-1].startswith('AP@')
    }


def within_videos(
    detections: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Detections cut at the end of the video, as files show them.

    The official sweep of BABEL may end one frame beyond it.

    Args:
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1).

    Returns:
        dict[str, np.ndarray]: Copies.
    """
    cut = {}
    for video, rows in detections.items():
        cut[video] = np.array(rows)
        cut[video][:, 2] = np.minimum(rows[:, 2], len(scores[video]))
    return cut


def truth_note(protocol: str, label_rule: str | None) -> str | None:
    """The line that goes with each number of the BABEL protocol.

    The benchmark's published preparation of BABEL keeps of a frame's labels
    the first of a Python set, which changes with the hash seed, so that a
    number means little without the rule of its ground truth.

    Args:
        protocol (str): Key of ``PROTOCOLS``.
        label_rule (str, optional): What the data set says of its segments;
            None means that they are taken as annotated.

    Returns:
        str | None: None under the other protocols.

    Examples:
        >>> truth_note('babel', None)
        'ground truth of BABEL: segments are taken as annotated'
    """
    if protocol != 'babel':
        return None
    return f'ground truth of BABEL: {label_rule or AS_ANNOTATED}'
