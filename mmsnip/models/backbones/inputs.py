"""What comes into an encoder: its check, its mask, its batch norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmsnip.models.time import frame_mask

DATA_BN_TYPES = ('VC', 'MVC', None)


def check_input(
    x: Tensor, num_joints: int, in_channels: int, name: str
) -> None:
    """Refuse an input that the network was not built for.

    Args:
        x (Tensor): The input.
        num_joints (int): V that was built for.
        in_channels (int): C that was built for.
        name (str): Class of the backbone.

    Raises:
        ValueError: If ``x`` is not (N, M, T, V, C) of these sizes.
    """
    if x.dim() != 5:
        raise ValueError(
            f'{name}: the input has shape {tuple(x.shape)}; it must be '
            '(N, M, T, V, C)'
        )
    if x.shape[3] != num_joints:
        raise ValueError(
            f'{name}: the input has {x.shape[3]} joints, the backbone was '
            f'built for {num_joints}; give graph_cfg the layout of the data '
            '(or the data the joints of the graph)'
        )
    if x.shape[4] != in_channels:
        raise ValueError(
            f'{name}: the input has {x.shape[4]} channels a joint, the '
            f'backbone was built for {in_channels}; set '
            f'in_channels={x.shape[4]} or change the pipeline'
        )
    if x.shape[2] < 1:
        raise ValueError(f'{name}: the input has no frame, shape {x.shape}')


def mask_input(x: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
    """Set padded frames to zero and repeat the lengths for each person.

    Args:
        x (Tensor): (N, M, T, V, C).
        num_frames (Tensor): Valid frames of each sample, (N,) int64.

    Returns:
        tuple[Tensor, Tensor]: The input, and the valid frames of each of
        its persons, (N·M,) int64.

    Raises:
        ValueError: If there is not one length a sample.
    """
    if num_frames.shape != x.shape[:1]:
        raise ValueError(
            f'num_frames has shape {tuple(num_frames.shape)}, the input '
            f'{x.shape[0]} samples; give one length a sample'
        )
    num_frames = num_frames.to(x.device)
    padded = ~frame_mask(num_frames, x.shape[2])
    x = x.masked_fill(padded[:, None, :, None, None], 0.0)
    return x, num_frames.repeat_interleave(x.shape[1])


def input_norm(
    data_bn_type: str | None, num_person: int, num_joints: int, channels: int
) -> nn.Module:
    """Batch norm of the raw coordinates.

    Args:
        data_bn_type (str | None): ``'VC'``, ``'MVC'`` or None.
        num_person (int): Persons of ``'MVC'``.
        num_joints (int): V.
        channels (int): C.

    Returns:
        nn.Module: A batch norm over the features, or an identity.

    Raises:
        ValueError: If the type is unknown.
    """
    if data_bn_type not in DATA_BN_TYPES:
        raise ValueError(
            f'data_bn_type={data_bn_type!r} must be one of {DATA_BN_TYPES}'
        )
    if data_bn_type is None:
        return nn.Identity()
    persons = num_person if data_bn_type == 'MVC' else 1
    return nn.BatchNorm1d(persons * num_joints * channels)


def normalize_input(x: Tensor, bn: nn.Module) -> Tensor:
    """Apply the batch norm of `input_norm` to a batch.

    Features are numbered person, joint, channel: ``(m * V + v) * C + c``.
    With fewer persons than the norm has, the first persons' features are
    used; with more, persons are normalised in groups of that many.

    Args:
        x (Tensor): (N, M, T, V, C).
        bn (nn.Module): Batch norm over ``persons * V * C`` features, or an
            identity.

    Returns:
        Tensor: (N·M, V, C, T).
    """
    N, M, T, V, C = x.shape
    x = x.permute(0, 1, 3, 4, 2)  # (N, M, V, C, T)
    if not isinstance(bn, nn.BatchNorm1d):
        return x.reshape(N * M, V, C, T)
    persons = bn.num_features // (V * C)
    if persons == 1:
        return bn(x.reshape(N * M, V * C, T)).view(N * M, V, C, T)
    groups = []
    for first in range(0, M, persons):
        group = x[:, first : first + persons].reshape(N, -1, T)
        groups.append(_batch_norm_first(bn, group).view(N, -1, V, C, T))
    x = groups[0] if len(groups) == 1 else torch.cat(groups, dim=1)
    return x.reshape(N * M, V, C, T)


def _batch_norm_first(bn: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch norm with the first of its features; x is (N, features, T)."""
    F = x.shape[1]
    if bn.num_features == F:
        return bn(x)
    if bn.training:
        bn.num_batches_tracked.add_(1)
    return nn.functional.batch_norm(
        x,
        bn.running_mean[:F],
        bn.running_var[:F],
        bn.weight[:F],
        bn.bias[:F],
        bn.training,
        bn.momentum,
        bn.eps,
    )
