"""The registered face of the protocols; never imported by ``__init__``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmsnip.evaluation.average_precision import class_names
from mmsnip.evaluation.protocols import (
    AS_ANNOTATED,
    check_protocol,
    count_classes,
    each_video_once,
    evaluate_scores,
    truth_note,
    video_entry,
    within_videos,
    without_classes,
)
from mmsnip.io.detections import save_detections
from mmsnip.io.scores import save_scores
from mmsnip.registry import METRICS


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
    segments by the rule of `FrameLabels`, which training follows, too. With
    the numbers of 'babel' the rule of its ground truth is logged: the data
    set's ``metainfo['label_rule']``, else that segments are as annotated.

    Args:
        protocol (str): 'babel', 'activitynet', 'pkummd' or 'voc'.
        proposals (Sequence[str] | Mapping[str, Mapping]): How frame scores
            become segments: 'sweep' (BABEL's thresholds), 'runs' (of the
            arg-max class), 'viterbi' (of labels that change only for a
            price; the frame metrics of these labels come with it), 'smooth'
            (PKU-MMD's); a mapping gives each its arguments, as
            ``dict(sweep=dict(min_length=5), viterbi=dict(switch_cost=5))``.
        iou_thresholds (Sequence[float], optional): None takes the
            protocol's own; 'pkummd' takes exactly one, its theta.
        convention (str): 'official', with the quirks of the data set's own
            code, or 'clean'.
        per_class (bool): Report ``AP@<iou>/<class>`` too; the dump always
            has them.
        dump (str, optional): JSON file for the detections of the first of
            ``proposals`` and all metrics.
        dump_scores (str, optional): ``.npz`` file for the frame scores and
            all that evaluates them, for ``tools/fuse.py``.
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
        self.protocol = protocol
        self.proposals = check_protocol(
            protocol, proposals, iou_thresholds, convention
        )
        self.iou_thresholds = iou_thresholds
        self.convention = convention
        self.per_class = per_class
        self.dump = dump
        self.dump_scores = dump_scores

    def process(
        self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]
    ) -> None:
        """Append one entry per video, truth and scores together."""
        fps = (self.dataset_meta or {}).get('fps')
        for sample in data_samples:
            self.results.append(
                video_entry(sample, fps, needs_fps=self.dump is not None)
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Metrics of all videos; writes the dumps."""
        videos = each_video_once(results)
        if not videos:
            return {}
        scores = {name: entry['scores'] for name, entry in videos.items()}
        truth = {name: entry['segments'] for name, entry in videos.items()}
        rates = {name: entry['fps'] for name, entry in videos.items()}
        meta = self.dataset_meta or {}
        classes = class_names(meta.get('classes'), count_classes(scores))
        settings = dict(
            protocol=self.protocol,
            proposals=self.proposals,
            iou_thresholds=self.iou_thresholds,
            convention=self.convention,
        )
        metrics, found = evaluate_scores(scores, truth, classes, **settings)
        if self.truth_note is not None:
            print_log(self.truth_note, logger='current')
        rule = dict(label_rule=meta.get('label_rule') or AS_ANNOTATED)
        if self.dump is not None:
            first = within_videos(next(iter(found.values())), scores)
            about = dict(
                protocol=self.protocol, convention=self.convention, **rule
            )
            save_detections(self.dump, first, metrics, classes, rates, about)
        if self.dump_scores is not None:
            save_scores(
                self.dump_scores,
                scores,
                classes,
                truth,
                rates,
                dict(settings, **rule),
            )
        return metrics if self.per_class else without_classes(metrics)

    @property
    def truth_note(self) -> str | None:
        """How the ground truth was made; None but for protocol 'babel'."""
        meta = self.dataset_meta or {}
        return truth_note(self.protocol, meta.get('label_rule'))
