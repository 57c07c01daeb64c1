"""Curves over time: keys, envelopes, smooth noise, and motion programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.body import Body

FPS = 30.0


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
