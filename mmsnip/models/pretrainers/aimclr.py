"""AimCLR: an extremely augmented view learns from the mild one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmsnip.models.attention_drop import AttentionDrop
from mmsnip.models.persons import (
    encode_each_person,
    person_frames,
    stage_lengths,
)
from mmsnip.models.pretrainers.mining import MiningPretrainer
from mmsnip.models.pretrainers.momentum import Embedding, View
from mmsnip.models.time import frame_mask
from mmsnip.registry import MODELS


@MODELS.register_module()
class AimCLR(MiningPretrainer):
    """Query, key and extreme view; from an epoch on, mined positives.

    Total = InfoNCE(query, key) + divergence(extreme, query) + the snippet
    term, which compares query and key. Once mining has started, the entries
    nearest to query or extreme view are positives of the InfoNCE term, and
    those nearest to a query snippet are positives of the snippet term.

    METHOD.md names the extreme view alone, and so does this class by
    default. With ``attention_drop`` it is the published model: the features
    of the extreme view are embedded twice, as they are and without what
    stands out of them (`mmsnip.models.attention_drop`); the divergence is
    the mean of both, and both choose entries in mining.

    As published: where the drop sits (last stage, before any pooling), the
    attention, the threshold 0.7, what is dropped and how the rest is scaled,
    the teacher and the choice without gradients, the mean and the union. The
    choice is not random and not limited to training: wherever the losses are
    computed it is part of them, features and predictions never lose
    anything.

    Different here: absent persons and padded frames are neither attended to,
    dropped nor counted in the scale. The first published code (59fe004)
    overwrites its masks so that nothing is ever dropped, which is this class
    without the option; d12da71 drops.

    Args:
        backbone (dict): Config of the encoder.
        global_head (dict): Config of the video-level head.
        snippet_head (dict, optional): Config of the snippet-level head.
            None: the framework alone, its own baseline.
        mining_epoch (int, optional): First epoch with mining, counted from
            0. None: never. Defaults to 200.
        divergence_weight (float): Weight of the divergence term. Defaults to
            1.0.
        key_momentum (float): As in ``MomentumPretrainer``. Defaults to 0.999.
        data_preprocessor (dict, optional): As in ``MomentumPretrainer``.
        init_cfg (dict or list[dict], optional): Initialisation.
        attention_drop (dict, optional): ``threshold`` and ``epsilon`` of
            ``AttentionDrop``; ``dict()``: the published 0.7 and 1e-4. None:
            the extreme view alone.

    Raises:
        ValueError: As ``MiningPretrainer`` does, or if ``attention_drop`` is
            not understood.

    Source:
        AimCLR (arXiv 2112.03590); Levigty/AimCLR 59fe004 ``net/aimclr.py``,
        ``net/st_gcn.py``, ``processor/pretrain_aimclr.py``, d12da71
        ``net/att_drop.py``; METHOD.md section 1.
    """

    def __init__(
        self,
        backbone: dict,
        global_head: dict,
        snippet_head: dict | None = None,
        mining_epoch: int | None = 200,
        divergence_weight: float = 1.0,
        key_momentum: float = 0.999,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list | None = None,
        attention_drop: dict | None = None,
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
        self.attention_drop = None
        if attention_drop is not None:
            unknown = sorted(set(attention_drop) - {'threshold', 'epsilon'})
            if unknown:
                raise ValueError(
                    f'attention_drop: keys {unknown} are unknown; it takes '
                    'threshold (the published keep_prob) and epsilon'
                )
            self.attention_drop = AttentionDrop(**attention_drop)

    def embed_extremes(self, view: View) -> list[Tensor]:
        """Embed the extreme view, and with ``attention_drop`` what it leaves.

        Args:
            view (View): The extreme view.

        Returns:
            list[Tensor]: Video embeddings of unit length, (N, D); of the
            view as it is and, where features are dropped, of the rest.
        """
        if self.attention_drop is None:
            return [self.embed_extreme(view)]
        persons = encode_each_person(self.backbone, *view.skeletons)
        features = persons.stages[-1]  # (P, C, T', V)
        size, lengths = features.shape[2], None
        if view.num_frames is not None:
            lengths = stage_lengths(self.backbone, view.num_frames)[-1]
        mask = None if lengths is None else frame_mask(lengths, size)
        dropped = self.attention_drop(
            features, person_frames(persons, -1, lengths)
        )
        return [
            self.global_head(persons.pool(-1, kind), mask)
            for kind in (features, dropped)
        ]

    def loss(self, views: Sequence[View]) -> tuple[dict, Embedding]:
        """Compare the views (query, key, extreme).

        Args:
            views (Sequence[View]): In that order.

        Returns:
            tuple[dict, Embedding]: ``loss_global``, ``loss_divergence`` and,
            with a snippet head, ``loss_snippet``; and the key embedding.
        """
        query = self.embed_query(views[0])
        extremes = self.embed_extremes(views[2])
        key = self.embed_key(views[1])
        losses = self.global_head.loss(
            query.video, key.video, self.mine(query.video, extremes)
        )
        losses.update(self.divergence(extremes, query.video, key.video))
        if self.with_snippets:
            losses.update(
                self.snippet_head.loss(
                    query.snippets, key.snippets, self.mining
                )
            )
        return losses, key
