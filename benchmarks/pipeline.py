"""Views of a sequence a second and core, against the published way.

Two weak views and a strong one of a 300-frame sequence, as AimCLR's config on
BABEL makes them. Samples of the yardstick are (C, T, V, M); it has one
function per published change, in its published way: stacked products along a
transposed last axis, a convolution along time, float64 from the first draw
on. Each takes its parameters; the two ``*_view`` functions draw them.

Source:
    Rules as in the reference numbers' description of ``augment_s*``, after
    AimCLR's feeder.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.nn import functional

from benchmarks.rows import Row, in_turns, row_of
from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.layout import get_layout

T, V, C = 300, 25, 3
TRIPLES = 20  # a turn: enough that each coin falls either way
CONFIG = (
    Path(__file__)
    .resolve()
    .parents[1]
    .joinpath('configs', 'snippet', 'aimclr_agcn_1xb128_600e_babel.py')
)
RADIUS = 7
# NTU's 25 joints with left and right exchanged
MIRRORED = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7]
MIRRORED += [16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22]


def crop(x: np.ndarray, ratio: int, start: int) -> np.ndarray:
    """T frames out of the sequence mirrored at both ends."""
    T = x.shape[1]
    padding = T // ratio
    head, tail = x[:, :padding][:, ::-1], x[:, -padding:][:, ::-1]
    return np.concatenate((head, x, tail), axis=1)[:, start : start + T]


def shear(x: np.ndarray, s1: Sequence, s2: Sequence) -> np.ndarray:
    """Each coordinate takes a share of the others."""
    matrix = np.array(
        [[1, s1[0], s2[0]], [s1[1], 1, s2[1]], [s1[2], s2[2], 1]]
    )
    return np.dot(x.transpose(1, 2, 3, 0), matrix.T).transpose(3, 0, 1, 2)


def rotation(axis: int, angle_deg: float) -> np.ndarray:
    """Clockwise rotation about one axis."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array(
        (
            [[1, 0, 0], [0, c, s], [0, -s, c]],
            [[c, 0, -s], [0, 1, 0], [s, 0, c]],
            [[c, s, 0], [-s, c, 0], [0, 0, 1]],
        )[axis]
    )


def rotate(x: np.ndarray, angles_deg: Sequence) -> np.ndarray:
    """One rotation after the other: about x, y, then z."""
    turned = np.transpose(x.copy(), (1, 2, 3, 0))
    for axis, angle in enumerate(angles_deg):
        turned = np.matmul(turned, rotation(axis, angle).T)
    return np.transpose(turned, (3, 0, 1, 2))


def flip_space(x: np.ndarray) -> np.ndarray:
    """Exchange left and right joints."""
    return x[:, :, MIRRORED, :]


def blur(x: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian filter along time, un-normalised, by a grouped convolution."""
    offset = np.arange(-RADIUS, RADIUS + 1)
    kernel = np.exp(-(offset**2.0) / (2.0 * sigma**2.0))
    weight = torch.from_numpy(kernel)[None, None].repeat(3, 1, 1, 1)
    bodies = torch.from_numpy(x).permute(3, 0, 2, 1)  # (M, C, V, T)
    bodies = functional.conv2d(bodies, weight, padding=(0, RADIUS), groups=3)
    return bodies.permute(1, 3, 2, 0).numpy()


def weak_view(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Crop and shear, (3, T, V, M) float64."""
    padding = x.shape[1] // 6
    x = crop(x, 6, int(rng.integers(2 * padding + 1)))
    return shear(x, rng.uniform(-0.5, 0.5, 3), rng.uniform(-0.5, 0.5, 3))


def strong_view(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All changes, those after the rotation by chance, as published."""
    x = weak_view(x, rng)
    if rng.random() < 0.5:
        x = flip_space(x)
    main = rng.integers(3)
    x = rotate(
        x, [rng.uniform(0, 30 if axis == main else 1) for axis in range(3)]
    )
    if rng.random() < 0.5:
        x = x[:, list(reversed(range(x.shape[1]))), :, :]
    if rng.random() < 0.5:
        x = x.copy() + rng.normal(0, 0.01, x.shape)
    if rng.random() < 0.5:
        x = blur(x, rng.uniform(0.1, 2.0))
    if rng.random() < 0.5:
        x = x.copy()
        x[rng.integers(3)] = 0
    return x


def three_views(
    x: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two weak views and a strong one of a sequence."""
    return weak_view(x, rng), weak_view(x, rng), strong_view(x, rng)


def rows(device: str, quick: bool) -> list[Row]:
    """One and two persons, on one core."""
    if device != 'cpu':
        return []
    torch.set_num_threads(1)
    init_default_scope('mmsnip')
    steps = Config.fromfile(CONFIG).train_pipeline
    views = TRANSFORMS.build(
        next(step for step in steps if step['type'] == 'MultiView')
    )
    found = []
    for M in (1, 2):
        rng = np.random.default_rng(M)
        motion = rng.standard_normal((M, T, V, C), dtype=np.float32)
        x = np.ascontiguousarray(motion.transpose(3, 1, 2, 0))
        sample = dict(
            keypoint=motion,
            body_mask=np.ones((M, T), dtype=bool),
            frame_index=np.arange(T),
            num_coords=C,
            layout=get_layout('nturgb+d'),
            rng=rng,
        )

        def ours(sample: dict = sample) -> None:
            for _ in range(TRIPLES):
                views.transform(dict(sample))

        def plain(x: np.ndarray = x, rng: np.random.Generator = rng) -> None:
            for _ in range(TRIPLES):
                three_views(x, rng)

        times = in_turns([ours, plain], 7 if quick else 61)
        each = [[time / TRIPLES for time in turns] for turns in times]
        rates = ' and '.join(
            f'{1 / statistics.median(turns):.0f}' for turns in reversed(each)
        )
        note = f'T = {T}, V = {V}; {rates} triples/s and core'
        name = f'one strong and two weak views, M = {M}'
        found.append(row_of(name, *each, 5.0, note=note))
    return found
