"""Pictures of what a run tests and pre-trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmsnip.evaluation.neighbors import (
    cross_knn_accuracy,
    principal_plane,
    silhouette,
)
from mmsnip.evaluation.protocols import each_video_once, to_numpy, video_entry
from mmsnip.models.snippet_probe import (
    SnippetProbeHook,
    Snippets,
    classes_of,
    thin,
)
from mmsnip.registry import HOOKS
from mmsnip.structures.files import safe_file_name
from mmsnip.visualization.canvas import (
    BACKGROUND_COLOR,
    COLORS,
    INK,
    PRINT_DPI,
    PRINT_IN,
    class_style,
    dress,
    figure_to_array,
    fit_text,
    new_figure,
    percent,
    put_legend,
    save_figure,
)
from mmsnip.visualization.diagnosis import draw_diagnosis, save_pictures
from mmsnip.visualization.pose import Poses
from mmsnip.visualization.timeline import draw_timeline

DEFAULT_FPS = 30.0
MAX_POINTS = 1500  # of either set in a map
MARKERS = ('o', '^', 's', 'D', 'v', 'P')


def record_figures(
    visualizer: Visualizer, figures: Mapping[str, Figure], step: int = 0
) -> None:
    """Send pictures to the backends of any visualizer."""
    for name, figure in figures.items():
        image = figure_to_array(figure)
        visualizer.add_image(safe_file_name(name), image, step=step)


@HOOKS.register_module()
class TimelineHook(Hook):
    """Draw timelines of the first videos of a test.

    Only the main process draws, of the videos that it evaluates itself.
    Pictures go to the visualizer's backends and to `show_dir`; poses are the
    model's input, where that is positions and the metainfo has `parents`.

    Args:
        show_dir (str | None): Folder for ``<safe video name>.png``; None
            writes no files of its own.
        max_videos (int): Pictures of one test.
    """

    def __init__(
        self, show_dir: str | None = None, max_videos: int = 16
    ) -> None:
        self.show_dir = None if show_dir is None else Path(show_dir)
        self.max_videos = max_videos
        self.names: list[str] = []

    def before_test_epoch(self, runner: Runner) -> None:
        """Forget earlier videos."""
        self.names = []

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Draw the videos of a batch."""
        if not is_main_process():
            return
        meta = runner.visualizer.dataset_meta or {}
        for place, sample in enumerate(outputs or ()):
            if len(self.names) >= self.max_videos:
                return
            name = str(sample.get('frame_dir') or 'video')
            self.names.append(name)
            # The second window of a video gets -2, and so on.
            count = self.names.count(name)
            name = name if count == 1 else f'{name}-{count}'
            poses = poses_of(meta, data_batch, sample, place)
            figure = draw_data_sample(sample, meta, poses, name)
            record_figures(runner.visualizer, {name: figure})
            if self.show_dir is not None:
                file = f'{safe_file_name(name)}.png'
                save_figure(figure, self.show_dir / file)


def draw_data_sample(
    sample: BaseDataElement,
    meta: Mapping[str, Any],
    poses: Poses | None,
    title: str,
) -> Figure:
    """Timeline of what a localizer says of a video."""
    scores = to_numpy(sample.pred_frame_scores)
    classes = meta.get('classes')
    if classes is None:
        classes = [f'class {i}' for i in range(scores.shape[1] - 1)]
    segments, labels = sample.get('segments'), sample.get('segment_labels')
    truth = None
    if segments is not None and labels is not None:
        bounds = to_numpy(segments).reshape(-1, 2)
        truth = np.column_stack([to_numpy(labels).reshape(-1), bounds])
    fps = float(sample.get('fps') or meta.get('fps') or DEFAULT_FPS)
    about = dict(scores=scores, poses=poses, title=title)
    return draw_timeline(truth, None, classes, len(scores), fps, **about)


