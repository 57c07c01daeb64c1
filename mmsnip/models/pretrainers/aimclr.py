"""AimCLR: an extremely augmented view learns from the mild one."""

from __future__ import annotations

from collections.abc import Sequence

from mmsnip.models.pretrainers.mining import MiningPretrainer
from mmsnip.models.pretrainers.momentum import Embedding, View
from mmsnip.registry import MODELS


@MODELS.register_module()
class AimCLR(MiningPretrainer):
    """Query, key and extreme view; from an epoch on, mined positives.

    Total = InfoNCE(query, key) + divergence(extreme, query) + the snippet
    term, which compares query and key. Once mining has started, the entries
    nearest to query or extreme view are positives of the InfoNCE term, and
    those nearest to a query snippet are positives of the snippet term.

    The published model also drops the most attended joints and frames of the
    extreme view and averages the divergence over both; METHOD.md names the
    extreme view alone, and so does this class.

    Args and errors are those of ``MiningPretrainer``.

    Source:
        AimCLR (arXiv 2112.03590); Levigty/AimCLR 59fe004 ``net/aimclr.py``,
        ``processor/pretrain_aimclr.py``; METHOD.md section 1.
    """

    def loss(self, views: Sequence[View]) -> tuple[dict, Embedding]:
        """Compare the views (query, key, extreme).

        Args:
            views (Sequence[View]): In that order.

        Returns:
            tuple[dict, Embedding]: ``loss_global``, ``loss_divergence`` and,
            with a snippet head, ``loss_snippet``; and the key embedding.
        """
        query = self.embed_query(views[0])
        extreme = self.embed_extreme(views[2])
        key = self.embed_key(views[1])
        losses = self.global_head.loss(
            query.video, key.video, self.mine(query.video, extreme)
        )
        losses.update(self.divergence(extreme, query.video, key.video))
        if self.with_snippets:
            losses.update(
                self.snippet_head.loss(
                    query.snippets, key.snippets, self.mining
                )
            )
        return losses, key
