"""Whether an exported file says what the localizer says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.evaluation import smooth_frames
from mmsnip.export.errors import ExportError
from mmsnip.export.preparation import model_inputs
from mmsnip.export.runner import Runner
from mmsnip.models import SkeletonLocalizer

__all__ = ['LIMIT', 'Case', 'check_batches', 'check_poses', 'random_cases']

LIMIT = 1e-4  # of a probability


class Case(NamedTuple):
    """A batch.

    Attributes:
        lengths (tuple[int, ...]): Frames of each video, padded to the
            longest.
        persons (int): M.
    """

    lengths: tuple[int, ...]
    persons: int


def random_cases(stride: int, longest: int = 600) -> list[Case]:
    """Batches among which an exporter's assumptions show.

    Args:
        stride (int): Product of the encoder's temporal strides.
        longest (int): Frames of the longest one. Defaults to 600.

    Returns:
        list[Case]: One frame, fewer than the stride, odd, a multiple, long;
        one video and several of different lengths; one person and several.
    """
    return [
        Case((1,), 1),
        Case((max(stride - 1, 2),), 2),
        Case((stride + 1,), 1),
        Case((4 * stride,), 3),
        Case((6 * stride + 3,), 2),
        Case((longest - 1,), 1),
        Case((1, 3 * stride + 1, 2), 2),
        Case((45, 64, 51), 1),
    ]


def _batch(
    case: Case, num_joints: int, channels: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Noise; persons come and go, one is never there, one video is empty."""
    N, T = len(case.lengths), max(case.lengths)
    shape = (N, case.persons, T, num_joints, channels)
    keypoint = rng.normal(0, 0.5, shape).astype(np.float32)
    mask = rng.random(shape[:3]) < 0.6
    if case.persons > 1:
        mask[0, -1] = False
    if N > 2:
        mask[-1] = False
    valid = np.arange(T) < np.array(case.lengths)[:, None]
    mask &= valid[:, None]
    keypoint *= valid[:, None, :, None, None]
    frames = np.array(case.lengths, dtype=np.int64)
    return dict(keypoint=keypoint, body_mask=mask, num_frames=frames)


def _padded(
    inputs: Mapping[str, np.ndarray], least: int
) -> dict[str, np.ndarray]:
    """The same batch with at least so many frames."""
    more = (0, max(least - inputs['keypoint'].shape[2], 0))
    rest = [(0, 0)] * 2
    return dict(
        keypoint=np.pad(inputs['keypoint'], (*rest, more, *rest)),
        body_mask=np.pad(inputs['body_mask'], (*rest, more)),
        num_frames=inputs['num_frames'],
    )


def check_batches(
    run: Runner, model: SkeletonLocalizer, cases: Sequence[Case], least: int
) -> float:
    """Largest difference over batches of noise.

    Args:
        run (Runner): The file.
        model (SkeletonLocalizer): In eval mode, on the CPU.
        cases (Sequence[Case]): Sizes.
        least (int): Least T that the file takes.

    Returns:
        float: Largest difference of a probability at a valid frame.

    Raises:
        ExportError: If a batch differs by more than `LIMIT`, or the file
            fails on it.
    """
    rng = np.random.default_rng(0)
    backbone, worst = model.backbone, 0.0
    for case in cases:
        batch = _batch(case, backbone.num_joints, backbone.in_channels, rng)
        batch = _padded(batch, least)
        tensors = {k: torch.from_numpy(v) for k, v in batch.items()}
        T = batch['keypoint'].shape[2]
        if min(case.lengths) == T:
            tensors['num_frames'] = None
        with torch.no_grad():
            logits = model(tensors.pop('keypoint'), None, **tensors)
            expected = torch.softmax(logits.float(), dim=2).numpy()
        what = f'videos of {case.lengths} frames, {case.persons} persons'
        found = _run(run, batch, what)
        if found.shape != expected.shape:
            raise ExportError(
                f'{what}: the file gives scores of shape {found.shape}, '
                f'PyTorch of shape {expected.shape}'
            )
        for n, length in enumerate(case.lengths):
            gap = _gap(found[n, :length], expected[n, :length], what)
            worst = max(worst, gap)
    return worst


def check_poses(
    run: Runner,
    infer: SkeletonLocalizationInferencer,
    about: Mapping[str, Any],
    videos: Mapping[str, np.ndarray],
) -> float:
    """Largest difference from what `tools/infer.py` says of videos.

    The preparation in numpy is checked along with the file.

    Args:
        run (Runner): The file.
        infer (SkeletonLocalizationInferencer): The checkpoint.
        about (Mapping[str, Any]): Metadata of the file.
        videos (Mapping[str, np.ndarray]): Poses (M, T, V, C) by name.

    Returns:
        float: Largest difference of a probability.

    Raises:
        ExportError: If a video differs by more than `LIMIT`.
    """
    worst = 0.0
    for name, poses in videos.items():
        expected = np.array(infer(poses, return_scores=True)['scores'])
        found = score_poses(run, poses, about, name)
        worst = max(worst, _gap(found, expected, name))
    return worst


def score_poses(
    run: Runner, poses: np.ndarray, about: Mapping[str, Any], name: str
) -> np.ndarray:
    """Frame scores of one video, smoothed as the model smooths them.

    Args:
        run (Runner): The file.
        poses (np.ndarray): (M, T, V, C), at the model's frame rate.
        about (Mapping[str, Any]): Metadata of the file.
        name (str): Of the video, for messages.

    Returns:
        np.ndarray: (T, num_classes + 1).

    Raises:
        ExportError: If the file fails.
    """
    inputs = model_inputs(poses, about)
    scores = _run(run, inputs, name)[0, : int(inputs['num_frames'][0])]
    return smooth_frames(scores, about.get('smooth_frames', 1))


def _run(
    run: Runner, inputs: Mapping[str, np.ndarray], what: str
) -> np.ndarray:
    try:
        return run(inputs)
    except Exception as error:  # of any runtime
        raise ExportError(
            f'{what}: the exported file fails, which is not kept; '
            f'{type(error).__name__}: {str(error)[:400]}'
        ) from error


def _gap(found: np.ndarray, expected: np.ndarray, what: str) -> float:
    gap = float(np.abs(found - expected).max())
    if not gap <= LIMIT:
        raise ExportError(
            f'{what}: scores of the exported file differ from PyTorch by '
            f'{gap:.2g}, more than {LIMIT:g}; the file is not kept. Either '
            'the exporter went wrong, then try another format, or the '
            "model's logits are so large (thousands) that rounding decides"
        )
    return gap
