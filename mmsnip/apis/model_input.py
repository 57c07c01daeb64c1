"""From a clip to what the model's test pipeline makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from mmsnip.apis.clips import Clip
from mmsnip.models.checkpoint import CheckpointError
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.resample import nearest_frames, take_joints

__all__ = ['find_channels', 'pack_clip']


def pack_clip(
    clip: Clip,
    pipeline: Callable[[dict[str, Any]], Any],
    facts: Mapping[str, Any],
    with_score: bool,
) -> dict[str, Any]:
    """Resample a clip to the model's rate and pass it through a pipeline.

    Args:
        clip (Clip): Of the model's joints, at its own rate.
        pipeline (Callable[[dict[str, Any]], Any]): Test pipeline.
        facts (Mapping[str, Any]): What a data set adds to each sample.
        with_score (bool): Whether the last channel is a score.

    Returns:
        dict[str, Any]: As packed, T' frames.

    Raises:
        ValueError: If the pipeline does not keep all frames.
    """
    keypoint = clip.keypoint
    body_mask = present_frames(keypoint)
    if clip.step != 1:
        T = clip.num_frames
        count = int(np.ceil(T / clip.step - 1e-6))
        place = np.minimum(np.arange(max(count, 1)) * clip.step, T - 1)
        coords = keypoint[..., :-1] if with_score else keypoint
        found = (coords != 0).any(axis=-1)
        keypoint = take_joints(keypoint, found, place)
        body_mask = body_mask[:, np.minimum(nearest_frames(place), T - 1)]
    T = keypoint.shape[1]
    sample = dict(
        facts,
        frame_dir=clip.name,
        total_frames=T,
        sample_idx=0,
        keypoint=keypoint,
        body_mask=body_mask,
        frame_index=np.arange(T),
    )
    if with_score:
        sample['keypoint'] = keypoint[..., :-1]
        sample['keypoint_score'] = keypoint[..., -1]
    packed = pipeline(sample)
    inputs = packed['inputs']
    if not isinstance(inputs, torch.Tensor) or inputs.shape[1] != T:
        raise ValueError(
            f"{clip.name}: the model's test pipeline does not keep all {T} "
            'frames; inference needs one that does, without views and windows'
        )
    return packed


def find_channels(
    pack: Callable[[Clip], dict[str, Any]],
    wanted: int,
    num_joints: int,
    fps: float,
    origin: str,
) -> int:
    """C of sequences that a pipeline makes the model's input of.

    Args:
        pack (Callable[[Clip], dict[str, Any]]): `pack_clip` of the model.
        wanted (int): Channels that the model takes.
        num_joints (int): V.
        fps (float): Of the model.
        origin (str): Checkpoint, for the message.

    Returns:
        int: 3, 2 or 4.

    Raises:
        CheckpointError: If none of them gives these.
    """
    noise = np.random.default_rng(0).normal(size=(1, 3, num_joints, 4))
    tried = []
    for C in (3, 2, 4):
        clip = Clip('a probe', noise[..., :C].astype('f4'), fps, 1.0)
        try:
            found = pack(clip)['inputs'].shape[-1]
        except (KeyError, TypeError, ValueError) as error:
            tried.append(f'C = {C}: {error}')
            continue
        if found == wanted:
            return C
        tried.append(f'C = {C} becomes {found}')
    listed = '\n- '.join(tried)
    raise CheckpointError(
        f'{origin}: the model takes {wanted} channels a joint, and its test '
        f'pipeline makes none such of a sequence\n- {listed}'
    )
