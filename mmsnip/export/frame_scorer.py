"""A localizer as one function of tensors, whatever their sizes."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.models import SkeletonLocalizer
from mmsnip.models.persons import stage_lengths

__all__ = ['FrameScorer']


class FrameScorer(nn.Module):
    """Softmax frame scores of a localizer, without a choice by value.

    The localizer itself selects the persons who are there before they pass
    the backbone, which no exporter can follow; here all pass and absent
    ones weigh nothing, which is the same in eval mode. But for the features
    `SkeletonLocalizer.forward` runs as it is, of a copy on the CPU.
    """

    def __init__(self, localizer: SkeletonLocalizer) -> None:
        super().__init__()
        localizer = copy.deepcopy(localizer).cpu().float().eval()
        localizer.requires_grad_(False)
        backbone = localizer.backbone
        self.input_norm: nn.Module = nn.Identity()
        if isinstance(backbone.data_bn, nn.BatchNorm1d):
            self.input_norm = PersonNorm(
                backbone.data_bn, backbone.num_joints, backbone.in_channels
            )
            backbone.data_bn = nn.Identity()
        localizer.extract_feat = self._features
        self.localizer = localizer

    def forward(
        self, keypoint: Tensor, body_mask: Tensor, num_frames: Tensor
    ) -> Tensor:
        """Probabilities (N, T, num_classes + 1), background last.

        Of prepared skeletons (N, M, T, V, C), presence (N, M, T) and valid
        frames (N,); those of padded frames mean nothing.
        """
        logits = self.localizer(keypoint, None, body_mask, num_frames)
        return torch.softmax(logits.float(), dim=2)

    def _features(
        self, inputs: Tensor, body_mask: Tensor, num_frames: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What `SkeletonLocalizer.extract_feat` returns."""
        backbone, neck = self.localizer.backbone, self.localizer.neck
        N, M = inputs.shape[:2]
        rows = self.input_norm(inputs).flatten(0, 1)  # (N·M, T, V, C)
        owner_frames = num_frames.unsqueeze(1).expand(N, M).flatten()
        stages = tuple(
            _pooled(stage.squeeze(1), body_mask, N, M, stride)
            for stage, stride in zip(
                backbone(rows.unsqueeze(1), owner_frames),
                backbone.temporal_strides_out,
            )
        )
        lengths = stage_lengths(backbone, num_frames)
        if neck is None:
            return stages[-1], lengths[-1]
        return neck(stages, lengths), lengths[0]


def _pooled(
    features: Tensor, body_mask: Tensor, N: int, M: int, stride: int
) -> Tensor:
    """`mmsnip.models.persons.pool_persons` with absent persons in place.

    From features (N·M, C, T', V) and presence (N, M, T) to (N, C, T').
    """
    features = features.mean(dim=3).unflatten(0, (N, M))  # (N, M, C, T')
    there = body_mask.to(features)
    ever = there.amax(dim=2, keepdim=True)  # (N, M, 1)
    nobody = 1 - ever.amax(dim=1, keepdim=True)
    first = torch.arange(M, device=features.device) == 0
    ever = torch.maximum(ever, nobody * first.to(features)[:, None])
    seen = _seen(there, features.shape[3], stride)
    anybody = seen.amax(dim=1, keepdim=True)  # (N, 1, T')
    weight = torch.where(anybody > 0, seen, ever)
    total = (features * weight.unsqueeze(2)).sum(dim=1)
    return total / weight.sum(dim=1).clamp(min=1).unsqueeze(1)


def _seen(there: Tensor, size: int, stride: int) -> Tensor:
    """Presence (N, M, T) in any frame of a step, (N, M, T'); 1 or 0."""
    T = there.shape[2]
    first = torch.arange(size, device=there.device) * stride
    last = torch.where(first + stride < T, first + stride, T)
    count = functional.pad(there, (1, 0)).cumsum(dim=2)
    count = count.index_select(2, last) - count.index_select(2, first)
    return count.clamp(max=1)


class PersonNorm(nn.Module):
    """An encoder's input batch norm, in eval mode, for any M."""

    def __init__(
        self, bn: nn.BatchNorm1d, num_joints: int, channels: int
    ) -> None:
        super().__init__()
        scale = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
        shift = bn.bias - bn.running_mean * scale
        shape = (-1, 1, num_joints, channels)  # of (M, T, V, C)
        self.register_buffer('scale', scale.detach().view(shape))
        self.register_buffer('shift', shift.detach().view(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Norm (N, M, T, V, C); features repeat where M is larger."""
        persons = self.scale.shape[0]
        if persons == 1:
            return x * self.scale + self.shift
        which = torch.arange(x.shape[1], device=x.device) % persons
        return x * self.scale[which] + self.shift[which]
