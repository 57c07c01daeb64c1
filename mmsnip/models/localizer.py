"""Backbone, neck, head: skeletons in, frame scores out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmsnip.evaluation.segments import check_window
from mmsnip.models.checkpoint import load_encoder
from mmsnip.models.persons import encode_persons, stage_lengths
from mmsnip.models.sliding import chunk_rule, logits_in_chunks
from mmsnip.models.time import smooth_frames
from mmsnip.registry import MODELS


@MODELS.register_module()
class SkeletonLocalizer(BaseModel):
    """Frame-level localizer; knows no protocol.

    Args:
        backbone (dict): Config of the encoder.
        head (dict): Config of the frame head; ``in_channels`` follows the
            neck or backbone where it is absent.
        neck (dict, optional): Config of the fusion neck; ``in_channels``
            follows the backbone where it is absent. None: the head reads the
            last stage, the paper's baseline.
        pretrained (str, optional): Pre-training checkpoint; its query encoder
            initialises the backbone. None: from scratch.
        pretrained_share (float): Share of the pre-trained weights in those
            that the backbone starts with, the rest are its fresh ones; in
            (0, 1]. Frozen blocks take them whole. A warm start may fit
            faster and carry over worse: docs/evidence.md. Defaults to 1.0,
            the authors'.
        frozen_stages (int): Index of the last backbone block that is frozen
            (no gradients, batch norm in eval mode), ``-1``: none. The index
            of the last block gives the linear probe. Defaults to -1.
        test_cfg (dict, optional): How ``mode='predict'`` takes videos too
            long for one pass: ``chunk_size``, the longest that passes at
            once and the frames a chunk of a longer one keeps (32,768 where
            absent; None: no limit), and ``overlap``, the frames a chunk
            reads on either side (``'auto'``, all that the network sees,
            where absent). Chunks score as one pass does, to 1e-5, where the
            encoder's graph is fixed; AGCN and CTR-GCN make theirs of the
            chunk's mean: `mmsnip.models.sliding`. And ``smooth_frames``, an
            odd number: the probabilities of a frame are the mean over that
            many frames around it, which takes the flicker out of runs (1
            where absent: off).
        data_preprocessor (dict, optional): Defaults to
            ``dict(type='mmsnip.SkeletonPreprocessor')``.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If ``frozen_stages`` names no block of the backbone,
            ``pretrained_share`` is not in (0, 1], or ``test_cfg`` is
            malformed.

    Source:
        Stage two of arXiv 2512.16504; METHOD.md section 2.
        ``pretrained_share`` is shrink and perturb of Ash and Adams, On
        Warm-Starting Neural Network Training, arXiv 1910.08475, with a fresh
        initialisation as the perturbation.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        neck: dict | None = None,
        pretrained: str | None = None,
        pretrained_share: float = 1.0,
        frozen_stages: int = -1,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        if data_preprocessor is None:
            data_preprocessor = dict(type='mmsnip.SkeletonPreprocessor')
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        channels = self.backbone.out_channels
        self.neck = None
        if neck is not None:
            self.neck = MODELS.build({'in_channels': channels, **neck})
            channels = (self.neck.out_channels,)
        self.head = MODELS.build({'in_channels': channels[-1], **head})
        self.pretrained = pretrained
        num_blocks = len(self.backbone.blocks)
        if not -1 <= frozen_stages < num_blocks:
            raise ValueError(
                f'frozen_stages={frozen_stages} must lie in '
                f'-1..{num_blocks - 1}, the blocks of the backbone'
            )
        if not 0 < pretrained_share <= 1:
            raise ValueError(
                f'pretrained_share={pretrained_share} must lie in (0, 1]'
            )
        self.frozen_stages = frozen_stages
        self.pretrained_share = pretrained_share
        self.chunk_rule = chunk_rule(test_cfg)
        self.smooth_frames = check_window(
            (test_cfg or {}).get('smooth_frames', 1), 'test_cfg: smooth_frames'
        )
        for module in self._frozen_modules():
            module.requires_grad_(False)

    def init_weights(self) -> None:
        """Initialise, then load the pre-trained encoder if one is named."""
        super().init_weights()
        if not self.pretrained:
            return
        fresh = {p: p.detach().clone() for p in self.backbone.parameters()}
        for module in self._frozen_modules():
            for parameter in module.parameters():
                fresh.pop(parameter, None)
        load_encoder(self.backbone, self.pretrained)
        with torch.no_grad():
            for parameter, old in fresh.items():
                parameter.lerp_(old, 1 - self.pretrained_share)

    def _frozen_modules(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        blocks = self.backbone.blocks
        if self.frozen_stages == len(blocks) - 1:
            return [self.backbone]
        return [self.backbone.data_bn, *blocks[: self.frozen_stages + 1]]

    def train(self, mode: bool = True) -> SkeletonLocalizer:
        """Switch to training; frozen stages stay in eval mode."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        return self

    def extract_feat(
        self,
        inputs: Tensor,
        body_mask: Tensor | None = None,
        num_frames: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Features that the head reads."""
        stages = encode_persons(self.backbone, inputs, body_mask, num_frames)
        lengths = stage_lengths(self.backbone, num_frames)
        if self.neck is None:
            return stages[-1], None if lengths is None else lengths[-1]
        fused = self.neck(stages, lengths)
        return fused, None if lengths is None else lengths[0]

    def _logits(
        self,
        inputs: Tensor,
        body_mask: Tensor | None,
        num_frames: Tensor | None,
    ) -> Tensor:
        features, lengths = self.extract_feat(inputs, body_mask, num_frames)
        return self.head(features, inputs.shape[2], lengths, num_frames)

    def _video_scores(
        self,
        inputs: Tensor,
        body_mask: Tensor | None,
        num_frames: Tensor | None,
    ) -> list[Tensor]:
        """Probabilities of each video, (T_n, num_classes + 1)."""
        N, _, T = inputs.shape[:3]
        sizes = [T] * N if num_frames is None else num_frames.tolist()
        limit = self.chunk_rule.chunk_size
        if self.training or limit is None or max(sizes) <= limit:
            logits = self._logits(inputs, body_mask, num_frames)
            return [
                torch.softmax(row[:size].float(), dim=1)
                for row, size in zip(logits, sizes)
            ]
        if body_mask is None:
            body_mask = inputs.new_ones(inputs.shape[:3], dtype=torch.bool)
        scores = []
        for n, size in enumerate(sizes):
            x, mask = inputs[n, :, :size], body_mask[n, :, :size]
            logits = logits_in_chunks(self, x, mask, self.chunk_rule)
            scores.append(torch.softmax(logits.float(), dim=1))
        return scores

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence | None = None,
        body_mask: Tensor | None = None,
        num_frames: Tensor | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Losses, predictions or logits of a batch.

        Args:
            inputs (Tensor): Skeletons, (N, M, T, V, C).
            data_samples (Sequence[ActionDataSample], optional): One a video.
            body_mask (Tensor, optional): Where each person is there, (N, M,
                T) bool. None: everybody, always.
            num_frames (Tensor, optional): Valid frames, (N,) int64. None:
                all of them.
            mode (str): ``'loss'``: dict of losses. ``'predict'``: the data
                samples with ``pred_frame_scores`` (T_n, num_classes + 1),
                softmax, smoothed as ``test_cfg`` says, background last.
                ``'tensor'``: logits (N, T, num_classes + 1).

        Returns:
            dict, list or Tensor: As ``mode`` says.

        Raises:
            ValueError: If the mode is unknown.
        """
        if mode not in ('loss', 'predict', 'tensor'):
            raise ValueError(
                f"mode={mode!r} is unknown; use 'loss', 'predict' or 'tensor'"
            )
        if mode == 'predict':
            scores = self._video_scores(inputs, body_mask, num_frames)
            for sample, rows in zip(data_samples, scores):
                sample.pred_frame_scores = smooth_frames(
                    rows, self.smooth_frames
                )
            return data_samples
        logits = self._logits(inputs, body_mask, num_frames)
        if mode == 'tensor':
            return logits
        labels = self.head.labels(data_samples, inputs.shape[2])
        return self.head.loss(logits, labels.to(logits.device))
