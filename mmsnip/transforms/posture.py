"""Random ways to hold oneself."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.augment import change_posture, draw_posture
from mmsnip.skeleton.egocentric import UP_AXES
from mmsnip.transforms.sample import (
    RandomTransform,
    coords_of,
    layout_of,
    mask_of,
)


@TRANSFORMS.register_module()
class RandomPosture(RandomTransform):
    """Hold the body differently, all along: bent, leaning, arms apart.

    Each bone but the root's is rotated by a small amount that stays the same
    in all frames and is handed down to the bones behind it, so that motion
    and bone lengths stay and posture, which tells persons and styles apart
    more than actions, does not. Each person has a draw of its own.

    Required Keys:

    - keypoint (M, T, V, C)
    - layout
    - body_mask, num_coords (optional)

    Modified Keys:

    - keypoint

    Added Keys:

    - body_mask, where missing

    Args:
        sigma (float): Standard deviation of each entry of a bone's rotation
            vector in the strongest draw, radians; each person's strength is
            uniform between 0 and this.
        up (str): Axis that points up: ``'y'``, ``'-y'``, ``'z'``, ..
        prob (float): Share of the samples it acts on.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self, sigma: float = 0.25, up: str = 'y', prob: float = 1.0
    ) -> None:
        super().__init__(prob)
        if sigma < 0 or up not in UP_AXES:
            raise ValueError(
                f'RandomPosture: sigma={sigma} must not be below 0 and '
                f'up={up!r} must be one of {UP_AXES}'
            )
        self.sigma = sigma
        self.up = up

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Change the posture of each person."""
        layout = layout_of(results, 'RandomPosture')
        keypoint, mask = results['keypoint'].copy(), mask_of(results)
        D, V = coords_of(results), keypoint.shape[2]
        for person in range(len(keypoint)):
            sigma = self.sigma * rng.random()
            rotations = draw_posture(V, sigma, D, rng)
            rotations[layout.root] = np.eye(D)
            one = slice(person, person + 1)
            keypoint[one, ..., :D] = change_posture(
                keypoint[one, ..., :D], mask[one], rotations, layout, self.up
            )
        results['keypoint'] = keypoint
        results['body_mask'] = mask
