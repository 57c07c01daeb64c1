"""What AimCLR and RVTCLR share: an extreme view, divergence and mining."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmsnip.models.pretrainers.momentum import MomentumPretrainer, View


class MiningPretrainer(MomentumPretrainer):
    """Base of the frameworks with an extreme view.

    ``mining`` says whether nearest queue entries are positives; it follows
    from the epoch alone, through ``set_epoch``, so that a resumed run needs
    no saved state. The number of neighbours is the heads' own.

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

    Raises:
        ValueError: If ``mining_epoch`` is negative or ``key_momentum`` is
            not in (0, 1).

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
        """Decide whether this epoch mines.

        Args:
            epoch (int): Counted from 0, as ``runner.epoch``.
        """
        first = self.mining_epoch
        self.mining = first is not None and epoch >= first

    def embed_extreme(self, view: View) -> Tensor:
        """Embed the extreme view, of which no snippets are needed.

        Args:
            view (View): The extreme view.

        Returns:
            Tensor: Video embeddings of unit length, (N, D).
        """
        return self.global_head(*self.encode(view))

    def mine(
        self, query: Tensor, extremes: Sequence[Tensor]
    ) -> Tensor | None:
        """Queue entries that are positives of each video, in this epoch.

        Args:
            query (Tensor): Embeddings of the query view, (N, D).
            extremes (Sequence[Tensor]): Those of the extreme view, (N, D)
                each.

        Returns:
            Tensor | None: Union of the nearest entries of all, (N, K) bool;
            None before mining starts.
        """
        if not self.mining:
            return None
        return self.global_head.nearest((query, *extremes))

    def divergence(
        self, extremes: Sequence[Tensor], query: Tensor, key: Tensor
    ) -> dict[str, Tensor]:
        """Weighted divergence term; the query is the teacher.

        Args:
            extremes (Sequence[Tensor]): Embeddings of the extreme view,
                (N, D) each; the term is the mean over them.
            query (Tensor): Embeddings of the query view, (N, D).
            key (Tensor): Embeddings of the key view, (N, D).

        Returns:
            dict[str, Tensor]: ``loss_divergence``.
        """
        values = [
            self.global_head.divergence(extreme, query, key)
            for extreme in extremes
        ]
        value = sum(values) / len(values)
        return dict(loss_divergence=self.divergence_weight * value)
