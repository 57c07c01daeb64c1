"""Which of two keys has the tempo of the query."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses import tempo_ranking
from mmsnip.losses.softmax import at_least_float32
from mmsnip.models.heads.global_contrast import pool_video, video_projector
from mmsnip.registry import MODELS


@MODELS.register_module()
class TempoRankingHead(BaseModule):
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
        super().__init__(init_cfg=init_cfg)
        if not (margin > 0 and temperature > 0):
            raise ValueError(
                f'margin={margin} and temperature={temperature} must be '
                'positive'
            )
        self.margin = margin
        self.temperature = temperature
        self.loss_weight = loss_weight
        self.projector = video_projector(
            in_channels, embed_dim, hidden_channels
        )

    def forward(
        self,
        features: Tensor,
        mask: Tensor | None = None,
        projector: nn.Module | None = None,
    ) -> Tensor:
        """Embed the motion of videos.

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
        self, query: Tensor, same: Tensor, other: Tensor
    ) -> dict[str, Tensor]:
        """Weighted margin ranking of the two keys.

        Args:
            query (Tensor): Embeddings of the query view, (N, D).
            same (Tensor): Keys at the query's tempo, (N, D).
            other (Tensor): Keys at the other tempo, (N, D).

        Returns:
            dict[str, Tensor]: ``loss_motion`` and, for the log only,
            ``tempo_accuracy``: share of the videos whose key at the query's
            tempo is the nearer one.
        """
        value = tempo_ranking(
            query, same, other, self.margin, self.temperature
        )
        lead = (query.detach() * (same - other)).sum(dim=1)
        return dict(
            loss_motion=self.loss_weight * value,
            tempo_accuracy=(lead > 0).float().mean(),
        )
