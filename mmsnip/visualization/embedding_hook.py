"""A map of the snippets as pre-training starts, and one as it ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmsnip.models.probe_loader import classes_of
from mmsnip.models.snippet_probe import SnippetProbeHook
from mmsnip.models.undisturbed import main_statistics, undisturbed
from mmsnip.registry import HOOKS
from mmsnip.visualization.canvas import save_figure
from mmsnip.visualization.embedding_map import Embedding, draw_embeddings
from mmsnip.visualization.visualizer import record_figures


@HOOKS.register_module()
class EmbeddingMapHook(SnippetProbeHook):
    """Draw `draw_embeddings` before and after pre-training.

    Snippets are those of `SnippetProbeHook`, of both its loaders; in the
    k-NN accuracy those of one loader vote on those of the other. Training
    goes on as if there were no hook. A run that resumes has no map of its
    beginning. The picture goes to the visualizer's backends as
    ``embedding`` and to `show_dir`.

    Args:
        train_dataloader (dict): As `SnippetProbeHook` takes it.
        val_dataloader (dict): The same, of other videos.
        show_dir (str | None): Folder for ``embedding.png``; None writes no
            file.
        method (str): 'pca', 'tsne' or 'umap', see `draw_embeddings`.
        snippet_frames (int, optional): As `SnippetProbeHook` takes it.
        max_snippets (int): Most snippets of either loader.

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
        snippet_frames: int | None = None,
        max_snippets: int = 1500,
    ) -> None:
        super().__init__(
            train_dataloader,
            val_dataloader,
            snippet_frames=snippet_frames,
            max_snippets=max_snippets,
        )
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
            self._add(runner, 'before pre-training')

    def after_train_epoch(self, runner: Runner) -> None:
        """Encode and draw after the last epoch.

        Args:
            runner (Runner): The runner.
        """
        if not self.is_last_train_epoch(runner):
            return
        epochs = runner.epoch + 1
        plural = 's' if epochs > 1 else ''
        self._add(runner, f'after {epochs} epoch{plural}')
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

    def _add(self, runner: Runner, name: str) -> None:
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        with undisturbed(model), main_statistics(model):
            parts = [
                self._encode(model, key, loader)
                for key, loader in self._build(model).items()
            ]
        self.embeddings.append(
            Embedding(
                name,
                np.concatenate([part.features for part in parts]),
                np.concatenate([part.labels for part in parts]),
                np.repeat(range(len(parts)), [len(p.labels) for p in parts]),
            )
        )
