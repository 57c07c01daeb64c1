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
    babel_ground_truth,
    evaluate_babel,
)
from mmsnip.evaluation.diagnosis import (
    ErrorReport,
    diagnose_errors,
    judge_segments,
)
from mmsnip.evaluation.framewise import (
    evaluate_boundaries,
    evaluate_frames,
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
)

__all__ = [
    'ErrorReport',
    'babel_detections',
    'babel_ground_truth',
    'diagnose_errors',
    'evaluate_activitynet',
    'evaluate_babel',
    'evaluate_boundaries',
    'evaluate_frames',
    'evaluate_pkummd',
    'evaluate_voc',
    'judge_segments',
    'pkummd_detections',
    'run_detections',
    'segment_iou',
    'segments_from_frames',
    'smooth_frames',
    'smooth_scores',
    'suppress',
    'viterbi_detections',
]
