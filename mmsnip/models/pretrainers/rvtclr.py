"""RVTCLR: the same appearance at two tempi, told apart by motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from mmsnip.models.heads.contrast import Snippets
from mmsnip.models.pretrainers.aimclr import MiningPretrainer
from mmsnip.models.pretrainers.momentum import View
from mmsnip.registry import MODELS


class TempoEmbedding(NamedTuple):
    """What a branch makes of a view.

    Attributes:
        video (Tensor): Appearance embeddings of unit length, (N, D).
        snippets (Snippets, optional): None without a snippet head.
        motion (Tensor): Motion embeddings of unit length, (N, D).
    """

    video: Tensor
    snippets: Snippets | None
    motion: Tensor


@MODELS.register_module()
class RVTCLR(MiningPretrainer):
    """Query, key at its tempo, key at the other tempo, extreme view.

    `mmsnip.RelativeTempo` makes these four views. Total = InfoNCE with the
    key of the query's tempo + InfoNCE with that of the other tempo + margin
    ranking of the motion head + divergence(extreme, query) + the snippet
    term, whose positives come from the key of the other tempo. The queues
    keep the keys of the other tempo. Mining is AimCLR's, and both InfoNCE
    terms share the mined entries.

    The published model reads the extreme view with a module of body parts
    and a projector of its own; here the global head does, as in AimCLR. It
    drops nothing by attention.

    Args:
        backbone (dict): Config of the encoder.
        global_head (dict): Config of the appearance head.
        snippet_head (dict, optional): Config of the snippet-level head.
            None: the framework alone, its own baseline.
        motion_head (dict, optional): Config of the motion head. Defaults to
            ``dict(type='mmsnip.TempoRankingHead')``.
        mining_epoch (int, optional): First epoch with mining, counted from
            0. None: never. Defaults to 200.
        divergence_weight (float): Weight of the divergence term. Defaults to
            1.0.
        key_momentum (float): As in ``MomentumPretrainer``. Defaults to 0.999.
        data_preprocessor (dict, optional): As in ``MomentumPretrainer``.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: As ``MiningPretrainer`` does.

    Source:
        RVTCLR (Zhu et al., ICCV 2023); Zhuysheng/RVTCLR 8782889
        ``net/skeletonclr.py``, ``processor/pretrain_skeletonclr.py``; the
        snippet term in it: METHOD.md section 1.
    """

    num_views = 4

    def __init__(
        self,
        backbone: dict,
        global_head: dict,
        snippet_head: dict | None = None,
        motion_head: dict | None = None,
        mining_epoch: int | None = 200,
        divergence_weight: float = 1.0,
        key_momentum: float = 0.999,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(
            backbone,
            global_head,
            snippet_head,
            mining_epoch,
            divergence_weight,
            key_momentum,
            data_preprocessor,
            init_cfg,
        )
        if motion_head is None:
            motion_head = dict(type='mmsnip.TempoRankingHead')
        channels = dict(in_channels=self.backbone.out_channels[-1])
        self.motion_head = MODELS.build({**channels, **motion_head})
        self.follow_query_encoder(key_momentum)

    def project(
        self,
        features: Tensor,
        mask: Tensor | None,
        projectors: nn.ModuleDict | None = None,
    ) -> TempoEmbedding:
        """Embed encoded frames, their motion too."""
        appearance = super().project(features, mask, projectors)
        copy = None if projectors is None else projectors['motion_projector']
        return TempoEmbedding(
            *appearance, self.motion_head(features, mask, copy)
        )

    def loss(self, views: Sequence[View]) -> tuple[dict, TempoEmbedding]:
        """Compare the views (query, same tempo, other tempo, extreme)."""
        query = self.embed_query(views[0])
        extreme = self.embed_extreme(views[3])
        same, other = self.embed_key(views[1]), self.embed_key(views[2])
        neighbors = self.mine(query.video, [extreme])
        losses = self.global_head.loss(query.video, same.video, neighbors)
        across = self.global_head.loss(query.video, other.video, neighbors)
        losses['loss_global_other'] = across['loss_global']
        losses.update(
            self.motion_head.loss(query.motion, same.motion, other.motion)
        )
        losses.update(self.divergence([extreme], query.video, same.video))
        if self.with_snippets:
            losses.update(
                self.snippet_head.loss(
                    query.snippets, other.snippets, self.mining
                )
            )
        return losses, other
