"""S embeddings a video, told apart from those of other videos."""

from __future__ import annotations

from typing import NamedTuple

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses import (
    KeyQueue,
    mined_snippet_info_nce,
    snippet_info_nce,
)
from mmsnip.losses.contrast import MATCHINGS
from mmsnip.losses.softmax import at_least_float32
from mmsnip.models.gather import gather_keys
from mmsnip.registry import MODELS

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
    """Average frames into S snippets.

    Args:
        features (Tensor): Features a frame, (N, C, T').
        num_snippets (int): S.
        mask (Tensor, optional): Valid frames, (N, T') bool. A snippet without
            a valid frame is zero.

    Returns:
        Tensor: (N, C, S).
    """
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
    """When the snippets of a view are.

    Args:
        frame_index (Tensor): Source frame of each frame, (N, T); -1 where
            it is padding.
        num_snippets (int): S.

    Returns:
        Tensor: Mean source frame of each, (N, S) float32; NaN where all is
        padding.

    Examples:
        >>> import torch
        >>> pool_times(torch.tensor([[4, 5, 6, -1, -1, -1]]), 3)
        tensor([[4.5000, 6.0000,    nan]])
    """
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

        Args:
            query (Snippets): Snippets of the query view.
            key (Snippets): Snippets of the key view.
            mining (bool): Whether the nearest queue entries of each query
                snippet are positives too. Defaults to False.

        Returns:
            dict[str, Tensor]: ``loss_snippet``.

        Raises:
            ValueError: If ``times`` are needed and missing.
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
        """What the videos of a batch leave in the queue.

        Args:
            key (Snippets): Snippets of the key view.

        Returns:
            Tensor: Unit length, (N, D), or (N * S, D) for
            ``queue_entry='snippet'``.
        """
        if self.queue_entry == 'snippet':
            return key.embedding.transpose(1, 2).flatten(0, 1)
        return functional.normalize(key.raw.mean(dim=2), dim=1)

    def enqueue(self, key: Snippets) -> None:
        """Store the entries of a batch.

        Args:
            key (Snippets): Snippets of the key view.
        """
        self.queue.enqueue(self.queue_keys(key))
