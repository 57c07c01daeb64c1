"""Pictures of what a run tests, validates and pre-trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmsnip.evaluation.records import each_video_once, video_entry
from mmsnip.models.snippet_probe import (
    SnippetProbeHook,
    Snippets,
    classes_of,
    thin,
)
from mmsnip.registry import HOOKS
from mmsnip.structures.files import safe_file_name
from mmsnip.visualization.canvas import save_figure
from mmsnip.visualization.diagnosis import draw_diagnosis, save_pictures
from mmsnip.visualization.pose import Poses
from mmsnip.visualization.training import Embedding, draw_embeddings
from mmsnip.visualization.visualizer import record_figures, record_timeline


class _PictureHook(Hook):
    """Looks at each batch of a test, and on request of a validation."""

    priority = 'NORMAL'

    def __init__(self, show_dir: str | None, during_val: bool) -> None:
        self.show_dir = None if show_dir is None else Path(show_dir)
        self.during_val = during_val
        self.restart()

    def finish(
        self, runner: Runner, loop: Any, step: int, suffix: str
    ) -> None:
        """Look back at the whole loop."""

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        """Forget earlier videos."""
        if mode != 'train':
            self.restart()

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
        mode: str = 'train',
    ) -> None:
        """Look at a batch."""
        place = self._place(runner, mode)
        if place is not None:
            self.look(runner, data_batch, outputs or (), *place)

    def _after_epoch(self, runner: Runner, mode: str = 'train') -> None:
        """Look back at the loop."""
        place = self._place(runner, mode)
        if place is not None:
            self.finish(runner, getattr(runner, f'{mode}_loop'), *place)

    def _place(self, runner: Runner, mode: str) -> tuple[int, str] | None:
        """Step and ending of the pictures, None where none are drawn."""
        if mode == 'val' and self.during_val:
            return runner.iter, f'_{runner.iter}'
        return (0, '') if mode == 'test' else None


@HOOKS.register_module()
class TimelineHook(_PictureHook):
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

    def __init__(
        self,
        show_dir: str | None = None,
        max_videos: int = 16,
        interval: int = 1,
        during_val: bool = False,
        draw_poses: bool = True,
    ) -> None:
        if max_videos < 0 or interval < 1:
            raise ValueError(
                f'max_videos={max_videos} must not be negative and '
                f'interval={interval} at least 1'
            )
        super().__init__(show_dir, during_val)
        self.max_videos = max_videos
        self.interval = interval
        self.draw_poses = draw_poses

    def restart(self) -> None:
        """Start counting."""
        self._seen = self._drawn = 0
        self._names: dict[str, int] = {}

    def look(
        self,
        runner: Runner,
        data_batch: dict | None,
        outputs: Sequence[BaseDataElement],
        step: int,
        suffix: str,
    ) -> None:
        """Draw the videos of a batch."""
        if not is_main_process():
            return
        for place, sample in enumerate(outputs):
            wanted = self._seen % self.interval == 0
            self._seen += 1
            if not wanted or self._drawn >= self.max_videos:
                continue
            self._drawn += 1
            # The second window of a video gets -2, and so on.
            name = str(
                sample.get('frame_dir') or f'video_{self._seen - 1:05d}'
            )
            count = self._names[name] = self._names.get(name, 0) + 1
            name = name if count == 1 else f'{name}-{count}'
            out_file = None
            if self.show_dir is not None:
                stem = f'{safe_file_name(name)}{suffix}'
                out_file = self.show_dir / f'{stem}.png'
            poses = self.poses_of(runner, data_batch, sample, place)
            about = dict(poses=poses, out_file=out_file, step=step)
            record_timeline(runner.visualizer, name, sample, **about)

    def poses_of(
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
    return batch[place] if hasattr(batch[place], 'detach') else None


@HOOKS.register_module()
class DiagnosisHook(_PictureHook):
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

    def __init__(
        self,
        show_dir: str | None = None,
        iou_threshold: float = 0.5,
        iou_thresholds: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5),
        bins: str | dict = 'quantile',
        ending: str = 'png',
        during_val: bool = False,
    ) -> None:
        super().__init__(show_dir, during_val)
        self.options = dict(
            iou_threshold=iou_threshold,
            iou_thresholds=tuple(iou_thresholds),
            bins=bins,
        )
        self.ending = ending

    def restart(self) -> None:
        """Forget earlier videos."""
        self._samples: list[dict[str, Any]] = []
        self._refusal: str | None = None

    def look(
        self,
        runner: Runner,
        data_batch: dict | None,
        outputs: Sequence[BaseDataElement],
        step: int,
        suffix: str,
    ) -> None:
        """Keep the videos of a batch."""
        fps = (runner.visualizer.dataset_meta or {}).get('fps')
        for sample in outputs:
            if self._refusal is not None:
                return
            try:
                self._samples.append(video_entry(sample.to_dict(), fps))
            except ValueError as error:
                self._samples, self._refusal = [], str(error)

    def finish(
        self, runner: Runner, loop: Any, step: int, suffix: str
    ) -> None:
        """Draw the pictures of all processes' videos."""
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
        named = {f'diagnosis_{name}': fig for name, fig in figures.items()}
        record_figures(runner.visualizer, named, step)
        if self.show_dir is not None:
            named = {f'{name}{suffix}': fig for name, fig in figures.items()}
            save_pictures(named, self.show_dir, self.ending)

    def _figures(
        self, runner: Runner, loop: Any, shares: Sequence[tuple]
    ) -> dict[str, Figure]:
        videos = each_video_once([e for entries, _ in shares for e in entries])
        meta = runner.visualizer.dataset_meta or {}
        scores, truth, rates = (
            {name: entry[key] for name, entry in videos.items()}
            for key in ('scores', 'segments', 'fps')
        )
        settings = settings_of(loop)
        classes = meta.get('classes')
        return draw_diagnosis(
            scores, truth, classes, rates, settings, **self.options
        )