def poses_of(
    meta: Mapping[str, Any],
    data_batch: Mapping[str, Any] | None,
    sample: BaseDataElement,
    place: int,
) -> Poses | None:
    """Skeletons of a sample, where the batch holds positions of them."""
    parents = meta.get('parents')
    joints = (data_batch or {}).get('inputs')
    stream = tuple(sample.get('stream') or ('joint',))
    if parents is None or joints is None or stream != ('joint',):
        return None
    joints, T = joints[place], len(sample.pred_frame_scores)
    # Views come as lists of tensors.
    if not hasattr(joints, 'ndim') or joints.ndim != 4:
        return None
    _, frames, V, C = joints.shape
    if frames < T or len(parents) != V or C not in (2, 3):
        return None
    mask = data_batch.get('body_mask')
    return Poses(
        to_numpy(joints[:, :T]),
        [int(p) for p in parents],
        joint_names=meta.get('joint_names'),
        body_mask=None if mask is None else to_numpy(mask[place][:, :T]),
    )


@HOOKS.register_module()
class DiagnosisHook(Hook):
    """Draw what went wrong in a test: `draw_diagnosis` of all its videos.

    Pictures go to the visualizer's backends as ``diagnosis_<picture>`` and to
    `show_dir`, with the settings of the test's first `SegmentMAP`. Videos of
    all processes count; the main one draws. A test that cannot be diagnosed,
    one of windows or without truth, says why in the log and goes on.

    Args:
        show_dir (str | None): Folder of the pictures; None writes no files.
    """

    def __init__(self, show_dir: str | None = None) -> None:
        self.show_dir = show_dir
        self.entries: list[dict[str, Any]] = []
        self.refusal: str | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Forget earlier videos."""
        self.entries, self.refusal = [], None

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Keep the videos of a batch."""
        for sample in outputs or ():
            if self.refusal is None:
                try:
                    self.entries.append(video_entry(sample.to_dict()))
                except ValueError as error:
                    self.entries, self.refusal = [], str(error)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Draw the pictures of all processes' videos."""
        shares = all_gather_object((self.entries, self.refusal))
        self.entries = []
        if not is_main_process():
            return
        try:
            for _, refusal in shares:
                if refusal is not None:
                    raise ValueError(refusal)
            videos = each_video_once([e for part, _ in shares for e in part])
            scores, truth = (
                {name: entry[key] for name, entry in videos.items()}
                for key in ('scores', 'segments')
            )
            classes = (runner.visualizer.dataset_meta or {}).get('classes')
            settings = settings_of(runner.test_loop)
            figures = draw_diagnosis(scores, truth, classes, settings)
        except ValueError as error:
            print_log(f'no pictures of the diagnosis: {error}', 'current')
            return
        named = {f'diagnosis_{name}': fig for name, fig in figures.items()}
        record_figures(runner.visualizer, named)
        if self.show_dir is not None:
            save_pictures(figures, self.show_dir)


def settings_of(loop: Any) -> dict[str, Any]:
    """How the first `SegmentMAP` of a loop evaluates."""
    keys = ('protocol', 'proposals', 'convention')
    for metric in loop.evaluator.metrics:
        if all(hasattr(metric, key) for key in keys):
            return {key: getattr(metric, key) for key in keys}
    return {}


class Embedding(NamedTuple):
    """Labelled snippets of one encoder, (num_snippets, C) features."""

    name: str
    features: np.ndarray
    labels: np.ndarray  # num_classes is the background
    videos: np.ndarray


