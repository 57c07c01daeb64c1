"""A map of the snippets as pre-training starts, and one as it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsnip.models.labelled_snippets import Snippets, thin
from mmsnip.models.probe_loader import classes_of
from mmsnip.models.snippet_probe import SnippetProbeHook
from mmsnip.registry import HOOKS
from mmsnip.visualization.canvas import save_figure
from mmsnip.visualization.embedding_map import Embedding, draw_embeddings
from mmsnip.visualization.visualizer import record_figures


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
        """Encode with the weights that training starts from.

        Args:
            runner (Runner): The runner.
        """
        super().before_train(runner)
        self.embeddings = []
        if runner.epoch == 0:
            self._add(self._snippets(runner), 'before pre-training')

    def _probe(self, runner: Runner) -> tuple[Snippets, Snippets]:
        """Probe, and draw where it was the last time."""
        found = super()._probe(runner)
        if self.is_last_train_epoch(runner):
            self._draw(runner, found)
        return found

    def _draw(self, runner: Runner, last: tuple[Snippets, Snippets]) -> None:
        epochs = runner.epoch + 1
        plural = 's' if epochs > 1 else ''
        self._add(last, f'after {epochs} epoch{plural}')
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
        self.embeddings.append(
            Embedding(
                name,
                np.concatenate([part.features for part in parts]),
                np.concatenate([part.labels for part in parts]),
                np.repeat(range(len(parts)), [len(p.labels) for p in parts]),
            )
        )
