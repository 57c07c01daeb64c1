"""MoCo v2 for skeletons, with the snippet head as a plug."""

from __future__ import annotations

from collections.abc import Sequence

from mmsnip.models.pretrainers.momentum import (
    Embedding,
    MomentumPretrainer,
    View,
)
from mmsnip.registry import MODELS


@MODELS.register_module()
class SkeletonCLR(MomentumPretrainer):
    """Query view against key view, one queue for videos, one for snippets.

    Args and errors are those of ``MomentumPretrainer``.

    Source:
        SkeletonCLR of CrosSCLR (arXiv 2104.14565), hosted as in METHOD.md
        section 1: total = global loss + 1.5 x snippet loss.
    """

    def loss(self, views: Sequence[View]) -> tuple[dict, Embedding]:
        """Contrast the first view (query) with the second (key).

        Args:
            views (Sequence[View]): Query and key view.

        Returns:
            tuple[dict, Embedding]: ``loss_global`` and, with a snippet head,
            ``loss_snippet``; and the key embedding.
        """
        query = self.embed_query(views[0])
        key = self.embed_key(views[1])
        losses = self.global_head.loss(query.video, key.video)
        if self.with_snippets:
            losses.update(
                self.snippet_head.loss(query.snippets, key.snippets)
            )
        return losses, key
