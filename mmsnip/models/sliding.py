"""Scores of a video too long for one pass, or not over yet: windows.

A window is read with all frames that its scores depend on, on both sides,
and cropped. It begins at a multiple of the encoder's stride, so that each
strided frame is centred where it is in one pass, and the way from coarse
frames to fine ones is that of the whole video. What remains between windows
and one pass is rounding (1e-5), with one exception: graphs made of a mean
over all frames (CTR-GCN, AGCN) are made of the window's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mmsnip.models.necks import FusionNeck, StageAxes
from mmsnip.models.persons import encode_each_person, pool_persons
from mmsnip.models.time import resample_frames

__all__ = [
    'Chunk',
    'ChunkRule',
    'block_strides',
    'chunk_rule',
    'encoder_reach',
    'head_reach',
    'logits_in_chunks',
    'plan_chunks',
    'receptive_field',
    'window_scores',
]

# 18 minutes at 30 frames a second; no benchmark has a video as long.
CHUNK_SIZE = 32768


class Chunk(NamedTuple):
    """Half-open frames: what is kept, and what is read for it."""

    start: int
    stop: int
    first: int
    last: int


class ChunkRule(NamedTuple):
    """How long videos are cut.

    Args:
        chunk_size (int | None): Longest video that passes at once, and the
            frames that a chunk of a longer one keeps. None: no limit.
        overlap (int | str): Frames that a chunk reads on either side;
            ``'auto'``: as many as the network sees.
    """

    chunk_size: int | None = CHUNK_SIZE
    overlap: int | str = 'auto'


def chunk_rule(test_cfg: Mapping[str, Any] | None) -> ChunkRule:
    """Rule of a model's ``test_cfg``, checked."""
    known = [*ChunkRule._fields, 'smooth_frames']
    unknown = sorted(set(test_cfg or ()) - set(known))
    if unknown:
        raise ValueError(f'test_cfg: keys {unknown} are unknown; use {known}')
    own = {k: v for k, v in (test_cfg or {}).items() if k != 'smooth_frames'}
    rule = ChunkRule(**own)
    size, overlap = rule
    if size is not None and (not isinstance(size, int) or size < 1):
        raise ValueError(
            f'test_cfg: chunk_size={size!r} must be a positive number of '
            'frames, or None for one pass over whatever comes'
        )
    if overlap != 'auto' and (not isinstance(overlap, int) or overlap < 0):
        raise ValueError(
            f"test_cfg: overlap={overlap!r} must be 'auto' or a number of "
            'frames, 0 or more'
        )
    return rule


def plan_chunks(
    num_frames: int, chunk_size: int, overlap: int, stride: int
) -> list[Chunk]:
    """Chunks that tile a video; bounds are multiples of the stride."""
    size = -(-chunk_size // stride) * stride
    halo = -(-overlap // stride) * stride
    return [
        Chunk(
            start,
            min(start + size, num_frames),
            max(start - halo, 0),
            min(start + size + halo, num_frames),
        )
        for start in range(0, num_frames, size)
    ]


def _widest(size: Any) -> int:
    return max(size) if isinstance(size, tuple) else size


def _reach(layer: nn.Module) -> int:
    """Frames that a layer sees on either side; joints have a kernel of 1."""
    if not isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.MaxPool2d)):
        return 0
    return _widest(layer.dilation) * (_widest(layer.kernel_size) - 1) // 2


def block_strides(backbone: nn.Module) -> list[int]:
    """Input frames per frame behind each of an encoder's ``blocks``."""
    steps, total = [], 1
    for block in backbone.blocks:
        found = getattr(block, 'stride', None)
        if found is None:  # mmaction2's blocks do not say
            found = max(
                _widest(layer.stride)
                for layer in block.modules()
                if isinstance(layer, (nn.Conv2d, nn.MaxPool2d))
            )
        total *= found
        steps.append(total)
    return steps


def encoder_reach(backbone: nn.Module) -> int:
    """Input frames that an encoder's output frame sees on either side.

    The widest layer of each block counts, since a block's temporal layers
    stand side by side: 144 for AGCN's defaults, 76 for CTR-GCN's.
    """
    total, stride = 0, 1
    for block, after in zip(backbone.blocks, block_strides(backbone)):
        total += stride * max(1, *map(_reach, block.modules()))
        stride = after
    return total


def _score_stride(model: nn.Module) -> int:
    """Input frames per frame of the features that the head reads."""
    strides = model.backbone.temporal_strides_out
    return strides[-1] if model.neck is None else strides[0]


def head_reach(head: nn.Module, stride: int) -> int:
    """Input frames that a head sees; 127 strides for the dilated one."""
    return stride * sum(map(_reach, head.modules()))


def receptive_field(model: nn.Module) -> int:
    """Bound on the frames that a frame's score depends on, either side.

    All layers of a fusion neck count in a row at the coarsest stage, and for
    each stage two frames more, since nearest frames lie less than one off.
    The head's count in a row, and so does the interpolation of its logits.
    A graph that is made of a mean over all frames sees them all.
    """
    strides, stride = model.backbone.temporal_strides_out, _score_stride(model)
    reach = encoder_reach(model.backbone)
    if isinstance(model.neck, nn.Module):
        layers = sum(map(_reach, model.neck.modules()))
        reach += max(strides) * (layers + 2 * len(strides))
    reach += head_reach(model.head, stride)
    return reach + (stride if stride > 1 else 0)


