"""Protocols of temporal action localization, in numpy alone.

``mmsnip.evaluation.metric`` is reached through the registry only, so that
importing this room costs numpy and nothing else.
"""

from __future__ import annotations

from mmsnip.evaluation.average_precision import (
    evaluate_activitynet,
    evaluate_voc,
)
from mmsnip.evaluation.babel import (
    babel_detections,
    babel_detections_by_video,
    babel_ground_truth,
    evaluate_babel,
)
from mmsnip.evaluation.diagnosis import (
    ErrorReport,
    diagnose_errors,
    judge_segments,
    precision_recall_curves,
)
from mmsnip.evaluation.framewise import (
    evaluate_boundaries,
    evaluate_frames,
    frame_confusion,
)
from mmsnip.evaluation.pkummd import evaluate_pkummd, pkummd_detections
from mmsnip.evaluation.segments import (
    run_detections,
    segment_iou,
    segments_from_frames,
    smooth_frames,
    smooth_scores,
    suppress,
    viterbi_detections,
    viterbi_labels,
)

__all__ = [
    'ErrorReport',
    'babel_detections',
    'babel_detections_by_video',
    'babel_ground_truth',
    'diagnose_errors',
    'evaluate_activitynet',
    'evaluate_babel',
    'evaluate_boundaries',
    'evaluate_frames',
    'evaluate_pkummd',
    'evaluate_voc',
    'frame_confusion',
    'judge_segments',
    'pkummd_detections',
    'precision_recall_curves',
    'run_detections',
    'segment_iou',
    'segments_from_frames',
    'smooth_frames',
    'smooth_scores',
    'suppress',
    'viterbi_detections',
    'viterbi_labels',
]
