"""A body of 25 joints, and the curves over time that move it.

Body frame: x to the person's left, y up, z ahead. The joints and their
order are those of NTU RGB+D.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from mmsnip.skeleton.layout import get_layout

LAYOUT = get_layout('nturgb+d')
JOINT_NAMES = LAYOUT.joint_names
FPS = 30.0
# The layout's tree, hung at the pelvis: kinematics run from there.
PARENTS = (
    -1, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18,
    1, 7, 7, 11, 11,
)  # fmt: skip

# Angles in degrees. Leg angles are measured from the vertical in the heading
# frame, arm angles from the hanging arm in the frame of the chest; ``toe``
# is the pitch of the foot against the floor. ``hop`` lifts the lowest foot
# (in body heights); ``surge`` and ``slip`` drift ahead and to the left (m/s).
_TRUNK = (
    'yaw', 'pitch', 'roll', 'bend', 'lean', 'twist', 'nod', 'tilt', 'look',
    'hop', 'surge', 'slip',
)  # fmt: skip
_LIMBS = (
    'shrug', 'arm', 'abduct', 'rotate', 'elbow', 'wrist',
    'leg', 'spread', 'turnout', 'knee', 'toe',
)  # fmt: skip
PARAMETERS = (
    *_TRUNK,
    *(f'left_{name}' for name in _LIMBS),
    *(f'right_{name}' for name in _LIMBS),
)
COLUMN = {name: column for column, name in enumerate(PARAMETERS)}
_MIRRORED = ('yaw', 'roll', 'lean', 'twist', 'tilt', 'look', 'slip')


@dataclass(frozen=True)
class Body:
    """Rest pose of one person, arms hanging."""

    offsets: np.ndarray
    height: float
    ankle_clearance: float
    foot_clearance: float


def sample_body(rng: Generator, split: str = 'train') -> Body:
    """Draw a person; ``val`` draws statures and limbs that train never has."""
    if split == 'train':
        height = rng.uniform(1.55, 1.85)
        leg, arm, trunk = rng.uniform(0.96, 1.04, 3)
        shoulders, hips = rng.uniform(0.9, 1.1, 2)
    else:
        height = rng.uniform(*((1.38, 1.52), (1.88, 2.02))[rng.integers(2)])
        leg, arm, trunk = 1 + rng.choice((-1, 1), 3) * rng.uniform(
            0.045, 0.08, 3
        )
        shoulders, hips = 1 + rng.choice((-1, 1), 2) * rng.uniform(
            0.11, 0.18, 2
        )
    half = np.zeros((25, 3))
    half[1] = 0, 0.13 * trunk, 0.005
    half[20] = 0, 0.155 * trunk, -0.005
    half[2] = 0, 0.045, 0.008
    half[3] = 0, 0.09, 0.012
    half[4] = 0.103 * shoulders, -0.018, 0
    half[5] = 0, -0.163 * arm, 0
    half[6] = 0, -0.145 * arm, 0
    half[7] = 0, -0.045 * arm, 0
    half[21] = 0, -0.047 * arm, 0
    half[22] = -0.008, -0.022, 0.03
    half[12] = 0.05 * hips, -0.02, 0
    half[13] = 0, -0.24 * leg, 0
    half[14] = 0, -0.233 * leg, 0
    half[15] = 0, -0.03, 0.07
    for left, right in ((4, 8), (5, 9), (6, 10), (7, 11), (21, 23), (22, 24),
                        (12, 16), (13, 17), (14, 18), (15, 19)):  # fmt: skip
        half[right] = half[left] * (-1, 1, 1)
    return Body(half * height, height, 0.045 * height, 0.015 * height)


def mirror_pose(pose: np.ndarray) -> np.ndarray:
    """The same motion with left and right exchanged."""
    mirrored = pose.copy()
    trunk, limbs = len(_TRUNK), len(_LIMBS)
    mirrored[:, trunk : trunk + limbs] = pose[:, trunk + limbs :]
    mirrored[:, trunk + limbs :] = pose[:, trunk : trunk + limbs]
    mirrored[:, [COLUMN[name] for name in _MIRRORED]] *= -1
    return mirrored


def rotation(vector: np.ndarray) -> np.ndarray:
    """Rotation matrices of rotation vectors (Rodrigues)."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vector, -1, 0)
    cross = np.zeros((*vector.shape, 3))
    cross[..., 0, 1], cross[..., 0, 2], cross[..., 1, 2] = -z, y, -x
    cross[..., 1, 0], cross[..., 2, 0], cross[..., 2, 1] = z, -y, x
    sine = np.sinc(angle / np.pi)
    cosine = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + sine * cross + cosine * (cross @ cross)


