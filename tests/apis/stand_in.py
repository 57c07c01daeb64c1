"""A localizer of closed form: it tells who holds the right hand high.

Its scores come of the poses at its own frame rate, so that what reading,
resampling and cutting do to poses shows in the answers.
"""

from __future__ import annotations

import numpy as np
import torch

from mmsnip.apis.clips import Expected
from mmsnip.apis.inference_loop import localize_inputs
from mmsnip.apis.inference_options import Options
from mmsnip.apis.model_input import pack_clip
from mmsnip.skeleton.body import SkeletonLayout

NAMES = ('root', 'neck', 'hand_l', 'hand_r', 'foot')
LAYOUT = SkeletonLayout('five', NAMES, (-1, 0, 1, 1, 0))
STANDING = np.array(
    [[0, 1, 0], [0, 1.5, 0], [0.3, 1, 0], [-0.3, 1, 0], [0, 0.1, 0]]
)


class StandIn:
    """Probability 0.8 of 'high' where anybody's right hand is above 1.5."""

    classes = ['left', 'high']

    def __init__(self, fps=30.0, **expected):
        self.expected = Expected(LAYOUT, 3, False, fps, **expected)
        self.seen = []  # shapes that passed at once

    def score(self, clips):
        found = []
        self.seen.append([clip.keypoint.shape for clip in clips])
        for clip in clips:
            if clip.keypoint.max() > 100:
                raise ValueError(f'{clip.name}: a giant')
            packed = pack_clip(
                clip,
                lambda s: dict(inputs=torch.from_numpy(s['keypoint'])),
                {},
                False,
            )
            high = (packed['inputs'][:, :, 3, 1] > 1.5).any(dim=0).numpy()
            scores = np.full((len(high), 3), 0.1, np.float32)
            scores[high, 1] = 0.8
            scores[~high, 2] = 0.8
            found.append(scores)
        return found


def localize(localizer, inputs, on_error=None, **options):
    """Answers for inputs, as the inferencer makes them."""
    how = Options(**options)
    names = how.check(len(inputs))
    answers = localize_inputs(localizer, inputs, names, how, on_error)
    return [result for _, result in answers]


def raising(T, *spans):
    """A person (1, T, V, C) who holds the hand high in some frames."""
    keypoint = np.tile(STANDING, (1, T, 1, 1))
    for start, end in spans:
        keypoint[:, start:end, 3, 1] = 2.0
    return keypoint.astype(np.float32)
