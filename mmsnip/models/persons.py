"""From skeletons of several persons to one feature a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.models.time import frame_mask, strided_length


class PersonStages(NamedTuple):
    """What the backbone makes of P persons of N samples.

    Attributes:
        stages (tuple[Tensor, ...]): (P, C_i, T_i, V) each.
        body_mask (Tensor): Where each person is there, (P, T) bool.
        owner (Tensor): Sample that each person belongs to, (P,) int64,
            ascending.
        num_samples (int): N.
        strides (tuple[int, ...]): Input frames per frame of each stage;
            ``T_i = ceil(T / stride_i)``.
    """

    stages: tuple[Tensor, ...]
    body_mask: Tensor
    owner: Tensor
    num_samples: int
    strides: tuple[int, ...]

    def pool(self, stage: int, features: Tensor | None = None) -> Tensor:
        """`pool_persons` of one stage, (N, C_i, T_i)."""
        return pool_persons(
            self.stages[stage] if features is None else features,
            self.body_mask,
            self.owner,
            self.num_samples,
            self.strides[stage],
        )


def _strided_presence(body_mask: Tensor, stride: int) -> Tensor:
    """Presence at a strided time axis, (P, T'): in any frame of the step."""
    return functional.max_pool1d(
        body_mask.float().unsqueeze(1), stride, stride, ceil_mode=True
    ).squeeze(1)


def pool_persons(
    features: Tensor,
    body_mask: Tensor,
    owner: Tensor,
    num_samples: int,
    stride: int,
) -> Tensor:
    """(P, C, T', V) to (N, C, T'): mean over joints, then persons.

    Persons count where they are there; at a frame where nobody is seen, all
    of the sample's count.

    Source:
        Pooling of both branches, METHOD.md sections 1 and 2.
    """
    features = features.mean(dim=3)  # (P, C, T')
    P, C, T = features.shape
    if num_samples == P:
        return features  # one person a sample: nothing to average
    weight = _strided_presence(body_mask, stride).to(features)  # (P, T')
    seen = weight.new_zeros(num_samples, T).index_add(0, owner, weight)
    weight = torch.where(seen[owner] > 0, weight, torch.ones_like(weight))
    count = weight.new_zeros(num_samples, T).index_add(0, owner, weight)
    total = features.new_zeros(num_samples, C, T).index_add(
        0, owner, features * weight.unsqueeze(1)
    )
    return total / count.clamp(min=1).unsqueeze(1)


def person_frames(
    persons: PersonStages, stage: int, lengths: Tensor | None = None
) -> Tensor:
    """Frames of a stage at which each person is there, (P, T') bool.

    A person seen at no valid frame, who stands for a sample that shows
    nobody, has all of them.
    """
    seen = _strided_presence(persons.body_mask, persons.strides[stage]) > 0
    valid = torch.ones_like(seen)
    if lengths is not None:
        valid = frame_mask(lengths, seen.shape[1])[persons.owner]
    seen = seen & valid
    return torch.where(seen.any(dim=1, keepdim=True), seen, valid)


def encode_each_person(
    backbone: nn.Module,
    inputs: Tensor,
    body_mask: Tensor | None = None,
    num_frames: Tensor | None = None,
) -> PersonStages:
    """Run the backbone on the persons who are there.

    Absent persons do not pass through the network at all: they cost nothing
    and take no part in batch norm. A sample in which nobody is seen keeps
    its first person. A backbone whose input batch norm spans the persons
    (``data_bn_type='MVC'``) sees all of them, and only its output is
    selected.
    """
    N, M = inputs.shape[:2]
    if body_mask is None:
        body_mask = inputs.new_ones(inputs.shape[:3], dtype=torch.bool)
    present = body_mask.any(dim=2)  # (N, M)
    present[:, 0] |= ~present.any(dim=1)
    owner = torch.arange(N, device=inputs.device)
    owner = owner.unsqueeze(1).expand(N, M)[present]  # (P,)
    if M == 1 or getattr(backbone, 'data_bn_type', None) == 'MVC':
        stages = _call(backbone, inputs, num_frames)
        rows = [stage.flatten(0, 1) for stage in stages]
        if M > 1:
            rows = [stage[present.flatten()] for stage in rows]
    else:
        selected = inputs[present].unsqueeze(1)  # (P, 1, T, V, C)
        if num_frames is not None:
            num_frames = num_frames[owner]
        rows = [
            stage.squeeze(1) for stage in _call(backbone, selected, num_frames)
        ]
    return PersonStages(
        tuple(rows),
        body_mask[present],
        owner,
        N,
        _strides(backbone, inputs.shape[2], rows),
    )


def encode_persons(
    backbone: nn.Module,
    inputs: Tensor,
    body_mask: Tensor | None = None,
    num_frames: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """Run the backbone on the persons who are there and pool them.

    Absent persons are not averaged in as zeros; how they are kept out of the
    network: `encode_each_person`.

    Args:
        backbone (nn.Module): Encoder with stages (N, M, C_i, T_i, V) and
            their ``temporal_strides_out``, told from their lengths where it
            does not say them.
        inputs (Tensor): Skeletons, (N, M, T, V, C).
        body_mask (Tensor, optional): Where each person is there, (N, M, T)
            bool. None: everybody, always.
        num_frames (Tensor, optional): Valid frames of each sample, (N,)
            int64. None: all of them.

    Returns:
        tuple[Tensor, ...]: One (N, C_i, T_i) per stage.
    """
    persons = encode_each_person(backbone, inputs, body_mask, num_frames)
    return tuple(persons.pool(stage) for stage in range(len(persons.stages)))


def _strides(
    backbone: nn.Module, T: int, rows: Sequence[Tensor]
) -> tuple[int, ...]:
    """Of each stage; of a foreign encoder, the least that lengths allow."""
    known = getattr(backbone, 'temporal_strides_out', None)
    return tuple(known or (-(-T // row.shape[2]) for row in rows))


def _call(
    backbone: nn.Module, inputs: Tensor, num_frames: Tensor | None
) -> tuple[Tensor, ...]:
    if num_frames is None:
        return backbone(inputs)
    return backbone(inputs, num_frames)


def stage_lengths(
    backbone: nn.Module, num_frames: Tensor | None
) -> tuple[Tensor, ...] | None:
    """Valid frames of each stage."""
    if num_frames is None:
        return None
    return tuple(
        strided_length(num_frames, stride)
        for stride in backbone.temporal_strides_out
    )