@HOOKS.register_module()
class EmbeddingMapHook(SnippetProbeHook):
    """A probe that also draws the snippets before and after training.

    It probes as `SnippetProbeHook` does, and the last probe's snippets are
    those of the second map. Training goes on as if there were no hook. A run
    that resumes has no map of its beginning. The picture, two principal
    planes with the k-NN accuracy and silhouette of the whole space, goes to
    the visualizer's backends as ``embedding`` and to `show_dir`.

    Args:
        train_dataloader (dict): As `SnippetProbeHook` takes it.
        val_dataloader (dict): The same, of other videos.
        show_dir (str | None): Folder for ``embedding.png``; None writes no
            file.
        **kwargs (Any): Of `SnippetProbeHook`.
    """

    def __init__(
        self,
        train_dataloader: dict,
        val_dataloader: dict,
        show_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(train_dataloader, val_dataloader, **kwargs)
        self.show_dir = show_dir
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
        if not self.is_last_train_epoch(runner):
            return found
        epochs = runner.epoch + 1
        self._add(found, f'after {epochs} epoch{"s" if epochs > 1 else ""}')
        if is_main_process():
            classes = classes_of(self._loaders['train_dataloader'])
            if classes is None:
                most = max(int(each.labels.max()) for each in self.embeddings)
                classes = [f'class {i}' for i in range(most + 1)]
            try:
                figure = draw_embeddings(self.embeddings, classes)
            except ValueError as error:
                print_log(f'no map of the embedding: {error}', 'current')
                return found
            record_figures(runner.visualizer, {'embedding': figure}, epochs)
            if self.show_dir is not None:
                save_figure(figure, Path(self.show_dir, 'embedding.png'))
        return found

    def _add(self, found: tuple[Snippets, Snippets], name: str) -> None:
        parts = [thin({0: part}, MAX_POINTS)[1][0] for part in found]
        features = np.concatenate([part.features for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        videos = np.repeat(range(len(parts)), [len(p.labels) for p in parts])
        self.embeddings.append(Embedding(name, features, labels, videos))


def draw_embeddings(
    embeddings: Sequence[Embedding], classes: Sequence[str]
) -> Figure:
    """One or two maps side by side, a colour and a marker for each class."""
    present = np.unique(np.concatenate([e.labels for e in embeddings]))
    columns = min(4 if len(present) > 8 else 5, max(len(present), 1))
    height_in = PRINT_IN / 2 + 0.4 + 0.2 * -(-len(present) // columns)
    figure = new_figure(PRINT_IN, height_in, PRINT_DPI, layout='constrained')
    axes = figure.subplots(1, 2)
    looks = {}
    for index in present.tolist():
        known = index < len(classes)
        looks[index] = dict(
            color=class_style(index).color if known else BACKGROUND_COLOR,
            marker=MARKERS[(index // len(COLORS)) % 6] if known else 'o',
        )
    for ax, embedding in zip(axes, embeddings):
        _draw_map(ax, embedding, len(classes), looks)
    for ax in axes[len(embeddings) :]:
        ax.remove()
    handles = []
    for index, look in looks.items():
        name = [*classes, 'background'][index]
        label = fit_text(figure, str(name), 8.0, 1.3)
        sample = Line2D([], [], ls='none', ms=5, mew=0, label=label, **look)
        handles.append(sample)
    put_legend(figure, handles, 'outside lower left', ncols=columns)
    return figure


def _draw_map(
    ax: Axes, embedding: Embedding, background: int, looks: Mapping[int, dict]
) -> None:
    """Principal plane; k-NN accuracy and silhouette are of the actions."""
    name, features, labels, videos = embedding
    ax.set_label('map')
    positions, shares = principal_plane(features.astype(np.float64))
    size = float(np.clip(9000 / max(len(labels), 1), 4, 16))
    for index in np.unique(labels)[::-1].tolist():
        known = index < background
        ax.scatter(
            *positions[labels == index].T,
            s=size if known else 0.5 * size,
            alpha=0.75 if known else 0.3,
            linewidths=0,
            gid=f'class {index}' if known else 'background',
            **looks[index],
        )
    axes = [
        f'PC {i} ({100 * share:.0f} % of variance)'
        for i, share in enumerate(shares, 1)
    ]
    dress(ax, sides=ax.spines, xlabel=axes[0], ylabel=axes[1])
    ax.set(xticks=[], yticks=[], box_aspect=1)
    ax.margins(0.04)
    ax.set_title(name, loc='left', size=9.5, color=INK, pad=17)
    action = labels != background
    note = 'fewer than two classes'
    if len(np.unique(labels[action])) > 1:
        parts = [part[action] for part in (features, labels, videos)]
        knn, spread = cross_knn_accuracy(*parts), silhouette(*parts[:2])
        note = f'k-NN {percent(knn)} %,  silhouette {spread:.2f}'
    above = dict(xycoords='axes fraction', textcoords='offset points')
    ax.annotate(
        note, (0, 1), (0, 5), size=8, color=INK, gid='numbers', **above
    )
