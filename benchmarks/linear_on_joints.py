#!/usr/bin/env python
"""How far a linear model on the joints of a single frame gets.

``python benchmarks/linear_on_joints.py ANN_FILE`` fits a multinomial
logistic regression to the normalised joints of person 0 on the training
split and prints its frame accuracy and segment-mAP on val, the yardstick of
what a localizer's temporal context is worth on that file.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch.nn import functional

from mmsnip.evaluation import (
    babel_detections,
    babel_ground_truth,
    evaluate_babel,
    run_detections,
)
from mmsnip.registry import DATASETS

PIPELINE = [
    dict(type='FormatSkeleton'),
    dict(type='NormalizeSkeleton'),
    dict(type='FrameLabels'),
    dict(type='PackSkeletonInputs'),
]


def load(ann_file: str, split: str) -> list:
    """Videos as (name, joints (T, V * C), labels (T,), truth)."""
    dataset = DATASETS.build(
        dict(
            type='SkeletonLocalizationDataset',
            ann_file=ann_file,
            split=split,
            pipeline=PIPELINE,
        )
    )
    videos = []
    for packed in dataset:
        sample = packed['data_samples']
        truth = np.column_stack([sample.segment_labels, sample.segments])
        joints = packed['inputs'][0].flatten(1)
        videos.append(
            (sample.frame_dir, joints, sample.gt_frame_labels, truth)
        )
    return videos


def fit(x: torch.Tensor, y: torch.Tensor, num_labels: int) -> torch.nn.Module:
    """Multinomial logistic regression by L-BFGS."""
    model = torch.nn.Linear(x.shape[1], num_labels)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=150, line_search_fn='strong_wolfe'
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        penalty = 1e-4 * model.weight.square().sum()
        loss = functional.cross_entropy(model(x), y) + penalty
        loss.backward()
        return loss

    optimizer.step(closure)
    return model


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('ann_file')
    args = parser.parse_args()
    torch.manual_seed(0)
    init_default_scope('mmsnip')
    train, val = load(args.ann_file, 'train'), load(args.ann_file, 'val')
    x = torch.cat([video[1] for video in train])
    y = torch.cat([video[2] for video in train])
    num_classes = int(y.max())  # background is the largest label
    mean, std = x.mean(0), x.std(0) + 1e-3
    model = fit((x - mean) / std, y, num_classes + 1)

    correct, frames, truth = 0, 0, {}
    found: dict = {'runs': {}, 'sweep': {}}
    for name, joints, labels, segments in val:
        with torch.no_grad():
            scores = model((joints - mean) / std).softmax(1).numpy()
        correct += int((scores.argmax(1) == labels.numpy()).sum())
        frames += len(labels)
        truth[name] = babel_ground_truth(segments)
        found['runs'][name] = run_detections(scores)
        found['sweep'][name] = babel_detections(scores)
    print(f'frame_accuracy  {correct / frames:.4f}')
    for kind, detections in found.items():
        metrics = evaluate_babel(detections, truth, num_classes)
        print(f'{kind}/mAP  {metrics["mAP"]:.4f}')


if __name__ == '__main__':
    main()
