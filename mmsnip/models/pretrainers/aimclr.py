"""AimCLR: an extreme view learns from the mild one, queues are mined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmsnip.models.persons import (
    encode_each_person,
    person_frames,
    stage_lengths,
)
from mmsnip.models.pretrainers.momentum import (
    Embedding,
    MomentumPretrainer,
    View,
)
from mmsnip.models.time import frame_mask
from mmsnip.registry import MODELS

# The attention averages to less than this over any set of features, so that
# a higher threshold always keeps something of everybody.
LOWEST_THRESHOLD = 1 / (1 + math.exp(-0.75))


def _check(threshold: float, epsilon: float) -> None:
    if not LOWEST_THRESHOLD < threshold < 1:
        raise ValueError(
            f'attention_drop: threshold={threshold} must lie between '
            f'{LOWEST_THRESHOLD:.4f}, from where on every person keeps a '
            'joint, and 1, which no attention reaches; published: 0.7'
        )
    if not epsilon > 0:
        raise ValueError(
            f'attention_drop: epsilon={epsilon} must be positive; published: '
            '1e-4'
        )


def energy_attention(
    features: Tensor, valid: Tensor | None = None, epsilon: float = 1e-4
) -> Tensor:
    """How far each feature stands out of its channel, per person.

    sigmoid(d^2 / (4 (s^2 + epsilon)) + 1/2), d its distance to the mean of
    the channel over frames and joints and s^2 the variance (unbiased).

    Source:
        The inverse energy of SimAM (Yang et al., ICML 2021) as AimCLR
        (arXiv 2112.03590) uses it; Levigty/AimCLR d12da71
        ``net/att_drop.py``.
    """
    with torch.no_grad():
        if features.dtype in (torch.float16, torch.bfloat16):
            features = features.float()
        P, _, T, V = features.shape
        if valid is None:
            valid = features.new_ones(P, T, dtype=torch.bool)
        weight = valid[:, None, :, None].to(features)  # (P, 1, T', 1)
        count = V * weight.sum(dim=2, keepdim=True)
        total = (features * weight).sum(dim=(2, 3), keepdim=True)
        square = (features - total / count.clamp(min=1)).square() * weight
        variance = square.sum(dim=(2, 3), keepdim=True)
        variance = variance / (count - 1).clamp(min=1)
        energy = square / (4 * (variance + epsilon)) + 0.5
        return torch.sigmoid(energy) * weight


def attention_drop(
    features: Tensor,
    valid: Tensor | None = None,
    threshold: float = 0.7,
    epsilon: float = 1e-4,
) -> Tensor:
    """Zero what stands out, and scale up what stays.

    Dropped are the joints whose attention, averaged over channels and
    frames, reaches the threshold, and besides, in each channel, the single
    frames of single joints that reach it. What stays is multiplied by all
    over kept, once for the joints and once for the single features, both
    counted over the whole batch. No gradient passes through the choice.
    Nothing is drawn: equal features give equal results.

    Source:
        Energy-based Attention-guided Drop Module of AimCLR (arXiv
        2112.03590); Levigty/AimCLR d12da71 ``net/att_drop.py``.
    """
    _check(threshold, epsilon)
    with torch.no_grad():
        attention = energy_attention(features, valid, epsilon)
        P, C, T, V = attention.shape
        if valid is None:
            valid = features.new_ones(P, T, dtype=torch.bool)
        frames = valid.sum(dim=1).clamp(min=1)  # (P,)
        mean = attention.sum(dim=(1, 2)) / (C * frames).unsqueeze(1)  # (P, V)
        joint = mean < threshold
        single = attention < threshold
        inside = valid[:, None, :, None]  # (P, 1, T', 1)
        scale = joint.numel() / joint.sum().clamp(min=1)
        kept = (single & inside).sum().clamp(min=1)
        scale = scale * (valid.sum().clamp(min=1) * C * V / kept)
        factor = (joint[:, None, None] & single) * scale
        factor = torch.where(inside, factor, torch.ones_like(factor))
    return features * factor.to(features.dtype)


class MiningPretrainer(MomentumPretrainer):
    """Base of the frameworks with an extreme view.

    ``mining`` says whether nearest queue entries are positives; it follows
    from the epoch alone, through ``set_epoch``, so that a resumed run needs
    no saved state. The number of neighbours is the heads' own.

    Source:
        METHOD.md section 1.
    """

    num_views = 3

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
    ) -> None:
        super().__init__(
            backbone,
            global_head,
            snippet_head,
            key_momentum,
            data_preprocessor,
            init_cfg,
        )
        if mining_epoch is not None and mining_epoch < 0:
            raise ValueError(
                f'mining_epoch={mining_epoch} must be 0 or later; None: never'
            )
        self.mining_epoch = mining_epoch
        self.divergence_weight = divergence_weight
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Decide whether this epoch mines."""
        first = self.mining_epoch
        self.mining = first is not None and epoch >= first

    def embed_extreme(self, view: View) -> Tensor:
        """Embed the extreme view, of which no snippets are needed."""
        return self.global_head(*self.encode(view))

    def mine(self, query: Tensor, extremes: Sequence[Tensor]) -> Tensor | None:
        """Queue entries that are positives of each video, in this epoch."""
        if not self.mining:
            return None
        return self.global_head.nearest((query, *extremes))

    def divergence(
        self, extremes: Sequence[Tensor], query: Tensor, key: Tensor
    ) -> dict[str, Tensor]:
        """Weighted divergence term; the query is the teacher."""
        values = [
            self.global_head.divergence(extreme, query, key)
            for extreme in extremes
        ]
        value = sum(values) / len(values)
        return dict(loss_divergence=self.divergence_weight * value)


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
    stands out of them (`attention_drop`); the divergence is
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
            `attention_drop`; ``dict()``: the published 0.7 and 1e-4. None:
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
            options = dict(threshold=0.7, epsilon=1e-4) | dict(attention_drop)
            _check(**options)
            self.attention_drop = options

    def embed_extremes(self, view: View) -> list[Tensor]:
        """Embed the extreme view, and what ``attention_drop`` leaves of it."""
        if self.attention_drop is None:
            return [self.embed_extreme(view)]
        persons = encode_each_person(self.backbone, *view.skeletons)
        features = persons.stages[-1]  # (P, C, T', V)
        size, lengths = features.shape[2], None
        if view.num_frames is not None:
            lengths = stage_lengths(self.backbone, view.num_frames)[-1]
        mask = None if lengths is None else frame_mask(lengths, size)
        dropped = attention_drop(
            features,
            person_frames(persons, -1, lengths),
            **self.attention_drop,
        )
        return [
            self.global_head(persons.pool(-1, kind), mask)
            for kind in (features, dropped)
        ]

    def loss(self, views: Sequence[View]) -> tuple[dict, Embedding]:
        """Compare the views (query, key, extreme)."""
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
