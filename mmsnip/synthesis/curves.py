"""Curves over time: keys, envelopes, smooth noise, and motion programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmsnip.synthesis.body import Body

FPS = 30.0


@dataclass(frozen=True)
class Style:
    """How a person moves.

    Attributes:
        speed (float): Tempo of actions, 1 is usual.
        energy (float): Size of actions, 1 is usual.
        left_handed (float): Probability of leading with the left side.
        slouch (float): Forward curve of the resting spine, degrees.
        arms_out (float): Spread of the hanging arms, degrees.
        elbows (float): Bend of the hanging arms, degrees.
        stance (float): Spread of the standing legs, degrees.
        fidget (float): Size of sway and small movements, 1 is usual.
    """

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
    """Motion of some pose parameters over a stretch of frames.

    Attributes:
        curves (dict[str, np.ndarray]): Parameter name to its values, (T,).
        weight (np.ndarray): How much the curves replace the posture below,
            0 to 1, (T,).
        offsets (dict[str, np.ndarray]): Values added to the posture, (T,).
        yaw (np.ndarray | None): Change of heading in degrees, from 0, kept
            after the program, (T,).
        progress (np.ndarray | None): From the posture before (0) to the one
            after (1), where the program changes it, (T,).
        seated (bool): The posture after, where the program changes it.
    """

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


Maker = Callable[[np.random.Generator, Style, Body], Program]


def sample_style(rng: np.random.Generator, split: str = 'train') -> Style:
    """Draw a manner of moving; ``val`` draws beyond the ranges of train.

    Args:
        rng (np.random.Generator): Source of the draw.
        split (str): ``'train'`` or ``'val'``.

    Returns:
        Style: The manner of moving.

    Raises:
        ValueError: If the split is unknown.
    """
    if split == 'train':
        speed, energy = rng.uniform(0.8, 1.25), rng.uniform(0.8, 1.15)
        slouch = rng.uniform(-2, 8)
    elif split == 'val':
        speed = rng.uniform(*((0.65, 0.8), (1.25, 1.45))[rng.integers(2)])
        energy = rng.uniform(*((0.68, 0.8), (1.15, 1.25))[rng.integers(2)])
        slouch = rng.uniform(*((-6, -2), (8, 16))[rng.integers(2)])
    else:
        raise ValueError(f"split={split!r} is unknown; use 'train' or 'val'")
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
    """Frames that a stretch of usual length takes in this style.

    Args:
        seconds (float): Length at usual speed.
        style (Style): Manner of moving.

    Returns:
        int: Number of frames, at least 4.
    """
    return max(4, round(FPS * seconds / style.speed))


def ease(x: np.ndarray) -> np.ndarray:
    """Minimum-jerk step from 0 to 1 over the unit interval.

    Args:
        x (np.ndarray): Position, clipped to 0..1.

    Returns:
        np.ndarray: Values of the same shape.
    """
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


def keyed(
    num_frames: int, times: Sequence[float], values: Sequence[float]
) -> np.ndarray:
    """Minimum-jerk moves from key to key.

    Args:
        num_frames (int): T.
        times (Sequence[float]): Rising key times in 0..1.
        values (Sequence[float]): Value at each key.

    Returns:
        np.ndarray: Curve, (T,).
    """
    at, to = np.asarray(times, float), np.asarray(values, float)
    x = np.linspace(0, 1, num_frames)
    key = np.clip(np.searchsorted(at, x, 'right') - 1, 0, len(at) - 2)
    share = ease((x - at[key]) / (at[key + 1] - at[key]))
    return to[key] + share * (to[key + 1] - to[key])


def plateau(num_frames: int, rise: int, fall: int) -> np.ndarray:
    """Envelope that rises to 1 and falls back to 0.

    Args:
        num_frames (int): T.
        rise (int): Frames of the rise.
        fall (int): Frames of the fall.

    Returns:
        np.ndarray: Envelope, (T,).
    """
    t = np.arange(num_frames)
    return np.minimum(ease(t / rise), ease((num_frames - 1 - t) / fall))


def smooth_noise(
    rng: np.random.Generator,
    num_frames: int,
    num_curves: int,
    low_hz: float,
    high_hz: float,
) -> np.ndarray:
    """Curves of unit variance with power between two frequencies.

    Args:
        rng (np.random.Generator): Source of the draw.
        num_frames (int): T.
        num_curves (int): Number of independent curves.
        low_hz (float): Lowest frequency.
        high_hz (float): Highest frequency.

    Returns:
        np.ndarray: Curves, (T, num_curves).
    """
    waves = 6
    hertz = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), waves))
    turns = np.arange(num_frames)[:, None] / FPS * hertz  # (T, waves)
    angle = 2 * np.pi * turns
    basis = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    mix = rng.normal(0, 1 / np.sqrt(waves), (2 * waves, num_curves))
    return basis @ mix
