"""Normalisation and streams: deterministic, T never changes."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.egocentric import (
    HEADING_LINES,
    HEADING_SECONDS,
    UP_AXES,
    heading_joints,
    stack_streams,
)
from mmsnip.skeleton.geometry import normalize_bodies
from mmsnip.skeleton.resample import PADDING
from mmsnip.transforms.sample import (
    SkeletonTransform,
    coords_of,
    layout_of,
    mask_of,
)

STREAMS = ('joint', 'bone', 'motion', 'bone_motion', 'egocentric')
LINES = ('spine', 'shoulders')


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class NormalizeSkeleton(SkeletonTransform):
    """Centre, turn and scale bodies; frames keep their place.

    The lead person is the first one who is ever present; rotation is
    measured on its first present frame and applied to everybody. 2D points
    are centred and scaled, never turned; their joints with score 0, or at
    exactly (0, 0) where there is no score, stay at zero.

    Unlike the published NTU preparation (`mmsnip.skeleton.pre_normalize`)
    no frame moves against its label, and filled frames stay flagged.

    Modifies keypoint (M, T, V, C); reads layout, body_mask, num_coords
    (optional).
    Added keys: body_mask, where missing.

    Args:
        center (str, optional): ``frame`` subtracts the lead person's origin
            joints frame by frame, as NTU's; ``first`` those of its first
            present frame, so that the trajectory stays; None nothing.
        align (str, optional): ``body`` turns spine to z, then shoulders to
            x, as NTU's; ``heading`` turns about the vertical only; None
            nothing. A line that the layout does not name is left out, which
            is logged once.
        scale (bool, optional): Divide by the median bone length of the
            video. None: 2D points only.
        fill (str, optional): Poses that absent frames of a present person
            get: ``hold`` (the last one), ``linear`` (interpolated between
            its neighbours) or None (zeros).
        up_axis (int): Vertical coordinate, for ``heading``.

    Raises:
        ValueError: If an argument is unknown.
    """

    center: str | None = 'frame'
    align: str | None = 'body'
    scale: bool | None = None
    fill: str | None = 'hold'
    up_axis: int = 1

    def __post_init__(self) -> None:
        choices = dict(
            center=(self.center, ('frame', 'first', None)),
            align=(self.align, ('body', 'heading', None)),
            fill=(self.fill, ('hold', 'linear', None)),
            up_axis=(self.up_axis, (0, 1, 2)),
        )
        for key, (value, allowed) in choices.items():
            if value not in allowed:
                raise ValueError(
                    f'NormalizeSkeleton: {key}={value!r} is unknown; use one '
                    f'of {allowed}'
                )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Normalise a sample."""
        layout = layout_of(results, 'NormalizeSkeleton')
        mask, D = mask_of(results), coords_of(results)
        if self.align is not None and D == 3:
            lines = ('shoulders',) if self.align == 'heading' else LINES
            for line in lines:
                if getattr(layout, line) is None:
                    _log_missing(layout.name, line)
        keypoint = normalize_bodies(
            results['keypoint'],
            mask,
            layout,
            self.center,
            self.align,
            self.scale,
            self.fill,
            self.up_axis,
            D,
        )
        index = results.get('frame_index')
        if index is not None and np.any(np.asarray(index) == PADDING):
            keypoint = keypoint * (np.asarray(index) != PADDING)[:, None, None]
        results['keypoint'] = keypoint
        results['body_mask'] = mask
        return results


_LOGGED: set[tuple[str, str]] = set()


def _log_missing(layout: str, line: str) -> None:
    if (layout, line) not in _LOGGED:
        _LOGGED.add((layout, line))
        print_log(
            f'layout {layout!r} names no {line}, so bodies are not turned '
            f"by it; set metainfo['normalization']['{line}']",
            logger='current',
            level=logging.WARNING,
        )


@TRANSFORMS.register_module()
class SkeletonStream(SkeletonTransform):
    """Joints, bones, or their change from frame to frame.

    A bone is a joint minus its parent (the root's is zero); motion is the
    next frame minus this one, zero in the last frame and wherever the
    person is absent in either. ``egocentric`` is all of them as the body
    sees them, 14 numbers a joint (8 in 2D), see
    `mmsnip.skeleton.egocentric`; it needs the way of the body, so
    `NormalizeSkeleton` before it must not centre frame by frame.

    Where the sample has views, each of them is turned, too.
    Required keys: keypoint (M, T, V, C); layout, for bones; body_mask,
    num_coords, views (optional).
    Modified keys: keypoint; C times as many channels where several streams
    are given, 14 (8 in 2D) and what is behind the coordinates for
    ``egocentric``; views, the same in each.
    Added keys: stream (tuple[str, ...]).

    Args:
        stream (str | Sequence[str]): ``joint``, ``bone``, ``motion``,
            ``bone_motion``, ``egocentric``; several are concatenated on
            channels.
        fps (float): Frames a second, for ``egocentric``.
        up (str): Axis that points up, for ``egocentric``: ``'y'``, ``'-y'``,
            ``'z'``, ..
        heading_seconds (float): Length of the running mean of the heading,
            for ``egocentric``.
        heading_line (str): Whose line the heading is, for ``egocentric``:
            ``shoulders`` or ``hips``; the shoulders stand in for hips that
            the joints' names do not tell.

    Raises:
        ValueError: If a stream, an axis or a line is unknown, or a number
            is out of range.
    """

    def __init__(
        self,
        stream: str | Sequence[str] = 'joint',
        fps: float = 30.0,
        up: str = 'y',
        heading_seconds: float = HEADING_SECONDS,
        heading_line: str = 'shoulders',
    ) -> None:
        streams = (stream,) if isinstance(stream, str) else tuple(stream)
        known = bool(streams) and set(streams) <= set(STREAMS)
        known = known and up in UP_AXES and heading_line in HEADING_LINES
        if not (known and fps > 0 and 0 <= heading_seconds < math.inf):
            raise ValueError(
                f'SkeletonStream: stream={stream!r} must hold one or more of '
                f'{STREAMS}, up={up!r} be one of {UP_AXES}, heading_line='
                f'{heading_line!r} of {HEADING_LINES}, fps={fps!r} above 0 '
                f'and heading_seconds={heading_seconds!r} not below 0'
            )
        self.stream = streams
        self.fps = fps
        self.up = up
        self.heading_seconds = heading_seconds
        self.heading_line = heading_line

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn joints into streams."""
        for view in results.get('views', ()):
            self.transform(view)
        mask, layout = mask_of(results), results.get('layout')
        if self.stream != ('joint',) and self.stream != ('motion',):
            layout = layout_of(results, 'SkeletonStream')
        D = coords_of(results)
        turned = 'egocentric' in self.stream and D == 3
        if turned and heading_joints(layout, self.heading_line) is None:
            _log_missing(layout.name, 'shoulders')
        results['body_mask'] = mask
        results['keypoint'] = stack_streams(
            results['keypoint'], mask, layout, self.stream, D, self.fps,
            self.up, self.heading_seconds, self.heading_line,
        )  # fmt: skip
        results['stream'] = self.stream
        return results