def settings_of(loop: Any) -> dict[str, Any]:
    """How the first `SegmentMAP` of a loop evaluates."""
    keys = ('protocol', 'proposals', 'convention')
    for metric in getattr(getattr(loop, 'evaluator', None), 'metrics', ()):
        if all(hasattr(metric, key) for key in keys):
            return {key: getattr(metric, key) for key in keys}
    return {}


@HOOKS.register_module()
class EmbeddingMapHook(SnippetProbeHook):
    """A probe that also draws `draw_embeddings` before and after training.

    It probes as `SnippetProbeHook` does, and the last probe's snippets are
    those of the second map. Training goes on as if there were no hook. A run
    that resumes has no map of its beginning. The picture goes to the
    visualizer's backends as ``embedding`` and to `show_dir`.

    Args:
        train_dataloader (dict): As `SnippetProbeHook` takes it.
        val_dataloader (dict): The same, of other videos.
        show_dir (str | None): Folder for ``embedding.png``; None writes no
            file.
        method (str): 'pca', 'tsne' or 'umap', see `draw_embeddings`.
        max_points (int): Most snippets of either loader in a map.
        **kwargs (Any): Of `SnippetProbeHook`.

    Raises:
        ValueError: If a number is out of range; as training starts, if a
            loader does not fit.
    """

    def __init__(
        self,
        train_dataloader: dict,
        val_dataloader: dict,
        show_dir: str | None = None,
        method: str = 'pca',
        max_points: int = 1500,
        **kwargs: Any,
    ) -> None:
        super().__init__(train_dataloader, val_dataloader, **kwargs)
        if max_points < 1:
            raise ValueError(f'max_points={max_points} must be at least 1')
        self.max_points = max_points
        self.show_dir = None if show_dir is None else Path(show_dir)
        self.method = method
        self.embeddings: list[Embedding] = []

    def before_train(self, runner: Runner) -> None:
        """Encode with the weights that training starts from."""
        super().before_train(runner)
        self.embeddings = []
        if runner.epoch == 0:
            self._add(self._snippets(runner), 'before pre-training')

    def _probe(self, runner: Runner) -> tuple[Snippets, Snippets]:
        """Probe, and draw where it was the last time."""
        found = super()._probe(runner)
        if self.is_last_train_epoch(runner):
            epochs = runner.epoch + 1
            plural = 's' if epochs > 1 else ''
            self._add(found, f'after {epochs} epoch{plural}')
            self._draw(runner, epochs)
        return found

    def _draw(self, runner: Runner, epochs: int) -> None:
        if not is_main_process():
            return
        classes = classes_of(self._loaders['train_dataloader'])
        if classes is None:
            most = max(int(each.labels.max()) for each in self.embeddings)
            classes = [f'class {i}' for i in range(most + 1)]
        try:
            figure = draw_embeddings(self.embeddings, classes, self.method)
        except ValueError as error:
            print_log(f'no map of the embedding: {error}', 'current')
            return
        record_figures(runner.visualizer, {'embedding': figure}, epochs)
        if self.show_dir is not None:
            save_figure(figure, self.show_dir / 'embedding.png')

    def _add(self, found: tuple[Snippets, Snippets], name: str) -> None:
        parts = [thin({0: part}, self.max_points)[1][0] for part in found]
        features = np.concatenate([part.features for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        videos = np.repeat(range(len(parts)), [len(p.labels) for p in parts])
        self.embeddings.append(Embedding(name, features, labels, videos))