def forward_kinematics(
    body: Body, pose: np.ndarray, fps: float = FPS
) -> np.ndarray:
    """Joint positions of a pose curve, feet planted on the floor y = 0."""
    T = len(pose)
    zero = np.zeros(T)

    def angle(name: str) -> np.ndarray:
        return np.deg2rad(pose[:, COLUMN[name]])

    def turn(
        x: np.ndarray = zero, y: np.ndarray = zero, z: np.ndarray = zero
    ) -> np.ndarray:
        return rotation(np.stack([x, y, z], axis=1))

    joints = np.zeros((T, 25, 3))

    def place(joint: int, frame: np.ndarray) -> None:
        joints[:, joint] = joints[:, PARENTS[joint]] + (
            frame @ body.offsets[joint]
        )

    heading = turn(y=angle('yaw'))
    pelvis = heading @ turn(x=angle('pitch')) @ turn(z=angle('roll'))
    half_spine = (
        turn(x=angle('bend') / 2)
        @ turn(z=angle('lean') / 2)
        @ turn(y=angle('twist') / 2)
    )
    loin = pelvis @ half_spine
    chest = loin @ half_spine
    skull = (
        chest
        @ turn(y=angle('look'))
        @ turn(x=angle('nod'))
        @ turn(z=angle('tilt'))
    )
    for joint, frame in ((1, pelvis), (20, loin), (2, chest), (3, skull)):
        place(joint, frame)
    sides = (
        ('left', 1.0, (4, 5, 6, 7, 21, 22), (12, 13, 14, 15)),
        ('right', -1.0, (8, 9, 10, 11, 23, 24), (16, 17, 18, 19)),
    )
    for side, sign, arm, leg in sides:
        place(arm[0], chest @ turn(z=sign * angle(f'{side}_shrug')))
        upper = (
            chest
            @ turn(x=-angle(f'{side}_arm'), z=sign * angle(f'{side}_abduct'))
            @ turn(y=sign * angle(f'{side}_rotate'))
        )
        fore = upper @ turn(x=-angle(f'{side}_elbow'))
        hand = fore @ turn(z=-sign * angle(f'{side}_wrist'))
        for joint, frame in zip(arm[1:], (upper, fore, hand, hand, hand)):
            place(joint, frame)
        thigh = (
            heading
            @ turn(x=-angle(f'{side}_leg'), z=sign * angle(f'{side}_spread'))
            @ turn(y=sign * angle(f'{side}_turnout'))
        )
        shank = thigh @ turn(x=angle(f'{side}_knee'))
        foot = (
            heading
            @ turn(y=sign * angle(f'{side}_turnout'))
            @ turn(x=angle(f'{side}_toe'))
        )
        for joint, frame in zip(leg, (pelvis, thigh, shank, foot)):
            place(joint, frame)
    return joints + _root_path(body, joints, pose, heading, fps)[:, None]


def _root_path(
    body: Body,
    joints: np.ndarray,
    pose: np.ndarray,
    heading: np.ndarray,
    fps: float,
) -> np.ndarray:
    """Root positions (T, 3) that keep the carrying sole point in place."""
    soles = joints[:, [14, 18, 15, 19]]  # (T, 4, 3)
    clearance = np.repeat([body.ankle_clearance, body.foot_clearance], 2)
    depth = soles[:, :, 1] - clearance
    load = np.exp(-(depth - depth.min(1, keepdims=True)) / 0.01)
    load /= load.sum(1, keepdims=True)
    root = np.zeros((len(pose), 3))
    root[:, 1] = -(load * depth).sum(1)
    shared = 0.5 * (load[1:] + load[:-1])[:, :, None]
    step = -(shared * np.diff(soles, axis=0)).sum(1)
    drift = pose[1:, [COLUMN['slip'], COLUMN['hop'], COLUMN['surge']]]
    drift = (heading[1:] @ (drift * (1, 0, 1))[:, :, None])[:, :, 0] / fps
    root[1:, [0, 2]] = np.cumsum(step + drift, axis=0)[:, [0, 2]]
    root[:, 1] += body.height * pose[:, COLUMN['hop']]
    return root


_ARM = ('arm', 'abduct', 'rotate', 'elbow')
_HAND = {'left': 7, 'right': 11}


