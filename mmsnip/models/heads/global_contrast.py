"""One embedding a video, told apart from those of other videos."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses import (
    KeyQueue,
    distribution_divergence,
    info_nce,
    mined_info_nce,
    nearest_keys,
)
from mmsnip.losses.softmax import at_least_float32
from mmsnip.models.gather import gather_keys
from mmsnip.registry import MODELS


def pool_video(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Average the frames of a video.

    Args:
        features (Tensor): Features a frame, (N, C, T').
        mask (Tensor, optional): Valid frames, (N, T') bool.

    Returns:
        Tensor: (N, C).
    """
    if mask is None:
        return features.mean(dim=2)
    weight = mask.unsqueeze(1).to(features)
    return (features * weight).sum(dim=2) / weight.sum(dim=2)


def video_projector(
    in_channels: int, embed_dim: int, hidden_channels: int | None
) -> nn.Module:
    """Projector of video features.

    Args:
        in_channels (int): C.
        embed_dim (int): D.
        hidden_channels (int, optional): Width of a hidden layer with ReLU
            (the MoCo v2 form). None: one linear layer.

    Returns:
        nn.Module: (N, C) -> (N, D).
    """
    if hidden_channels is None:
        return nn.Linear(in_channels, embed_dim)
    return nn.Sequential(
        nn.Linear(in_channels, hidden_channels),
        nn.ReLU(inplace=True),
        nn.Linear(hidden_channels, embed_dim),
    )


@MODELS.register_module()
class GlobalContrastHead(BaseModule):
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
        super().__init__(init_cfg=init_cfg)
        if not temperature > 0:
            raise ValueError(f'temperature={temperature} must be positive')
        if num_neighbors < 0:
            raise ValueError(
                f'num_neighbors={num_neighbors} must not be negative'
            )
        self.temperature = temperature
        self.loss_weight = loss_weight
        self.num_neighbors = num_neighbors
        self.projector = video_projector(
            in_channels, embed_dim, hidden_channels
        )
        self.queue = KeyQueue(embed_dim, queue_size, gather=gather_keys)

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
        projector = self.projector if projector is None else projector
        raw = at_least_float32(projector(pool_video(features, mask)))
        return functional.normalize(raw, dim=1)

    def loss(
        self, query: Tensor, key: Tensor, neighbors: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Weighted InfoNCE against the queue as it is now.

        Args:
            query (Tensor): Embeddings of the query view, (N, D).
            key (Tensor): Embeddings of the key view, (N, D).
            neighbors (Tensor, optional): Queue entries that are positives
                too, (N, K) bool, as ``nearest`` returns them.

        Returns:
            dict[str, Tensor]: ``loss_global`` and, for the log only,
            ``global_similarity``: mean cosine of query and key.
        """
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
        """Queue entries nearest to any view of a video.

        Args:
            views (Sequence[Tensor]): Embeddings of each view, (N, D).

        Returns:
            Tensor: (N, K) bool.
        """
        return nearest_keys(views, self.queue.keys, self.num_neighbors)

    def divergence(
        self, extreme: Tensor, query: Tensor, key: Tensor
    ) -> Tensor:
        """Disagreement of an extreme view with the query about all keys.

        Args:
            extreme (Tensor): Embeddings of the extreme view, (N, D).
            query (Tensor): Embeddings of the query view, the teacher, (N, D).
            key (Tensor): Embeddings of the key view, (N, D).

        Returns:
            Tensor: Scalar, not weighted.
        """
        return distribution_divergence(
            extreme, query, key, self.queue.keys, self.temperature
        )

    def queue_keys(self, key: Tensor) -> Tensor:
        """What the videos of a batch leave in the queue: their embeddings.

        Args:
            key (Tensor): Embeddings of the key view, (N, D).

        Returns:
            Tensor: Unit length, (N, D).
        """
        return key

    def enqueue(self, key: Tensor) -> None:
        """Store the keys of a batch.

        Args:
            key (Tensor): Embeddings of the key view, (N, D).
        """
        self.queue.enqueue(key)
