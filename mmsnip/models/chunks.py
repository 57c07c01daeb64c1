"""Scores of a video too long for one pass, chunk by chunk.

A chunk is read with a halo on both sides, as wide as the network sees, and
cropped. Its bounds are multiples of the encoder's stride, so that each
strided frame is centred where it is in one pass, and the way from coarse
frames to fine ones is that of the whole video. What remains between chunks
and one pass is rounding (1e-5), with one exception: graphs made of a mean
over all frames (CTR-GCN, AGCN) are made of the chunk's frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmsnip.models.chunk_plan import (
    ChunkRule,
    block_strides,
    encoder_reach,
    head_reach,
    neck_reach,
    plan_chunks,
)
from mmsnip.models.necks.fusion import FusionNeck, StageAxes
from mmsnip.models.persons import encode_each_person, pool_persons
from mmsnip.models.time import resample_frames


class ChunkAxes(StageAxes):
    """Time axes of a chunk's stages, which meet as in the whole video.

    Args:
        stages (Sequence[Tensor]): Windows of the stages, (1, C_i, t_i) each.
        starts (Sequence[int]): Frame of the stage where each one begins.
        totals (Sequence[int]): T_i, frames of each stage of the video.
    """

    def __init__(
        self,
        stages: Sequence[Tensor],
        starts: Sequence[int],
        totals: Sequence[int],
    ) -> None:
        super().__init__(stages)
        self.starts = tuple(starts)
        self.totals = tuple(totals)

    def up(self, x: Tensor, source: int, target: int) -> Tensor:
        """Frames of the target that are nearest in the whole video.

        Args:
            x (Tensor): Features at stage ``source``, (1, C, t_source).
            source (int): Stage whose frames ``x`` has.
            target (int): Stage whose frames the result has.

        Returns:
            Tensor: (1, C, t_target); what lies outside ``x`` repeats its
            first or last frame.
        """
        place = torch.arange(self.sizes[target], device=x.device)
        place = place + self.starts[target]
        # The rule of resample_frames, float32 for the same reason.
        scale = torch.tensor(float(self.totals[source]), device=x.device)
        scale = scale / float(self.totals[target])
        index = (place * scale).floor().long().clamp(
            max=self.totals[source] - 1
        ) - self.starts[source]
        return x[:, :, index.clamp(0, x.shape[2] - 1)]


def pool_in_chunks(
    backbone: nn.Module,
    x: Tensor,
    body_mask: Tensor,
    chunk_size: int,
    overlap: int | None = None,
) -> tuple[Tensor, ...]:
    """Person-pooled stages of one video, the encoder run chunk by chunk.

    Args:
        backbone (nn.Module): Encoder, in eval mode.
        x (Tensor): Skeletons, (M, T, V, C).
        body_mask (Tensor): Where each person is there, (M, T) bool.
        chunk_size (int): Frames kept of each chunk.
        overlap (int, optional): Frames read on either side. None: as many
            as the encoder sees.

    Returns:
        tuple[Tensor, ...]: (1, C_i, T_i) per stage.
    """
    present = body_mask.any(dim=1)
    if not present.any():
        present[0] = True
    mask = body_mask[present]
    # An input norm over the persons needs all of them; see persons.py.
    needs_all = getattr(backbone, 'data_bn_type', None) == 'MVC'
    x = x if needs_all else x[present]
    owner = torch.zeros(len(mask), dtype=torch.int64, device=x.device)
    strides = backbone.temporal_strides_out
    if overlap is None:
        overlap = encoder_reach(backbone)
    parts: list[list[Tensor]] = [[] for _ in strides]
    plan = plan_chunks(
        x.shape[1], chunk_size, overlap, block_strides(backbone)[-1]
    )
    for start, stop, first, last in plan:
        rows = encode_each_person(backbone, x[None, :, first:last]).stages
        for part, row, stride in zip(parts, rows, strides):
            row = row[present] if needs_all else row
            pooled = pool_persons(row, mask[:, first:last], owner, 1, stride)
            head = (start - first) // stride
            size = -(-(stop - start) // stride)
            # a copy: a view would keep the whole chunk
            part.append(pooled[:, :, head : head + size].clone())
        del rows, row, pooled
    return tuple(torch.cat(part, dim=2) for part in parts)


def score_in_chunks(
    neck: FusionNeck,
    head: nn.Module,
    stages: Sequence[Tensor],
    strides: Sequence[int],
    num_frames: int,
    chunk_size: int,
) -> Tensor:
    """Logits of one video, neck and head run chunk by chunk.

    Args:
        neck (FusionNeck): In eval mode.
        head (nn.Module): A `FrameLocalizationHead`, in eval mode.
        stages (Sequence[Tensor]): (1, C_i, T_i) each.
        strides (Sequence[int]): Input frames per frame of each stage.
        num_frames (int): T.
        chunk_size (int): Frames kept of each chunk.

    Returns:
        Tensor: (1, T_0, num_classes + 1), at the frames of the first stage.
    """
    totals = [stage.shape[2] for stage in stages]
    reach = neck_reach(neck, strides) + head_reach(head, strides[0])
    parts = []
    for chunk in plan_chunks(num_frames, chunk_size, reach, max(strides)):
        windows, starts = [], []
        for stage, stride in zip(stages, strides):
            starts.append(chunk.first // stride)
            end = -(-chunk.last // stride)
            windows.append(stage[:, :, starts[-1] : end])
        axes = ChunkAxes(windows, starts, totals)
        fused = neck.fuse(neck.decode(windows, axes))
        begin = chunk.start // strides[0] - starts[0]
        size = -(-(chunk.stop - chunk.start) // strides[0])
        # behind the head, which may see neighbours; a copy as above
        logits = head(fused, fused.shape[2])
        parts.append(logits[:, begin : begin + size].clone())
        del fused, logits
    return torch.cat(parts, dim=1)


@torch.no_grad()
def logits_in_chunks(
    backbone: nn.Module,
    neck: nn.Module | None,
    head: nn.Module,
    x: Tensor,
    body_mask: Tensor,
    rule: ChunkRule,
) -> Tensor:
    """Logits of one video in memory that does not grow with it.

    What is kept of all frames are the stages, joints and persons pooled:
    half a KiB a frame at 64 channels, where one pass needs about 90.

    Args:
        backbone (nn.Module): Encoder, in eval mode.
        neck (nn.Module, optional): Fusion neck. One that is no `FusionNeck`
            sees the whole video at once.
        head (nn.Module): A `FrameLocalizationHead`.
        x (Tensor): Skeletons, (M, T, V, C), nothing padded.
        body_mask (Tensor): Where each person is there, (M, T) bool.
        rule (ChunkRule): Its ``chunk_size`` is a number.

    Returns:
        Tensor: (T, num_classes + 1).
    """
    T, size = x.shape[1], rule.chunk_size
    overlap = None if rule.overlap == 'auto' else rule.overlap
    stages = pool_in_chunks(backbone, x, body_mask, size, overlap)
    if neck is None:
        return head(stages[-1], T)[0]
    if not isinstance(neck, FusionNeck):
        return head(neck(stages, None), T)[0]
    strides = backbone.temporal_strides_out
    logits = score_in_chunks(neck, head, stages, strides, T, size)
    if logits.shape[1] != T:
        logits = resample_frames(
            logits.transpose(1, 2), T, mode='linear'
        ).transpose(1, 2)
    return logits[0]
