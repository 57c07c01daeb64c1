"""How many frames a stream reads at once, and how long they wait."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from mmsnip.apis.streaming_scores import frame_stride, network_reach
from mmsnip.models import SkeletonLocalizer
from mmsnip.skeleton.egocentric import (
    TURNING_SECONDS,
    VELOCITY_SECONDS,
)
from mmsnip.structures.errors import is_int

__all__ = ['Latency', 'StreamPlan', 'check_count', 'plan_stream']

CONTEXT_SECONDS = 4.0
LOOK_AHEAD_SECONDS = 2.0
HOP_SECONDS = 0.5


class Latency(NamedTuple):
    """How long the longest-waiting frame of a stream waits for its label.

    Attributes:
        frames (int): Frames of the model that must come after it.
        seconds (float): The same; what the network takes comes on top.
    """

    frames: int
    seconds: float


class StreamPlan(NamedTuple):
    """Frames of a window, all multiples of the encoder's stride but `edge`.

    Attributes:
        context (int): Read before those that become final.
        hop (int): Become final at once.
        look_ahead (int): Read after them.
        edge (int): Read before the context, by the pipeline only.
        reach (int): Frames on either side that network and pipeline see.
    """

    context: int
    hop: int
    look_ahead: int
    edge: int
    reach: int

    @property
    def capacity(self) -> int:
        """Frames of the longest window."""
        return self.edge + self.context + self.hop + self.look_ahead


def plan_stream(
    model: SkeletonLocalizer,
    pipeline: Iterable[Any],
    fps: float,
    look_ahead: int | str | None = None,
    context: int | str | None = None,
    hop: int | None = None,
) -> StreamPlan:
    """Windows of a model.

    Args:
        model (SkeletonLocalizer): Any.
        pipeline (Iterable): Its test pipeline's transforms.
        fps (float): Its frame rate.
        look_ahead (int | str, optional): Frames, or ``'full'``. None: 2 s,
            less where the model sees less.
        context (int | str, optional): Likewise. None: 4 s.
        hop (int, optional): Frames. None: half a second.

    Returns:
        StreamPlan: Rounded up to the encoder's stride.

    Raises:
        ValueError: If an option is out of range.
    """
    stride = frame_stride(model)
    edge = _pipeline_reach(pipeline, fps)
    reach = network_reach(model) + edge

    def rounded(frames: float) -> int:
        return stride * math.ceil(frames / stride)

    def span(name: str, given: int | str | None, seconds: float) -> int:
        if given is None:
            return rounded(min(reach, seconds * fps))
        if isinstance(given, str):
            if given != 'full':
                raise ValueError(
                    f"{name}={given!r} must be a number of frames, 'full' or "
                    'None'
                )
            return rounded(reach)
        check_count(name, given, 0)
        return rounded(given)

    if hop is None:
        hop = max(round(HOP_SECONDS * fps), 1)
    check_count('hop', hop, 1)
    return StreamPlan(
        context=span('context', context, CONTEXT_SECONDS),
        hop=rounded(hop),
        look_ahead=span('look_ahead', look_ahead, LOOK_AHEAD_SECONDS),
        edge=edge,
        reach=reach,
    )


def _pipeline_reach(pipeline: Iterable[Any], fps: float) -> int:
    """Frames on either side that a frame's streams are made of."""
    headings = [
        step.heading_seconds
        for step in pipeline
        if 'egocentric' in getattr(step, 'stream', ())
    ]
    if not headings:
        return 1  # motion
    longest = max(*VELOCITY_SECONDS, *TURNING_SECONDS)
    return math.ceil(max(headings) / 2 * fps) + math.ceil(longest * fps)


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is no number of things.

    Args:
        name (str): Option, for the message.
        value (Any): Its value.
        least (int): Smallest number that is allowed.

    Raises:
        ValueError: If it is none.
    """
    if not is_int(value) or value < least:
        raise ValueError(
            f'{name}={value!r} must be a whole number of at least {least}'
        )
