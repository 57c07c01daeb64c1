"""Snippet contrast: two views, their snippets, positives, the queue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from sheet import (
    HEAD,
    PLAIN,
    SMALL,
    arrow,
    box,
    draw_bodies,
    new_sheet,
    perform,
    write,
)
from torch import Tensor, nn

from mmsnip.losses import match_snippets, snippet_info_nce
from mmsnip.registry import MODELS
from mmsnip.skeleton import get_layout
from mmsnip.skeleton.augment import draw_shear
from mmsnip.skeleton.egocentric import egocentric, num_channels
from mmsnip.skeleton.resample import mirror_crop_map
from mmsnip.visualization.canvas import COLORS, FAINT_INK, INK, add_axes_in

T, S, K = 160, 8, 16
FIRST = 150  # frame of the performance at which the stretch begins
STARTS = (6, 46)  # of the two crops: 40 frames apart, two snippets
FEATURE, INDEX = COLORS[0], COLORS[1]


class Contrast(NamedTuple):
    """What the picture shows; all of it is computed, nothing is typed.

    Attributes:
        views (list[np.ndarray]): Joints of query and key, (T, V, 3).
        similarity (np.ndarray): Dot products of features, (S, S).
        matches (dict[str, list[int]]): Matching -> key snippet of each
            query snippet.
        losses (dict[str, float]): Matching -> loss.
        queue (np.ndarray): Keys, (D, K).
    """

    views: list[np.ndarray]
    similarity: np.ndarray
    matches: dict[str, list[int]]
    losses: dict[str, float]
    queue: np.ndarray


def make_view(
    joints: np.ndarray, start: int, rng: np.random.Generator
) -> np.ndarray:
    """Crop of the mirrored sequence, then shear: the published mild view.

    Args:
        joints (np.ndarray): (T, V, 3).
        start (int): First frame of the crop in the mirrored sequence.
        rng (np.random.Generator): Source of the shear.

    Returns:
        np.ndarray: (T, V, 3).
    """
    crop = mirror_crop_map(len(joints), len(joints) // 6, start)
    return joints[crop] @ draw_shear(0.3, rng).T


def features_of(joints: np.ndarray) -> Tensor:
    """Egocentric inputs, all channels of all joints, (1, V * C, T)."""
    body = joints[None].astype(np.float32)
    present = np.ones(body.shape[:2], bool)
    inputs = egocentric(body, present, get_layout('nturgb+d'))[0]
    return torch.from_numpy(inputs.reshape(len(joints), -1).T[None].copy())


def contrast() -> Contrast:
    """Two views of one sequence through a tiny encoder and the real head.

    The encoder is untrained: two random convolutions between the statistics
    of sixteen other sequences. The queue holds what those left.

    Returns:
        Contrast: What the picture shows.
    """
    rng = np.random.default_rng(5)
    others = [perform(seed, 360).joints[100:260] for seed in range(16)]
    batch = torch.cat([features_of(make_view(j, 26, rng)) for j in others])
    torch.manual_seed(0)
    V = others[0].shape[1]
    norm = dict(affine=False, momentum=None)
    encoder = nn.Sequential(
        nn.BatchNorm1d(V * num_channels(3), **norm),
        nn.Conv1d(V * num_channels(3), 128, 5, stride=4, padding=2),
        nn.ReLU(),
        nn.Conv1d(128, 64, 3, padding=1),
        nn.BatchNorm1d(64, **norm),
    )
    head = MODELS.build(
        dict(
            type='mmsnip.SnippetContrastHead',
            in_channels=64,
            num_snippets=S,
            embed_dim=32,
            hidden_channels=64,
            queue_size=K,
        )
    )
    stretch = perform(2, 360).joints[FIRST : FIRST + T]
    views = [make_view(stretch, start, rng) for start in STARTS]
    with torch.no_grad():
        encoder(batch)  # the statistics of both norms
        encoder.eval()
        for other in batch:
            head.enqueue(head(encoder(other[None])))
        q, k = (head(encoder(features_of(view))) for view in views)
        matches, losses = {}, {}
        for matching in ('feature', 'index'):
            found = match_snippets(q.features, k.features, matching)
            matches[matching] = found[0].tolist()
            losses[matching] = snippet_info_nce(
                q.embedding,
                k.embedding,
                q.features,
                k.features,
                head.queue.keys,
                matching=matching,
            ).item()
    return Contrast(
        views,
        (q.features[0].T @ k.features[0]).numpy(),
        matches,
        losses,
        head.queue.keys.numpy(),
    )


def _rows(ax, shown: Contrast) -> None:
    centers = 0.78 + 0.8 * np.arange(S)
    middles = (np.arange(S) * 2 + 1) * T // (2 * S)
    tops = (0.32, 2.04)
    names = ('query view', 'key view, cropped 40 frames later')
    places = (tops[0] - 0.13, tops[1] + 1.38)
    for name, place in zip(names, places):
        write(ax, 0.4, place, name, HEAD, ha='left', bold=True)
    for top, view, letter in zip(tops, shown.views, 'qk'):
        for index, center in enumerate(centers):
            box(ax, center - 0.38, top, 0.76, 1.22, color='#FAFAFA')
            write(ax, center, top + 1.11, f'{letter}{index}', SMALL, FAINT_INK)
        draw_bodies(ax, view[middles], centers, top + 1.0, 0.95)
    for matching, color, dash, width in (
        ('index', INDEX, (0, (3, 2)), 1.2),
        ('feature', FEATURE, '-', 1.4),
    ):
        for i, j in enumerate(shown.matches[matching]):
            nudge = 0.06 if matching == 'index' else -0.06
            arrow(
                ax,
                (centers[i] + nudge, tops[0] + 1.23),
                (centers[j] + nudge, tops[1] - 0.02),
                color,
                width=width,
                dash=dash,
            )


def _matrix(figure: Figure, shown: Contrast) -> None:
    ax = add_axes_in(figure, 0.72, 3.98, 2.1, 2.1, 'similarity')
    limit = np.abs(shown.similarity).max()
    ax.imshow(shown.similarity, cmap='PuOr_r', vmin=-limit, vmax=limit)
    rows = np.arange(S)
    ax.plot(
        shown.matches['index'],
        rows,
        's',
        ms=9,
        mfc='none',
        mec=INDEX,
        mew=1.6,
    )
    ax.plot(
        shown.matches['feature'],
        rows,
        'o',
        ms=6,
        mfc='white',
        mec=FEATURE,
        mew=2.0,
    )
    ax.set_xticks(rows, [f'k{j}' for j in rows])
    ax.set_yticks(rows, [f'q{i}' for i in rows])
    ax.tick_params(labelsize=SMALL, length=0, pad=2)
    ax.set_title('dot products of features', size=PLAIN, color=INK, pad=5)


def _queue(figure: Figure, ax, shown: Contrast) -> None:
    left = 3.3
    for row, (matching, color, mark) in enumerate(
        (('feature', FEATURE, 'o'), ('index', INDEX, 's'))
    ):
        y = 3.93 + 0.24 * row
        ax.plot(
            [left + 0.06], [y], mark, ms=6.5, mfc='white', mec=color, mew=1.8
        )
        says = dict(
            feature='the largest dot product of its row',
            index='the snippet at the same position',
        )[matching]
        write(
            ax,
            left + 0.2,
            y,
            f"matching='{matching}': {says}",
            PLAIN,
            ha='left',
        )
    lines = [
        'positive    k+ = projected key snippet j*',
        f'negatives   {K} keys of other videos:',
    ]
    for row, line in enumerate(lines):
        write(ax, left, 4.5 + 0.2 * row, line, PLAIN, ha='left', mono=True)
    strip = add_axes_in(figure, left, 4.86, 3.4, 0.44, 'queue')
    strip.imshow(
        shown.queue,
        cmap='PuOr_r',
        vmin=-0.6,
        vmax=0.6,
        aspect='auto',
        interpolation='nearest',
    )
    strip.set_xticks([])
    strip.set_yticks([])
    D = len(shown.queue)
    write(
        ax,
        left,
        5.42,
        f'queue ({D}, {K}): one column a video, the mean of its snippets',
        SMALL,
        FAINT_INK,
        ha='left',
    )
    write(
        ax,
        left,
        5.68,
        'loss = mean over i of\n  -log softmax([q.k+, q.queue] / 0.07)[0]',
        PLAIN,
        ha='left',
        mono=True,
    )
    values = ', '.join(f'{v:.2f} by {m}' for m, v in shown.losses.items())
    write(ax, left, 6.04, f'here: {values}', PLAIN, ha='left', mono=True)


def draw_snippet_contrast() -> Figure:
    """Two views, which key snippet is whose positive, and the loss.

    Returns:
        Figure: The drawing.
    """
    shown = contrast()
    figure, ax = new_sheet(6.3)
    _rows(ax, shown)
    _matrix(figure, shown)
    _queue(figure, ax, shown)
    return figure
