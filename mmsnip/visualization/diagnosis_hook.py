"""Pictures of a whole evaluation, drawn as it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmsnip.evaluation.records import each_video_once, video_entry
from mmsnip.registry import HOOKS
from mmsnip.visualization.diagnosis_pictures import (
    draw_diagnosis,
    save_pictures,
)
from mmsnip.visualization.visualizer import record_figures


@HOOKS.register_module()
class DiagnosisHook(Hook):
    """Draw what went wrong in a test: `draw_diagnosis` of all its videos.

    Pictures go to the visualizer's backends as ``diagnosis_<picture>`` and to
    `show_dir`. Settings that are not given are those of the test's first
    `SegmentMAP`. Videos of all processes count; the main one draws. A test
    that cannot be diagnosed, one of windows or without truth, says why in
    the log and goes on.

    Args:
        show_dir (str | None): Folder of the pictures; None writes no files.
        iou_threshold (float): Of curves, errors and sensitivity.
        iou_thresholds (Sequence[float]): Of the bars of AP.
        bins (str | dict): See `analyze_sensitivity`.
        ending (str): Of the files: ``png``, ``pdf`` or ``svg``.
        during_val (bool): Whether validation draws too, for the backends, at
            the number of training iterations; its files end in it.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        show_dir: str | None = None,
        iou_threshold: float = 0.5,
        iou_thresholds: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5),
        bins: str | dict = 'quantile',
        ending: str = 'png',
        during_val: bool = False,
    ) -> None:
        self.show_dir = None if show_dir is None else Path(show_dir)
        self.options = dict(
            iou_threshold=iou_threshold,
            iou_thresholds=tuple(iou_thresholds),
            bins=bins,
        )
        self.ending = ending
        self.during_val = during_val
        self._samples: list[dict[str, Any]] = []
        self._refusal: str | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Forget earlier videos.

        Args:
            runner (Runner): The runner.
        """
        self._samples, self._refusal = [], None

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget earlier videos.

        Args:
            runner (Runner): The runner.
        """
        self._samples, self._refusal = [], None

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Keep the videos of a batch.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict | None): What the data loader gave.
            outputs (Sequence[BaseDataElement] | None): What the model
                answered.
        """
        fps = (runner.visualizer.dataset_meta or {}).get('fps')
        for sample in outputs or ():
            if self._refusal is not None:
                return
            try:
                self._samples.append(video_entry(sample.to_dict(), fps))
            except ValueError as error:
                self._samples, self._refusal = [], str(error)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Keep the videos of a batch where `during_val` asks for it.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict | None): What the data loader gave.
            outputs (Sequence[BaseDataElement] | None): What the model
                answered.
        """
        if self.during_val:
            self.after_test_iter(runner, batch_idx, data_batch, outputs)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Draw the pictures.

        Args:
            runner (Runner): The runner.
            metrics (dict | None): Not used.
        """
        self._draw(runner, runner.test_loop, step=0, suffix='')

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Draw the pictures where `during_val` asks for it.

        Args:
            runner (Runner): The runner.
            metrics (dict | None): Not used.
        """
        if self.during_val:
            step = runner.iter
            self._draw(runner, runner.val_loop, step, suffix=f'_{step}')

    def _draw(self, runner: Runner, loop: Any, step: int, suffix: str) -> None:
        shares = all_gather_object((self._samples, self._refusal))
        self._samples = []
        if not is_main_process():
            return
        refusal = next((why for _, why in shares if why is not None), None)
        figures: dict[str, Figure] = {}
        if refusal is None:
            try:
                figures = self._figures(runner, loop, shares)
            except ValueError as error:
                refusal = str(error)
        if refusal is not None:
            print_log(f'no pictures of the diagnosis: {refusal}', 'current')
            return
        record_figures(
            runner.visualizer,
            {f'diagnosis_{name}': figure for name, figure in figures.items()},
            step,
        )
        if self.show_dir is not None:
            named = {f'{name}{suffix}': fig for name, fig in figures.items()}
            save_pictures(named, self.show_dir, self.ending)

    def _figures(
        self, runner: Runner, loop: Any, shares: Sequence[tuple]
    ) -> dict[str, Figure]:
        videos = each_video_once(
            [entry for samples, _ in shares for entry in samples]
        )
        meta = runner.visualizer.dataset_meta or {}
        return draw_diagnosis(
            {name: entry['scores'] for name, entry in videos.items()},
            {name: entry['segments'] for name, entry in videos.items()},
            meta.get('classes'),
            {name: entry['fps'] for name, entry in videos.items()},
            settings_of(loop),
            **self.options,
        )


def settings_of(loop: Any) -> dict[str, Any]:
    """How the first `SegmentMAP` of a loop evaluates.

    Args:
        loop (Any): Test or validation loop; its ``evaluator`` is read.

    Returns:
        dict[str, Any]: ``protocol``, ``proposals`` and ``convention``; empty
        where no metric has them.
    """
    keys = ('protocol', 'proposals', 'convention')
    for metric in getattr(getattr(loop, 'evaluator', None), 'metrics', ()):
        if all(hasattr(metric, key) for key in keys):
            return {key: getattr(metric, key) for key in keys}
    return {}
