"""A picture of each of the first videos of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmsnip.registry import HOOKS
from mmsnip.visualization.file_names import safe_file_name
from mmsnip.visualization.pose import Poses
from mmsnip.visualization.visualizer import record_timeline


@HOOKS.register_module()
class TimelineHook(Hook):
    """Draw timelines while testing, and on request while validating.

    Only the main process draws, of the videos that it evaluates itself.
    Pictures go to the visualizer's backends and to `show_dir`.

    Args:
        show_dir (str | None): Folder for ``<safe video name>.png``; None
            writes no files of its own.
        max_videos (int): Pictures of one evaluation.
        interval (int): Draw every `interval`-th video.
        during_val (bool): Whether validation draws too; its files end in
            the number of training iterations.
        draw_poses (bool): Whether to add skeletons: the model's input, where
            the data set's metainfo has `parents`. Turn it off for inputs
            that are no positions (bone and motion streams); a data sample
            whose `stream` says so is left without by itself.

    Raises:
        ValueError: If `max_videos` is negative or `interval` below 1.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        show_dir: str | None = None,
        max_videos: int = 16,
        interval: int = 1,
        during_val: bool = False,
        draw_poses: bool = True,
    ) -> None:
        if max_videos < 0:
            raise ValueError(f'max_videos={max_videos} must not be negative')
        if interval < 1:
            raise ValueError(f'interval={interval} must be at least 1')
        self.show_dir = None if show_dir is None else Path(show_dir)
        self.max_videos = max_videos
        self.interval = interval
        self.during_val = during_val
        self.draw_poses = draw_poses
        self._restart()

    def before_test_epoch(self, runner: Runner) -> None:
        """Start counting.

        Args:
            runner (Runner): The runner.
        """
        self._restart()

    def before_val_epoch(self, runner: Runner) -> None:
        """Start counting.

        Args:
            runner (Runner): The runner.
        """
        self._restart()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draw the videos of a batch.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict | None): What the data loader gave.
            outputs (Sequence[BaseDataElement] | None): What the model
                answered.
        """
        self._draw(runner, data_batch, outputs, step=0, suffix='')

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draw the videos of a batch where `during_val` asks for it.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (dict | None): What the data loader gave.
            outputs (Sequence[BaseDataElement] | None): What the model
                answered.
        """
        if self.during_val:
            suffix = f'_{runner.iter}'
            self._draw(runner, data_batch, outputs, runner.iter, suffix)

    def _restart(self) -> None:
        self._seen = 0
        self._drawn = 0
        self._names: dict[str, int] = {}

    def _draw(
        self,
        runner: Runner,
        data_batch: dict | None,
        outputs: Sequence[BaseDataElement] | None,
        step: int,
        suffix: str,
    ) -> None:
        if not is_main_process():
            return
        for place, sample in enumerate(outputs or ()):
            wanted = self._seen % self.interval == 0
            self._seen += 1
            if not wanted or self._drawn >= self.max_videos:
                continue
            self._drawn += 1
            name = self._free_name(sample)
            out_file = None
            if self.show_dir is not None:
                out_file = (
                    self.show_dir / f'{safe_file_name(name)}{suffix}.png'
                )
            record_timeline(
                runner.visualizer,
                name,
                sample,
                poses=self._poses(runner, data_batch, sample, place),
                out_file=out_file,
                step=step,
            )

    def _free_name(self, sample: BaseDataElement) -> str:
        """Name of the video; its second window gets ``-2``, and so on."""
        name = str(sample.get('frame_dir') or f'video_{self._seen - 1:05d}')
        self._names[name] = self._names.get(name, 0) + 1
        count = self._names[name]
        return name if count == 1 else f'{name}-{count}'

    def _poses(
        self,
        runner: Runner,
        data_batch: dict | None,
        sample: BaseDataElement,
        place: int,
    ) -> Poses | None:
        """Skeletons of a sample, where the batch holds positions of them."""
        meta = runner.visualizer.dataset_meta or {}
        parents = meta.get('parents')
        if not self.draw_poses or parents is None or not data_batch:
            return None
        if tuple(sample.get('stream') or ('joint',)) != ('joint',):
            return None
        joints = _entry(data_batch.get('inputs'), place)
        scores = sample.get('pred_frame_scores')
        if joints is None or scores is None or joints.ndim != 4:
            return None
        T = len(scores)
        _, frames, V, C = joints.shape
        if frames < T or len(parents) != V or C not in (2, 3):
            return None
        mask = _entry(data_batch.get('body_mask'), place)
        return Poses(
            joints[:, :T].detach().cpu().float().numpy(),
            [int(p) for p in parents],
            'auto',
            meta.get('joint_names'),
            None if mask is None else mask[:, :T].cpu().numpy(),
        )


def _entry(batch: Any, place: int) -> Any:
    """Tensor of one sample; None for views, which come as lists of lists."""
    if batch is None or place >= len(batch):
        return None
    entry = batch[place]
    return entry if hasattr(entry, 'detach') else None
