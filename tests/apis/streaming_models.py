"""Small random localizers as checkpoint files, and poses for them."""

from __future__ import annotations

import numpy as np
import torch

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.registry import MODELS

PARENTS = [-1, 0, 1, 1, 0]
JOINTS = ['root', 'neck', 'hand_l', 'hand_r', 'foot']
CLASSES = ['left', 'right', 'jump']
BODY = np.array(
    [[0, 0, 0], [0, 0.5, 0], [0.3, 0.5, 0.1], [-0.3, 0.5, 0], [0, -1, 0]]
)
NORMALIZE = dict(type='NormalizeSkeleton')
RECIPE = dict(type='NormalizeSkeleton', center='first', align=None, scale=True)
ENCODERS = {
    'STGCN': dict(
        type='STGCN',
        base_channels=12,
        data_bn_type=None,
        num_stages=4,
        inflate_stages=(3,),
        down_stages=(2, 4),
        out_indices=(0, 1, 3),
        tcn_type='unit_tcn',
    ),
    'AGCN': dict(
        type='AGCN',
        base_channels=8,
        data_bn_type='VC',
        temporal_strides=(2, 2, 1, 1, 2, 1, 1, 2, 1, 1),
        out_indices=(0, 6, 9),
    ),
}


def checkpoint(
    path,
    encoder='STGCN',
    neck='UShapeFusionNeck',
    smooth=5,
    normalize=NORMALIZE,
    stream=('joint', 'motion'),
    joints=JOINTS,
    parents=PARENTS,
    sample=None,
    **metainfo,
):
    """Write a checkpoint of random weights whose labels change in time.

    `sample` is a video of other joints than those of `poses`; `stream` may
    hold all arguments of the stream.
    """
    shown = stream if isinstance(stream, dict) else dict(stream=stream)
    stream = shown['stream']
    channels = 14 if stream == 'egocentric' else 3 * len(stream)
    model = dict(
        type='SkeletonLocalizer',
        backbone=dict(
            graph_cfg=dict(parents=parents, joint_names=joints),
            in_channels=channels,
            **ENCODERS[encoder],
        ),
        neck=None if neck is None else dict(type=neck, out_channels=9),
        head=dict(
            type='DilatedLocalizationHead',
            num_classes=len(CLASSES),
            num_layers=2,
        ),
        test_cfg=dict(smooth_frames=smooth),
    )
    pipeline = [
        dict(type='FormatSkeleton'),
        normalize,
        dict(type='FrameLabels'),
        dict(type='SkeletonStream', **shown),
        dict(type='PackSkeletonInputs'),
    ]
    torch.manual_seed(0)
    made = MODELS.build({**model, 'type': 'mmsnip.SkeletonLocalizer'})
    meta = dict(
        model=model,
        pipeline=pipeline,
        dataset_meta=dict(
            classes=CLASSES,
            joint_names=joints,
            parents=parents,
            fps=30.0,
            **metainfo,
        ),
        default_scope='mmsnip',
    )
    content = dict(state_dict=made.state_dict(), meta=dict(mmsnip=meta))
    torch.save(content, path)
    infer = SkeletonLocalizationInferencer(path, device='cpu')
    sample = poses() if sample is None else sample
    scores = infer(sample, return_scores=True)['scores']
    logits = torch.log(torch.tensor(scores))
    logits -= logits.mean(dim=1, keepdim=True)
    mean = logits.mean(dim=0)
    gain = 2.0 / (logits - mean).std()
    classifier = made.head.classifier  # a view of what content holds
    classifier.bias.data.sub_(mean).mul_(gain)
    classifier.weight.data.mul_(gain)
    torch.save(content, path)
    return path


def poses(M=2, T=300, seed=0):
    """Bodies that wave slowly; the second one comes, goes and comes back."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.05, (M, T, 5, 3)).cumsum(axis=1)
    keypoint = BODY + np.sin(3 * steps) * 0.4
    keypoint = keypoint + rng.normal(0, 0.02, (M, T, 1, 3)).cumsum(axis=1)
    keypoint[1:, :20] = 0
    keypoint[1:, T // 3 : T // 2] = 0
    return keypoint.astype(np.float32)


def feed(stream, keypoint, size):
    """Push a video in pieces and close; all updates."""
    updates = [
        stream.push(keypoint[:, begin : begin + size])
        for begin in range(0, keypoint.shape[1], size)
    ]
    return [*updates, stream.close()]


def joined(updates):
    """All scores and all segments."""
    return (
        np.concatenate([update.scores for update in updates]),
        [segment for update in updates for segment in update.segments],
    )