class WindowAxes(StageAxes):
    """Time axes of a window's stages, which meet as in the whole video.

    Each stage begins at a frame of ``starts`` and has T_i frames of
    ``totals`` in the video.
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
        """Frames of the target that are nearest in the whole video."""
        place = torch.arange(self.sizes[target], device=x.device)
        place = place + self.starts[target]
        # The rule of resample_frames, float32 for the same reason.
        scale = torch.tensor(float(self.totals[source]), device=x.device)
        scale = scale / float(self.totals[target])
        index = (place * scale).floor().long().clamp(
            max=self.totals[source] - 1
        ) - self.starts[source]
        return x[:, :, index.clamp(0, x.shape[2] - 1)]


class _Video:
    """Windows of one video through a localizer in eval mode."""

    def __init__(self, model: nn.Module, x: Tensor, body_mask: Tensor) -> None:
        self.model = model
        self.strides = model.backbone.temporal_strides_out
        self.present = body_mask.any(dim=1)
        if not self.present.any():
            self.present[0] = True
        self.mask = body_mask[self.present]
        # An input norm over the persons needs all of them; see persons.py.
        norm = getattr(model.backbone, 'data_bn_type', None)
        self.needs_all = norm == 'MVC'
        self.x = x if self.needs_all else x[self.present]

    def stages(self, first: int, last: int) -> list[Tensor]:
        """Person-pooled stages of a window, (1, C_i, t_i) each."""
        x, mask = self.x[None, :, first:last], self.mask[:, first:last]
        owner = torch.zeros(len(mask), dtype=torch.int64, device=x.device)
        rows = encode_each_person(self.model.backbone, x).stages
        return [
            pool_persons(
                row[self.present] if self.needs_all else row,
                mask,
                owner,
                1,
                stride,
            )
            for row, stride in zip(rows, self.strides)
        ]

    def logits(self, first: int, last: int, num_frames: int) -> Tensor:
        """(1, t, num_classes + 1) at the stride of the features."""
        neck, stages = self.model.neck, self.stages(first, last)
        features = stages[-1]
        if neck is not None:
            starts = [first // stride for stride in self.strides]
            totals = [-(-num_frames // stride) for stride in self.strides]
            axes = WindowAxes(stages, starts, totals)
            features = neck.fuse(neck.decode(stages, axes))
        return self.model.head(features, features.shape[2])


@torch.no_grad()
def logits_in_chunks(
    model: nn.Module, x: Tensor, body_mask: Tensor, rule: ChunkRule
) -> Tensor:
    """Logits (T, num_classes + 1) in memory that does not grow with T.

    Of skeletons (M, T, V, C) and presence (M, T). A neck that is no
    `FusionNeck` sees the stages of the whole video at once.
    """
    video, T = _Video(model, x, body_mask), x.shape[1]
    whole = model.neck is not None and not isinstance(model.neck, FusionNeck)
    reach = rule.overlap
    if reach == 'auto':
        reach = (
            encoder_reach(model.backbone)
            if whole
            else (receptive_field(model))
        )
    align = block_strides(model.backbone)[-1]
    parts: list[list[Tensor]] = [[] for _ in video.strides]
    strides = video.strides if whole else [_score_stride(model)]
    for start, stop, first, last in plan_chunks(
        T, rule.chunk_size, reach, align
    ):
        if whole:
            found = video.stages(first, last)
        else:
            found = [video.logits(first, last, T).transpose(1, 2)]
        for part, rows, stride in zip(parts, found, strides):
            begin = (start - first) // stride
            size = -(-(stop - start) // stride)
            # a copy: a view would keep the whole chunk
            part.append(rows[:, :, begin : begin + size].clone())
        del found, rows
    joined = [torch.cat(part, dim=2) for part in parts if part]
    if whole:
        return model.head(model.neck(joined, None), T)[0]
    logits = joined[0]
    if logits.shape[2] != T:
        logits = resample_frames(logits, T, mode='linear')
    return logits[0].t()


@torch.no_grad()
def window_scores(model: nn.Module, x: Tensor, body_mask: Tensor) -> Tensor:
    """Probabilities (T, num_classes + 1) of a stretch, before smoothing.

    Of skeletons (M, T, V, C) whose first frame lies at a multiple of the
    encoder's stride, and presence (M, T). Stages meet by their strides, as
    in a whole video whose length is a multiple of all of them.
    """
    T, stride = x.shape[1], _score_stride(model)
    video = _Video(model, x, body_mask)
    if isinstance(model.neck, FusionNeck) or model.neck is None:
        longest = block_strides(model.backbone)[-1]
        logits = video.logits(0, T, longest * -(-T // longest))
    else:
        features = model.neck(video.stages(0, T), None)
        logits = model.head(features, features.shape[2])
    if stride > 1:
        logits = resample_frames(
            logits.transpose(1, 2), stride * logits.shape[1], mode='linear'
        ).transpose(1, 2)
    return torch.softmax(logits[0, :T].float(), dim=1)
