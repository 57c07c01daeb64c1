"""A localizer of closed form: it tells who holds the right hand high.

Its scores come of the poses at its own frame rate, so that what reading,
resampling and cutting do to poses shows in the answers.
"""

from __future__ import annotations

import numpy as np
import torch

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.prepare.fit import Expected
from mmsnip.skeleton.layout import SkeletonLayout, get_layout
from mmsnip.structures import DataError, Scores

NAMES = ('root', 'neck', 'hand_l', 'hand_r', 'foot')
LAYOUT = SkeletonLayout('five', NAMES, (-1, 0, 1, 1, 0))
STANDING = np.array(
    [[0, 1, 0], [0, 1.5, 0], [0.3, 1, 0], [-0.3, 1, 0], [0, 0.1, 0]]
)


class StandIn(SkeletonLocalizationInferencer):
    """Probability 0.8 of 'high' where anybody's right hand is above 1.5."""

    classes = ['left', 'high']
    metainfo: dict = {}

    def __init__(self, fps=30.0, **expected):
        facts = dict(layout=LAYOUT, num_channels=3, fps=fps, of_model=True)
        self.expected = Expected(**{**facts, **expected})
        self.fps, self.layout = fps, self.expected.layout
        self.seen = []  # shapes that passed at once

    def pipeline(self, sample):
        return dict(inputs=torch.from_numpy(sample['keypoint']))

    def score(self, recordings):
        found = []
        self.seen.append([r.keypoint.shape for r in recordings])
        for recording in recordings:
            if recording.keypoint.max() > 100:
                raise DataError(f'{recording.name}: a giant')
            inputs = self.pack(recording)['inputs']
            high = (inputs[:, :, 3, 1] > 1.5).any(dim=0).numpy()
            values = np.full((len(high), 3), 0.1, np.float32)
            values[high, 1] = 0.8
            values[~high, 2] = 0.8
            found.append(
                Scores(recording.name, values, self.fps, self.classes)
            )
        return found


def localize(localizer, inputs, on_error=None, **options):
    """Answers for inputs, as the inferencer makes them."""
    if on_error is None:
        return localizer(list(inputs), **options)
    return [a for _, a in localizer.iterate(inputs, on_error, **options)]


def raising(T, *spans):
    """A person (1, T, V, C) who holds the hand high in some frames."""
    keypoint = np.tile(STANDING, (1, T, 1, 1))
    for start, end in spans:
        keypoint[:, start:end, 3, 1] = 2.0
    return keypoint.astype(np.float32)


def body(T=40):
    """Somebody who faces +z; left is at +x, y is up."""
    layout = get_layout('smpl-24')
    rng = np.random.default_rng(0)
    keypoint = rng.normal(0, 0.01, (1, T, 24, 3)).astype(np.float32)
    for v, name in enumerate(layout.joint_names):
        side = dict(left=0.2, right=-0.2).get(name.split('_')[0], 0)
        height = dict(hip=0.9, knee=0.5, ankle=0.1, foot=0.05, collar=1.4)
        part = name.split('_')[-1]
        keypoint[..., v, 0] += side
        keypoint[..., v, 1] += height.get(part, 1.0 + 0.02 * v)
        keypoint[..., v, 2] += 0.15 * (part == 'foot')
    return layout, keypoint
