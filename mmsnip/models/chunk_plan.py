"""Where a long video is cut, and how far a network sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import nn

# 18 minutes at 30 frames a second; no benchmark has a video as long.
CHUNK_SIZE = 32768
# Keys of test_cfg that have nothing to do with chunks.
OTHER_KEYS = ('smooth_frames',)


class Chunk(NamedTuple):
    """Half-open frames of a chunk.

    Attributes:
        start (int): First frame that is kept.
        stop (int): Behind the last frame that is kept.
        first (int): First frame that is read.
        last (int): Behind the last frame that is read.
    """

    start: int
    stop: int
    first: int
    last: int


class ChunkRule(NamedTuple):
    """How long videos are cut.

    Attributes:
        chunk_size (int | None): Longest video that passes at once, and the
            frames that a chunk of a longer one keeps. None: no limit.
        overlap (int | str): Frames that a chunk reads on either side;
            ``'auto'``: as many as the network sees.
    """

    chunk_size: int | None = CHUNK_SIZE
    overlap: int | str = 'auto'


def chunk_rule(test_cfg: Mapping[str, Any] | None) -> ChunkRule:
    """Rule of a model's ``test_cfg``.

    Args:
        test_cfg (Mapping, optional): ``chunk_size`` and ``overlap``; what it
            says of other things is left.

    Returns:
        ChunkRule: Checked, defaults filled in.

    Raises:
        ValueError: If a key is unknown or a value out of range.
    """
    test_cfg = test_cfg or {}
    known = [*ChunkRule._fields, *OTHER_KEYS]
    unknown = sorted(set(test_cfg) - set(known))
    if unknown:
        raise ValueError(
            f'test_cfg: keys {unknown} are unknown; use {known}'
        )
    own = {k: v for k, v in test_cfg.items() if k not in OTHER_KEYS}
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
    """Chunks that tile a video.

    Args:
        num_frames (int): T.
        chunk_size (int): Frames kept of each, rounded up to the stride.
        overlap (int): Frames read on either side, rounded up likewise.
        stride (int): What the bounds are multiples of, but for T.

    Returns:
        list[Chunk]: In order; the last one is no longer than the others.

    Examples:
        >>> [tuple(chunk) for chunk in plan_chunks(21, 8, 3, 4)]
        [(0, 8, 0, 12), (8, 16, 4, 20), (16, 21, 12, 21)]
    """
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


def _step(layer: nn.Module) -> int:
    """Stride of a layer over time; over the joints it is 1."""
    is_strided = isinstance(layer, (nn.Conv2d, nn.MaxPool2d))
    return _widest(layer.stride) if is_strided else 1


def _reach(layer: nn.Module) -> int:
    """Frames that a layer sees on either side; joints have a kernel of 1."""
    if not isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.MaxPool2d)):
        return 0
    return _widest(layer.dilation) * (_widest(layer.kernel_size) - 1) // 2


def encoder_reach(backbone: nn.Module) -> int:
    """Input frames that an output frame sees on either side.

    The widest layer of each block counts, since a block's temporal layers
    stand side by side.

    Args:
        backbone (nn.Module): Encoder with ``blocks``.

    Returns:
        int: Sum over the blocks; 144 for AGCN's defaults, 76 for CTR-GCN's
        and STGCN's.
    """
    total, stride = 0, 1
    for block, after in zip(backbone.blocks, block_strides(backbone)):
        total += stride * max(1, *map(_reach, block.modules()))
        stride = after
    return total


def block_strides(backbone: nn.Module) -> list[int]:
    """Input frames per frame behind each block.

    Args:
        backbone (nn.Module): Encoder with ``blocks``.

    Returns:
        list[int]: One a block, ascending.
    """
    steps, total = [], 1
    for block in backbone.blocks:
        found = getattr(block, 'stride', None)
        if found is None:  # mmaction2's blocks do not say
            found = max(map(_step, block.modules()))
        total *= found
        steps.append(total)
    return steps


def neck_reach(neck: nn.Module, strides: Sequence[int]) -> int:
    """Bound on the input frames that a neck's frame sees on either side.

    Args:
        neck (nn.Module): A `FusionNeck`.
        strides (Sequence[int]): Input frames per frame of each stage.

    Returns:
        int: All its layers in a row at the coarsest stage, and for each
        stage two frames more: nearest frames lie less than one off.
    """
    layers = sum(map(_reach, neck.modules()))
    return max(strides) * (layers + 2 * len(strides))


def head_reach(head: nn.Module, stride: int) -> int:
    """Input frames that a head sees on either side of its frame.

    Args:
        head (nn.Module): A `FrameLocalizationHead`.
        stride (int): Input frames per frame of the features that it reads.

    Returns:
        int: All its convolutions and maxima in a row; 0 for the linear head,
        127 strides for `DilatedLocalizationHead`'s defaults.
    """
    return stride * sum(map(_reach, head.modules()))
