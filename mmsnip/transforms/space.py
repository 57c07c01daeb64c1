"""Random changes of poses; frames keep their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.augment import (
    add_noise,
    blur_kernel,
    blur_time,
    change_posture,
    draw_joints,
    draw_noise,
    draw_posture,
    draw_shear,
    flip_space,
    mask_axis,
    mask_joints,
    shear_joints,
)
from mmsnip.skeleton.egocentric import UP_AXES
from mmsnip.skeleton.geometry import (
    draw_rotation,
    euler_rotation,
    plane_rotation,
    rotate,
)
from mmsnip.transforms.sample import (
    RandomTransform,
    coords_of,
    layout_of,
    mask_of,
)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomShear(RandomTransform):
    """Shear: each coordinate takes a share of the others.

    Modifies keypoint (M, T, V, C); reads num_coords (optional).

    Args:
        amplitude (float): Shares are uniform in +-amplitude.
        prob (float): Share of the samples it acts on.
    """

    amplitude: float = 0.5
    prob: float = 1.0
    AT_LEAST_0 = ('amplitude',)

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Shear a sample."""
        matrix = draw_shear(self.amplitude, rng, coords_of(results))
        results['keypoint'] = rotate(results['keypoint'], matrix)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomRotate(RandomTransform):
    """AimCLR's rotation: far about one drawn axis, hardly about the others.

    2D points turn in their plane, by up to `main_angle` either way.
    Modifies keypoint (M, T, V, C); reads num_coords (optional).

    Args:
        main_angle (float): Largest angle about the drawn axis, degrees;
            angles are drawn from 0 upwards, as published.
        other_angle (float): Largest angle about the others, degrees.
        prob (float): Share of the samples it acts on.
    """

    main_angle: float = 30.0
    other_angle: float = 1.0
    prob: float = 1.0
    AT_LEAST_0 = ('main_angle', 'other_angle')

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Rotate a sample."""
        if coords_of(results) == 2:
            angle = rng.uniform(-self.main_angle, self.main_angle)
            matrix = plane_rotation(angle)
        else:
            angles = draw_rotation(rng, self.main_angle, self.other_angle)
            matrix = euler_rotation(angles)
        results['keypoint'] = rotate(results['keypoint'], matrix)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomNoise(RandomTransform):
    """Gaussian noise on every coordinate of present bodies.

    Modifies keypoint (M, T, V, C); reads body_mask, num_coords (optional).

    Args:
        std (float): Standard deviation, in the unit of the data.
        prob (float): Share of the samples it acts on.
    """

    std: float = 0.01
    prob: float = 0.5
    AT_LEAST_0 = ('std',)

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Add noise to a sample."""
        keypoint = results['keypoint']
        shape = (*keypoint.shape[:3], coords_of(results))
        noise = draw_noise(shape, self.std, rng)
        results['keypoint'] = add_noise(keypoint, noise, mask_of(results))


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomTemporalBlur(RandomTransform):
    """Gaussian filter along time.

    Modifies keypoint (M, T, V, C); reads body_mask, num_coords (optional).

    Args:
        min_sigma (float): Least width in frames, above 0.
        max_sigma (float): Largest width in frames.
        radius (int): Frames on either side that count.
        normalize (bool): Weights sum to one over present frames, so that
            the blur only blurs. False is the published filter, which also
            multiplies the body's size by up to 5 and shrinks it at both
            ends.
        prob (float): Share of the samples it acts on.
    """

    min_sigma: float = 0.1
    max_sigma: float = 2.0
    radius: int = 7
    normalize: bool = True
    prob: float = 0.5
    AT_LEAST_0 = ('radius',)
    RISING = ('min_sigma', 'max_sigma')

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Blur a sample."""
        sigma = rng.uniform(self.min_sigma, self.max_sigma)
        results['keypoint'] = blur_time(
            results['keypoint'],
            blur_kernel(sigma, self.radius),
            mask_of(results),
            self.normalize,
            coords_of(results),
        )


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomAxisMask(RandomTransform):
    """Set one coordinate of the whole sample to zero.

    Modifies keypoint (M, T, V, C); reads num_coords (optional).

    Args:
        prob (float): Share of the samples it acts on.
    """

    prob: float = 0.5

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Mask a coordinate."""
        axis = int(rng.integers(coords_of(results)))
        results['keypoint'] = mask_axis(results['keypoint'], axis)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomJointMask(RandomTransform):
    """Hide some joints, or shear them away.

    Modifies keypoint (M, T, V, C); reads num_coords (optional).

    Args:
        ratio (float): Share of the joints, rounded down.
        per_frame (bool): Other joints in every frame.
        mode (str): ``zero``, or ``shear``: a random linear map with entries
            uniform in +-1.
        prob (float): Share of the samples it acts on.
    """

    ratio: float = 0.4
    per_frame: bool = False
    mode: str = 'zero'
    prob: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.ratio <= 1:
            raise ValueError(
                f'RandomJointMask: ratio={self.ratio} not in [0, 1]'
            )
        if self.mode not in ('zero', 'shear'):
            raise ValueError(
                f"RandomJointMask: mode={self.mode!r}; use 'zero' or 'shear'"
            )

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Hide joints of a sample."""
        keypoint = results['keypoint']
        T, V = keypoint.shape[1:3]
        frames = T if self.per_frame else None
        drawn = draw_joints(V, int(V * self.ratio), rng, frames)
        if self.mode == 'zero':
            results['keypoint'] = mask_joints(keypoint, drawn)
            return
        D = coords_of(results)
        matrix = rng.uniform(-1.0, 1.0, (D, D))
        results['keypoint'] = shear_joints(keypoint, drawn, matrix)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomSpatialFlip(RandomTransform):
    """Exchange left and right joints.

    Labels are not changed: a wave of the left hand becomes one of the right
    hand, so leave this out where classes name a side.
    Modifies keypoint (M, T, V, C); reads layout.

    Args:
        mirror_axis (int, optional): Lateral coordinate, whose sign changes
            too, for a true mirror image: 0 after NTU's normalisation. None
            exchanges joints only, as published, which crosses the limbs.
        prob (float): Share of the samples it acts on.
    """

    mirror_axis: int | None = None
    prob: float = 0.5

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Flip a sample."""
        layout = layout_of(results, 'RandomSpatialFlip')
        if not layout.pairs:
            raise ValueError(
                f'RandomSpatialFlip: layout {layout.name!r} has no mirror '
                'pairs; name joints left_x and right_x, or set metainfo['
                "'pairs']"
            )
        D = coords_of(results)
        if self.mirror_axis not in (None, *range(D)):
            raise ValueError(
                f'RandomSpatialFlip: mirror_axis={self.mirror_axis!r}, but '
                f'there are {D} coordinates'
            )
        results['keypoint'] = flip_space(
            results['keypoint'], layout.mirror_order, self.mirror_axis
        )


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomPosture(RandomTransform):
    """Hold the body differently, all along: bent, leaning, arms apart.

    Each bone but the root's is rotated by a small amount that stays the same
    in all frames and is handed down to the bones behind it, so that motion
    and bone lengths stay and posture, which tells persons and styles apart
    more than actions, does not. Each person has a draw of its own.

    Modifies keypoint (M, T, V, C); reads layout, body_mask, num_coords
    (optional).
    Added keys: body_mask, where missing.

    Args:
        sigma (float): Standard deviation of each entry of a bone's rotation
            vector in the strongest draw, radians; each person's strength is
            uniform between 0 and this.
        up (str): Axis that points up: ``'y'``, ``'-y'``, ``'z'``, ..
        prob (float): Share of the samples it acts on.

    Raises:
        ValueError: If an argument is out of range.
    """

    sigma: float = 0.25
    up: str = 'y'
    prob: float = 1.0
    AT_LEAST_0 = ('sigma',)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.up not in UP_AXES:
            raise ValueError(f'up={self.up!r} must be one of {UP_AXES}')

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
