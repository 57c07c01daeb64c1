"""From poses to the inputs of an exported localizer, in numpy alone.

An exported file says in its metadata how poses were prepared in training:
the joints, the frame rate and the steps of the test pipeline. Here these
steps are followed without their registered faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.prepare.fit import Expected, Given, fit
from mmsnip.skeleton.egocentric import HEADING_SECONDS, stack_streams
from mmsnip.skeleton.geometry import normalize_bodies
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.structures import Recording

__all__ = ['foreign_steps', 'model_inputs']

# Steps of a test pipeline that change no pose.
SILENT = {'FrameLabels', 'PackSkeletonInputs'}


@dataclass
class _Sample:
    """What the steps change: (M, T, V, C) and where each person is."""

    keypoint: np.ndarray
    body_mask: np.ndarray
    layout: SkeletonLayout
    num_coords: int


def model_inputs(
    poses: np.ndarray, about: Mapping[str, Any], fps: float | None = None
) -> dict[str, np.ndarray]:
    """Inputs of an exported localizer for one video.

    Args:
        poses (np.ndarray): (T, V, C) or (M, T, V, C), as they were
            annotated; frames in which all joints of a person are zero are
            frames without it. Short gaps of lost joints are filled as in
            the data of the model.
        about (Mapping[str, Any]): Metadata of the file, see
            `mmsnip.export.metadata`.
        fps (float, optional): Frames a second of the poses; where it is not
            the model's, they are resampled. None: the model's.

    Returns:
        dict[str, np.ndarray]: ``keypoint`` (1, M, T', V, C) float32,
        ``body_mask`` (1, M, T') bool and ``num_frames`` (1,) int64, which
        says how many of the frames that come back count. These are at the
        model's frame rate.

    Raises:
        ValueError: If the poses have other joints or channels than the
            model, are not finite, or a step is none of ours.
    """
    foreign = foreign_steps(about['pipeline'])
    if foreign:
        raise ValueError(
            f'the model was trained behind {foreign}, which exists in its '
            'project only; do the same to the poses and pass them as '
            'keypoint, body_mask and num_frames'
        )
    layout = from_graph_cfg(about['layout'])
    expected = Expected(
        layout=layout,
        fps=about['fps'],
        num_channels=about['num_channels'],
        of_model=True,
        # files of before did not say it, and had no gap filled
        **about.get('expected', dict(max_gap=0)),
    )
    given = Given(fps=fps)
    fitted = fit(Recording('the poses', poses), expected, given)
    keypoint = fitted.keypoint
    if fitted.score is not None:
        score = fitted.score[..., None]
        keypoint = np.concatenate([keypoint, score], axis=-1)
    sample = _Sample(
        keypoint, fitted.bodies, layout, min(keypoint.shape[-1], 3)
    )
    for config in about['pipeline']:
        options = dict(config)
        act = STEPS.get(_name(options.pop('type')))
        if act is not None:
            act(sample, **options)
    keypoint, mask = sample.keypoint, sample.body_mask
    if not about['persons_by_place']:
        there = mask.any(axis=1)  # those who never are would only cost
        there[0] |= not there.any()
        keypoint, mask = keypoint[there], mask[there]
    T = keypoint.shape[1]
    more = (0, max(about['frames']['min'] - T, 0))
    return dict(
        keypoint=np.pad(
            keypoint.astype(np.float32, copy=False)[None],
            ((0, 0), (0, 0), more, (0, 0), (0, 0)),
        ),
        body_mask=np.pad(mask[None], ((0, 0), (0, 0), more)),
        num_frames=np.array([T], dtype=np.int64),
    )


def foreign_steps(pipeline: Sequence[Mapping[str, Any]]) -> list[str]:
    """Types of a test pipeline's steps that `model_inputs` does not know."""
    return [
        str(step['type'])
        for step in pipeline
        if _name(step['type']) not in SILENT | set(STEPS)
    ]


def _name(kind: Any) -> str:
    kind = str(kind)
    return kind[len('mmsnip.') :] if kind.startswith('mmsnip.') else kind


def _format(
    sample: _Sample,
    num_person: int | None = None,
    use_score: bool = False,
    layout: Any = None,
    num_coords: int | None = None,
) -> None:
    """`mmsnip.FormatSkeleton`; a score is the last channel already."""
    C = sample.keypoint.shape[-1] - use_score
    sample.num_coords = min(C, num_coords or 3)
    if layout is not None:
        sample.layout = from_graph_cfg(layout)
    M = len(sample.keypoint)
    if num_person is None or num_person == M:
        return
    if num_person < M:
        order = np.argsort(-sample.body_mask.sum(axis=1), kind='stable')
        kept = np.sort(order[:num_person])
        sample.keypoint = sample.keypoint[kept]
        sample.body_mask = sample.body_mask[kept]
        return
    more = (0, num_person - M)
    sample.keypoint = np.pad(sample.keypoint, (more, *[(0, 0)] * 3))
    sample.body_mask = np.pad(sample.body_mask, (more, (0, 0)))


def _normalize(sample: _Sample, **options: Any) -> None:
    """`mmsnip.NormalizeSkeleton`."""
    if 'center' in options:
        options['center_mode'] = options.pop('center')
    sample.keypoint = normalize_bodies(
        sample.keypoint,
        sample.body_mask,
        sample.layout,
        num_coords=sample.num_coords,
        **options,
    )


def _stream(
    sample: _Sample,
    stream: str | Sequence[str] = 'joint',
    fps: float = 30.0,
    up: str = 'y',
    heading_seconds: float = HEADING_SECONDS,
    heading_line: str = 'shoulders',
) -> None:
    """`mmsnip.SkeletonStream`."""
    sample.keypoint = stack_streams(
        sample.keypoint,
        sample.body_mask,
        sample.layout,
        (stream,) if isinstance(stream, str) else tuple(stream),
        sample.num_coords,
        fps,
        up,
        heading_seconds,
        heading_line,
    )


STEPS = {
    'FormatSkeleton': _format,
    'NormalizeSkeleton': _normalize,
    'SkeletonStream': _stream,
}
