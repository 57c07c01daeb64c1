"""The registered face of the protocols; never imported by ``__init__``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from mmsnip.evaluation.activitynet import evaluate_activitynet
from mmsnip.evaluation.average_precision import class_names
from mmsnip.evaluation.babel import (
    babel_detections,
    babel_ground_truth,
    evaluate_babel,
)
from mmsnip.evaluation.entries import each_video_once, video_entry
from mmsnip.evaluation.framewise import evaluate_frames
from mmsnip.evaluation.pkummd import evaluate_pkummd, pkummd_detections
from mmsnip.evaluation.records import check_convention
from mmsnip.evaluation.segments import run_detections
from mmsnip.evaluation.voc import evaluate_voc
from mmsnip.io.detections import save_detections, save_scores
from mmsnip.registry import METRICS
from mmsnip.skeleton.resample import paint_segments

PROTOCOLS = {
    'activitynet': evaluate_activitynet,
    'babel': evaluate_babel,
    'pkummd': evaluate_pkummd,
    'voc': evaluate_voc,
}
PROPOSALS = {
    'runs': run_detections,
    'smooth': pkummd_detections,
    'sweep': babel_detections,
}


@METRICS.register_module()
class SegmentMAP(BaseMetric):
    """Segment mAP of a protocol; the numbers live in `mmsnip.evaluation`.

    Keys: ``<proposals>/mAP@0.50``, ``<proposals>/mAP``, .. of the protocol
    for each way to propose segments, and once ``frame_accuracy``,
    ``frame_accuracy_action``, ``F1@10``, ``F1@25``, ``F1@50``, ``edit``,
    ``runs_per_segment`` of the arg-max labels. All in 0..1 but the last.

    A sample needs ``frame_dir``, ``pred_frame_scores`` (T, num_classes + 1),
    ``segments`` (num_segments, 2), ``segment_labels`` (num_segments,), and
    ``fps`` for ``dump``. It must be a whole video: each video counts once,
    however often a padding sampler served it. True frame labels follow the
    segments by the rule of `FrameLabels`, which training follows, too.

    Args:
        protocol (str): 'babel', 'activitynet', 'pkummd' or 'voc'.
        proposals (Sequence[str] | Mapping[str, Mapping]): How frame scores
            become segments: 'sweep' (BABEL's thresholds), 'runs' (of the
            arg-max class), 'smooth' (PKU-MMD's); a mapping gives each its
            arguments, as ``dict(sweep=dict(min_length=5), runs={})``.
        iou_thresholds (Sequence[float], optional): None takes the
            protocol's own; 'pkummd' takes exactly one, its theta.
        convention (str): 'official', with the quirks of the data set's own
            code, or 'clean'.
        per_class (bool): Report ``AP@<iou>/<class>`` too; the dump always
            has them.
        dump (str, optional): JSON file for the detections of the first of
            ``proposals`` and all metrics.
        dump_scores (str, optional): ``.npz`` file for the frame scores.
        collect_device (str): 'cpu' or 'gpu', where ranks meet.
        prefix (str, optional): Put before every key; None puts nothing.
        collect_dir (str, optional): Folder where ranks meet on the CPU.

    Raises:
        ValueError: If protocol, proposals or convention is unknown.
    """

    def __init__(
        self,
        protocol: str = 'babel',
        proposals: Sequence[str] | Mapping[str, Mapping] = ('sweep', 'runs'),
        iou_thresholds: Sequence[float] | None = None,
        convention: str = 'official',
        per_class: bool = False,
        dump: str | None = None,
        dump_scores: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        # the host warns about a missing prefix, which here is meant
        super().__init__(collect_device, prefix or 'unset', collect_dir)
        self.prefix = prefix
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
        self.protocol = protocol
        self.proposals = {
            name: dict(options or {}) for name, options in proposals.items()
        }
        self.iou_thresholds = iou_thresholds
        self.convention = convention
        self.per_class = per_class
        self.dump = dump
        self.dump_scores = dump_scores

    def process(
        self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]
    ) -> None:
        """Append one entry per video, truth and scores together.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[Mapping[str, Any]]): Predictions with
                their ground truth.

        Raises:
            ValueError: If a sample lacks a key or is malformed; the video
                is named.
        """
        fps = (self.dataset_meta or {}).get('fps')
        for sample in data_samples:
            self.results.append(
                video_entry(sample, fps, needs_fps=self.dump is not None)
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Metrics of all videos; writes the dumps.

        Args:
            results (list): Entries of ``process``, of all ranks.

        Returns:
            dict[str, float]: The metrics; empty without any video.

        Raises:
            ValueError: If two different sequences have one name, or videos
                disagree on the number of classes.
        """
        videos = each_video_once(results)
        if not videos:
            return {}
        scores = {name: entry['scores'] for name, entry in videos.items()}
        widths = {array.shape[1]: name for name, array in scores.items()}
        if len(widths) > 1:
            raise ValueError(
                'videos disagree on the number of scores per frame: '
                + ', '.join(f'{name!r} has {w}' for w, name in widths.items())
            )
        num_classes = next(iter(widths)) - 1
        meta = self.dataset_meta or {}
        classes = class_names(meta.get('classes'), num_classes)
        truth = {name: entry['segments'] for name, entry in videos.items()}
        found = {
            name: self._detect(name, options, scores)
            for name, options in self.proposals.items()
        }
        metrics = {
            f'{name}/{key}': value
            for name, detections in found.items()
            for key, value in self._evaluate(
                detections, truth, num_classes, classes
            ).items()
        }
        metrics.update(
            evaluate_frames(
                {name: array.argmax(axis=1) for name, array in scores.items()},
                {
                    name: paint_segments(
                        truth[name][:, 1:],
                        truth[name][:, 0],
                        len(array),
                        num_classes,
                    )
                    for name, array in scores.items()
                },
                num_classes,
            )
        )
        if self.dump is not None:
            rates = {name: entry['fps'] for name, entry in videos.items()}
            first = {
                name: _clip(rows, len(scores[name]))
                for name, rows in next(iter(found.values())).items()
            }
            save_detections(self.dump, first, metrics, classes, rates)
        if self.dump_scores is not None:
            save_scores(self.dump_scores, scores, classes)
        if self.per_class:
            return metrics
        return {
            key: value
            for key, value in metrics.items()
            if not key.split('/', 1)[-1].startswith('AP@')
        }

    def _detect(
        self,
        name: str,
        options: Mapping[str, Any],
        scores: Mapping[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        if name != 'runs':
            options = {'convention': self.convention, **options}
        return {
            video: PROPOSALS[name](array, **options)
            for video, array in scores.items()
        }

    def _evaluate(
        self,
        detections: Mapping[str, np.ndarray],
        truth: Mapping[str, np.ndarray],
        num_classes: int,
        classes: Sequence[str],
    ) -> dict[str, float]:
        options: dict[str, Any] = {'classes': classes}
        if self.protocol == 'babel':
            truth = {
                video: babel_ground_truth(rows, self.convention)
                for video, rows in truth.items()
            }
        elif self.protocol != 'activitynet':
            options['convention'] = self.convention
        if self.iou_thresholds is not None:
            if self.protocol == 'pkummd':
                options['theta'] = self.iou_thresholds[0]
            else:
                options['iou_thresholds'] = self.iou_thresholds
        return PROTOCOLS[self.protocol](
            detections, truth, num_classes, **options
        )


def _clip(detections: np.ndarray, num_frames: int) -> np.ndarray:
    """Detections within the video; the official sweep may go beyond it."""
    clipped = detections.copy()
    clipped[:, 2] = np.minimum(clipped[:, 2], num_frames)
    return clipped
