"""Videos, snippets and tempi told apart: projector, queue and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses import (
    KeyQueue,
    distribution_divergence,
    info_nce,
    mined_info_nce,
    mined_snippet_info_nce,
    nearest_keys,
    snippet_info_nce,
    tempo_ranking,
)
from mmsnip.losses.contrast import MATCHINGS
from mmsnip.losses.softmax import at_least_float32
from mmsnip.models.gather import gather_keys
from mmsnip.registry import MODELS


class VideoHead(BaseModule):
    """Projector of a video's mean feature; what the heads of videos share."""

    def __init__(
        self,
        in_channels: int,
        embed_dim: int,
        hidden_channels: int | None,
        temperature: float,
        loss_weight: float,
        init_cfg: dict | list | None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not temperature > 0:
            raise ValueError(f'temperature={temperature} must be positive')
        self.temperature = temperature
        self.loss_weight = loss_weight
        if hidden_channels is None:
            self.projector = nn.Linear(in_channels, embed_dim)
        else:
            self.projector = nn.Sequential(
                nn.Linear(in_channels, hidden_channels),
                nn.ReLU(inplace=True),
                nn.Linear(hidden_channels, embed_dim),
            )

    def forward(
        self,
        features: Tensor,
        mask: Tensor | None = None,
        projector: nn.Module | None = None,
    ) -> Tensor:
        """Embed videos.

        Args:
            features (Tensor): Features a frame, (N, C, T').
            mask (Tensor, optional): Valid frames, (N, T') bool.
            projector (nn.Module, optional): The momentum copy, for keys.
                Defaults to the head's own.

        Returns:
            Tensor: Embeddings of unit length, (N, D).
        """
        if mask is None:
            pooled = features.mean(dim=2)
        else:
            weight = mask.unsqueeze(1).to(features)
            pooled = (features * weight).sum(dim=2) / weight.sum(dim=2)
        projector = self.projector if projector is None else projector
        raw = at_least_float32(projector(pooled))
        return functional.normalize(raw, dim=1)


@MODELS.register_module()
class GlobalContrastHead(VideoHead):
    """Video-level contrast: projector, queue and InfoNCE.

    Args:
        in_channels (int): C, channels of the encoder's last stage.
        embed_dim (int): D. Defaults to 128.
        hidden_channels (int, optional): Width of a hidden layer with ReLU
            (the MoCo v2 form). None: one linear layer. Defaults to None.
        queue_size (int): K. Defaults to 32768.
        temperature (float): Defaults to 0.07.
        num_neighbors (int): Queue entries that each view of a video adds to
            its positives, in a framework that mines. Defaults to 1.
        loss_weight (float): Defaults to 1.0.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If a size or the temperature is not positive, or
            ``num_neighbors`` is negative.

    Source:
        Global branch of arXiv 2512.16504; METHOD.md section 1.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dim: int = 128,
        hidden_channels: int | None = None,
        queue_size: int = 32768,
        temperature: float = 0.07,
        loss_weight: float = 1.0,
        num_neighbors: int = 1,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            embed_dim,
            hidden_channels,
            temperature,
            loss_weight,
            init_cfg,
        )
        if num_neighbors < 0:
            raise ValueError(
                f'num_neighbors={num_neighbors} must not be negative'
            )
        self.num_neighbors = num_neighbors
        self.queue = KeyQueue(embed_dim, queue_size, gather=gather_keys)

    def loss(
        self, query: Tensor, key: Tensor, neighbors: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Weighted InfoNCE against the queue as it is now."""
        queue = self.queue.keys
        if neighbors is None:
            value = info_nce(query, key, queue, self.temperature)
        else:
            value = mined_info_nce(
                query, key, queue, neighbors, self.temperature
            )
        return dict(
            loss_global=self.loss_weight * value,
            global_similarity=(query.detach() * key).sum(dim=1).mean(),
        )

    def nearest(self, views: Sequence[Tensor]) -> Tensor:
        """Queue entries nearest to any view of a video."""
        return nearest_keys(views, self.queue.keys, self.num_neighbors)

    def divergence(
        self, extreme: Tensor, query: Tensor, key: Tensor
    ) -> Tensor:
        """Disagreement of an extreme view with the query about all keys."""
        return distribution_divergence(
            extreme, query, key, self.queue.keys, self.temperature
        )

    def queue_keys(self, key: Tensor) -> Tensor:
        """What the videos of a batch leave in the queue: their embeddings."""
        return key

    def enqueue(self, key: Tensor) -> None:
        """Store the keys of a batch."""
        self.queue.enqueue(key)


@MODELS.register_module()
class TempoRankingHead(VideoHead):
    """Motion head of RVTCLR: projector of its own and margin ranking.

    It has no queue: the two tempi of one video are all that it compares.

    Args:
        in_channels (int): C, channels of the encoder's last stage.
        embed_dim (int): D. Defaults to 128.
        hidden_channels (int, optional): Width of a hidden layer with ReLU.
            None: one linear layer. Defaults to None.
        margin (float): Defaults to 1.0.
        temperature (float): Divides similarities before the margin is asked
            for. Defaults to 0.07.
        loss_weight (float): Defaults to 1.0.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If the margin or the temperature is not positive.

    Source:
        Zhuysheng/RVTCLR 8782889; METHOD.md section 1.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dim: int = 128,
        hidden_channels: int | None = None,
        margin: float = 1.0,
        temperature: float = 0.07,
        loss_weight: float = 1.0,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            embed_dim,
            hidden_channels,
            temperature,
            loss_weight,
            init_cfg,
        )
        if not margin > 0:
            raise ValueError(f'margin={margin} must be positive')
        self.margin = margin

    def loss(
        self, query: Tensor, same: Tensor, other: Tensor
    ) -> dict[str, Tensor]:
        """Weighted margin ranking of the two keys."""
        value = tempo_ranking(
            query, same, other, self.margin, self.temperature
        )
        lead = (query.detach() * (same - other)).sum(dim=1)
        return dict(
            loss_motion=self.loss_weight * value,
            tempo_accuracy=(lead > 0).float().mean(),
        )


QUEUE_ENTRIES = ('mean', 'snippet')


class Snippets(NamedTuple):
    """Snippets of a view.

    Attributes:
        features (Tensor): Pooled backbone features, (N, C, S).
        raw (Tensor): Projected, not normalised, (N, D, S).
        embedding (Tensor): Projected, unit length, (N, D, S).
        times (Tensor, optional): When they are, in frames of the source,
            (N, S); NaN where a snippet shows nothing.
    """

    features: Tensor
    raw: Tensor
    embedding: Tensor
    times: Tensor | None = None


def pool_snippets(
    features: Tensor, num_snippets: int, mask: Tensor | None = None
) -> Tensor:
    """Average frames into S snippets."""
    if mask is None:
        return functional.adaptive_avg_pool1d(features, num_snippets)
    total, share = _pool_valid(features, mask, num_snippets)
    return total / share.clamp(min=1e-6)


def _pool_valid(
    values: Tensor, mask: Tensor, num_snippets: int
) -> tuple[Tensor, Tensor]:
    """Means with zeros for what is not valid, and the valid shares."""
    weight = mask.unsqueeze(1).to(values)
    return (
        functional.adaptive_avg_pool1d(values * weight, num_snippets),
        functional.adaptive_avg_pool1d(weight, num_snippets),
    )


def pool_times(frame_index: Tensor, num_snippets: int) -> Tensor:
    """When the snippets of a view are."""
    total, share = _pool_valid(
        frame_index.unsqueeze(1).float(), frame_index >= 0, num_snippets
    )
    return (total / share).squeeze(1)


@MODELS.register_module()
class SnippetContrastHead(BaseModule):
    """Snippet-level contrast: projector, own queue, choice of positives.

    Args:
        in_channels (int): C, channels of the encoder's last stage.
        num_snippets (int): S, non-overlapping snippets a view. Defaults to
            19, the frames that reach the head from 150 with stride 8.
        embed_dim (int): D. Defaults to 128.
        hidden_channels (int): Width of the projector. Defaults to 256.
        queue_size (int): K. Defaults to 32768.
        temperature (float): Defaults to 0.07.
        matching (str): Positive of a query snippet: ``'feature'``, the key
            snippet with the largest dot product of backbone features,
            ``'index'``, the one at the same position, or ``'time'``, the one
            that shows the same moment, whatever crops and tempi made of it;
            snippets that the other view does not show are left out. Defaults
            to ``'feature'``.
        queue_entry (str): What a video leaves in the queue: ``'mean'``, one
            entry, the normalised mean of its raw projected snippets (the
            authors'), or ``'snippet'``, each of its S snippets. Defaults to
            ``'mean'``.
        loss_weight (float): Defaults to 1.5.
        num_neighbors (int): Queue entries that each query snippet adds to
            its positives, in a framework that mines. Defaults to 5.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If an option is unknown, a number is not positive, or
            ``num_neighbors`` is negative.

    Source:
        Dense branch of arXiv 2512.16504; METHOD.md section 1.
    """

    def __init__(
        self,
        in_channels: int,
        num_snippets: int = 19,
        embed_dim: int = 128,
        hidden_channels: int = 256,
        queue_size: int = 32768,
        temperature: float = 0.07,
        matching: str = 'feature',
        queue_entry: str = 'mean',
        loss_weight: float = 1.5,
        num_neighbors: int = 5,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if num_snippets < 1:
            raise ValueError(f'num_snippets={num_snippets} must be positive')
        if not temperature > 0:
            raise ValueError(f'temperature={temperature} must be positive')
        if matching not in MATCHINGS:
            raise ValueError(
                f'matching={matching!r} is unknown; use one of {MATCHINGS}'
            )
        if queue_entry not in QUEUE_ENTRIES:
            raise ValueError(
                f'queue_entry={queue_entry!r} is unknown; use one of '
                f'{QUEUE_ENTRIES}'
            )
        if num_neighbors < 0:
            raise ValueError(
                f'num_neighbors={num_neighbors} must not be negative'
            )
        self.num_snippets = num_snippets
        self.num_neighbors = num_neighbors
        self.temperature = temperature
        self.matching = matching
        self.queue_entry = queue_entry
        self.loss_weight = loss_weight
        self.projector = nn.Sequential(
            nn.Conv1d(in_channels, hidden_channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(hidden_channels, embed_dim, 1),
        )
        self.queue = KeyQueue(embed_dim, queue_size, gather=gather_keys)

    @property
    def needs_times(self) -> bool:
        """Whether the loss asks when the snippets are."""
        return self.matching == 'time'

    def forward(
        self,
        features: Tensor,
        mask: Tensor | None = None,
        projector: nn.Module | None = None,
    ) -> Snippets:
        """Pool and embed the snippets of a view.

        Args:
            features (Tensor): Features a frame, (N, C, T').
            mask (Tensor, optional): Valid frames, (N, T') bool.
            projector (nn.Module, optional): The momentum copy, for keys.
                Defaults to the head's own.

        Returns:
            Snippets: Features, raw and normalised embeddings; no times.

        Raises:
            ValueError: If fewer frames than snippets reach the head, or a
                snippet has no valid frame.
        """
        if features.shape[2] < self.num_snippets:
            raise ValueError(
                f'num_snippets={self.num_snippets} must lie in '
                f'1..{features.shape[2]}, the frames that reach the head; '
                'lower it, lengthen the views, or lower the temporal stride '
                'of the backbone'
            )
        if mask is not None:
            self._refuse_empty(mask)
        pooled = pool_snippets(features, self.num_snippets, mask)
        projector = self.projector if projector is None else projector
        raw = at_least_float32(projector(pooled))
        return Snippets(pooled, raw, functional.normalize(raw, dim=1))

    def _refuse_empty(self, mask: Tensor) -> None:
        # They would be embedded alike, as positives and in the queue.
        valid = mask.unsqueeze(1).float()
        shares = functional.adaptive_avg_pool1d(valid, self.num_snippets)
        if bool((shares == 0).any()):
            raise ValueError(
                f'num_snippets={self.num_snippets}: a view is padded so far '
                f'that a snippet has no frame; {int(mask.sum(1).min())} of '
                f'its {mask.shape[1]} frames that reach the head are valid. '
                'Bring views to one length with ResizeTime, or lower '
                'num_snippets'
            )

    def loss(
        self, query: Snippets, key: Snippets, mining: bool = False
    ) -> dict[str, Tensor]:
        """Weighted InfoNCE against the queue as it is now.

        ``matching='time'`` reads ``times`` of both.
        """
        parts = (
            query.embedding,
            key.embedding,
            query.features,
            key.features,
            self.queue.keys,
        )
        options = dict(temperature=self.temperature, matching=self.matching)
        if self.needs_times:
            if query.times is None or key.times is None:
                raise ValueError(
                    "SnippetContrastHead: matching='time' needs to know which "
                    'frames the views show; make them with MultiView and pack '
                    'them with PackSkeletonInputs, which keeps '
                    "'view_frame_index'"
                )
            options['times'] = query.times, key.times
        if mining:
            value = mined_snippet_info_nce(
                *parts, num_neighbors=self.num_neighbors, **options
            )
        else:
            value = snippet_info_nce(*parts, **options)
        return dict(loss_snippet=self.loss_weight * value)

    def queue_keys(self, key: Snippets) -> Tensor:
        """What the videos of a batch leave in the queue."""
        if self.queue_entry == 'snippet':
            return key.embedding.transpose(1, 2).flatten(0, 1)
        return functional.normalize(key.raw.mean(dim=2), dim=1)

    def enqueue(self, key: Snippets) -> None:
        """Store the entries of a batch."""
        self.queue.enqueue(self.queue_keys(key))
