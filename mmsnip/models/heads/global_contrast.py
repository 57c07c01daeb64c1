"""One embedding a video, told apart from those of other videos."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses import KeyQueue, info_nce
from mmsnip.models.gather import gather_keys
from mmsnip.registry import MODELS


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
        loss_weight (float): Defaults to 1.0.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If a size or the temperature is not positive.

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
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not temperature > 0:
            raise ValueError(f'temperature={temperature} must be positive')
        self.temperature = temperature
        self.loss_weight = loss_weight
        if hidden_channels is None:
            self.projector: nn.Module = nn.Linear(in_channels, embed_dim)
        else:
            self.projector = nn.Sequential(
                nn.Linear(in_channels, hidden_channels),
                nn.ReLU(inplace=True),
                nn.Linear(hidden_channels, embed_dim),
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
        if mask is None:
            video = features.mean(dim=2)
        else:
            weight = mask.unsqueeze(1).to(features)
            video = (features * weight).sum(dim=2) / weight.sum(dim=2)
        projector = self.projector if projector is None else projector
        return functional.normalize(projector(video), dim=1)

    def loss(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Weighted InfoNCE against the queue as it is now.

        Args:
            query (Tensor): Embeddings of the query view, (N, D).
            key (Tensor): Embeddings of the key view, (N, D).

        Returns:
            dict[str, Tensor]: ``loss_global`` and, for the log only,
            ``global_similarity``: mean cosine of query and key.
        """
        # A copy: the queue is written before the backward pass reads it.
        value = info_nce(
            query, key, self.queue.keys.clone(), self.temperature
        )
        return dict(
            loss_global=self.loss_weight * value,
            global_similarity=(query.detach() * key).sum(dim=1).mean(),
        )

    def enqueue(self, key: Tensor) -> None:
        """Store the keys of a batch.

        Args:
            key (Tensor): Embeddings of the key view, (N, D).
        """
        self.queue.enqueue(key)