def reach(
    body: Body,
    side: str,
    joint: int,
    offset: Sequence[float],
    guess: Mapping[str, float],
) -> dict[str, float]:
    """Arm angles near a guess that bring the hand joint to a target."""
    columns = [COLUMN[f'{side}_{name}'] for name in _ARM]
    sign = 1 if side == 'left' else -1
    shift = np.asarray(offset, float) * (sign, 1, 1) * body.height
    angles = np.array([guess[name] for name in _ARM], float)
    low, high = (-60, -45, -95, 0), (190, 170, 110, 150)

    probes = np.zeros((5, len(PARAMETERS)))
    for _ in range(12):
        probes[:, columns] = angles
        probes[np.arange(1, 5), columns] += 1
        joints = forward_kinematics(body, probes)
        miss = joints[:, _HAND[side]] - joints[:, joint] - shift  # (5, 3)
        slope = (miss[1:] - miss[0]).T  # (3, 4) metres per degree
        damped = slope @ slope.T + 1e-6 * np.eye(3)
        step = -slope.T @ np.linalg.solve(damped, miss[0])
        angles = np.clip(angles + np.clip(step, -25, 25), low, high)
    return {
        f'{side}_{name}': float(angle) for name, angle in zip(_ARM, angles)
    }


# Curves over time: keys, envelopes, smooth noise, and motion programs.


@dataclass(frozen=True)
class Style:
    """How a person moves."""

    speed: float
    energy: float
    left_handed: float
    slouch: float
    arms_out: float
    elbows: float
    stance: float
    fidget: float


@dataclass
class Program:
    """Motion of some pose parameters over a stretch of frames."""

    curves: dict[str, np.ndarray]
    weight: np.ndarray
    offsets: dict[str, np.ndarray] = field(default_factory=dict)
    yaw: np.ndarray | None = None
    progress: np.ndarray | None = None
    seated: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """Half-open frames in which a viewer would say that it happens."""
        active = np.flatnonzero(self.weight > 0.08)
        return int(active[0]), int(active[-1]) + 1


Maker = Callable[[Generator, Style, Body], Program]


def sample_style(rng: Generator, split: str = 'train') -> Style:
    """Draw a manner of moving; ``val`` draws beyond the ranges of train."""
    if split == 'train':
        speed, energy = rng.uniform(0.8, 1.25), rng.uniform(0.8, 1.15)
        slouch = rng.uniform(-2, 8)
    else:
        speed = rng.uniform(*((0.65, 0.8), (1.25, 1.45))[rng.integers(2)])
        energy = rng.uniform(*((0.68, 0.8), (1.15, 1.25))[rng.integers(2)])
        slouch = rng.uniform(*((-6, -2), (8, 16))[rng.integers(2)])
    return Style(
        speed=speed,
        energy=energy,
        left_handed=float(rng.choice((0.15, 0.85), p=(0.6, 0.4))),
        slouch=slouch,
        arms_out=rng.uniform(4, 16),
        elbows=rng.uniform(8, 30),
        stance=rng.uniform(2, 8),
        fidget=rng.uniform(0.6, 1.5),
    )


def frames_of(seconds: float, style: Style) -> int:
    """Frames that a stretch of usual length takes in this style."""
    return max(4, round(FPS * seconds / style.speed))


def ease(x: np.ndarray) -> np.ndarray:
    """Minimum-jerk step from 0 to 1 over the unit interval."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


def keyed(
    num_frames: int, times: Sequence[float], values: Sequence[float]
) -> np.ndarray:
    """Minimum-jerk moves from key to key."""
    at, to = np.asarray(times, float), np.asarray(values, float)
    x = np.linspace(0, 1, num_frames)
    key = np.clip(np.searchsorted(at, x, 'right') - 1, 0, len(at) - 2)
    share = ease((x - at[key]) / (at[key + 1] - at[key]))
    return to[key] + share * (to[key + 1] - to[key])


def plateau(num_frames: int, rise: int, fall: int) -> np.ndarray:
    """Envelope that rises to 1 and falls back to 0."""
    t = np.arange(num_frames)
    return np.minimum(ease(t / rise), ease((num_frames - 1 - t) / fall))


def smooth_noise(
    rng: Generator,
    num_frames: int,
    num_curves: int,
    low_hz: float,
    high_hz: float,
) -> np.ndarray:
    """Curves of unit variance with power between two frequencies."""
    waves = 6
    hertz = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), waves))
    turns = np.arange(num_frames)[:, None] / FPS * hertz  # (T, waves)
    angle = 2 * np.pi * turns
    basis = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    mix = rng.normal(0, 1 / np.sqrt(waves), (2 * waves, num_curves))
    return basis @ mix
