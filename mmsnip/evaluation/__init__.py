"""Protocols of temporal action localization, in numpy alone.

``mmsnip.evaluation.metric`` is reached through the registry only, so that
importing this room costs numpy and nothing else.
"""

from __future__ import annotations

from mmsnip.evaluation.activitynet import evaluate_activitynet
from mmsnip.evaluation.babel import (
    babel_detections,
    babel_detections_by_video,
    babel_ground_truth,
    evaluate_babel,
)
from mmsnip.evaluation.diagnosis import ErrorReport, diagnose_errors
from mmsnip.evaluation.diagnosis_bins import measure_truth
from mmsnip.evaluation.diagnosis_curves import precision_recall_curves
from mmsnip.evaluation.diagnosis_frames import frame_confusion
from mmsnip.evaluation.diagnosis_sensitivity import (
    SensitivityReport,
    analyze_sensitivity,
)
from mmsnip.evaluation.framewise import evaluate_frames
from mmsnip.evaluation.pkummd import (
    evaluate_pkummd,
    pkummd_detections,
    smooth_scores,
)
from mmsnip.evaluation.segments import (
    run_detections,
    segment_iou,
    segments_from_frames,
    suppress,
)
from mmsnip.evaluation.smoothing import smooth_frames
from mmsnip.evaluation.viterbi import viterbi_detections, viterbi_labels
from mmsnip.evaluation.voc import evaluate_voc

__all__ = [
    'ErrorReport',
    'SensitivityReport',
    'analyze_sensitivity',
    'babel_detections',
    'babel_detections_by_video',
    'babel_ground_truth',
    'diagnose_errors',
    'evaluate_activitynet',
    'evaluate_babel',
    'evaluate_frames',
    'evaluate_pkummd',
    'evaluate_voc',
    'frame_confusion',
    'measure_truth',
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
