"""Encoder and nested U-shape; every shape is read from the modules."""

from __future__ import annotations

from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sheet import HEAD, SMALL, arrow, cells, new_sheet, write
from torch import nn

from mmsnip.models.persons import encode_persons
from mmsnip.registry import MODELS
from mmsnip.visualization.canvas import COLORS, FAINT_INK

T, V, NUM_CLASSES = 32, 25, 4
STRIDES = (1, 2, 1, 1, 2, 1, 1, 2, 1, 1)  # as published
STAGES = (0, 6, 9)
FINE, MIDDLE, COARSE = COLORS[0], COLORS[2], COLORS[5]
ROW_IN, TOP_IN = 0.37, 0.62
WIDE = 0.94  # inches of T frames at the nodes of the U


class Shapes(NamedTuple):
    """Channels and frames that the modules really give.

    Attributes:
        blocks (list[tuple[int, int]]): Of each encoder block.
        nodes (dict[str, tuple[int, int]]): Of each node of the U.
    """

    blocks: list[tuple[int, int]]
    nodes: dict[str, tuple[int, int]]


def read_shapes() -> Shapes:
    """Run encoder, neck and head once, and note each result's shape.

    Returns:
        Shapes: (C, T') of blocks and nodes.
    """
    torch.manual_seed(0)
    encoder = MODELS.build(
        dict(
            type='mmsnip.AGCN',
            graph_cfg=dict(layout='nturgb+d', mode='spatial'),
            temporal_strides=STRIDES,
            out_indices=tuple(range(len(STRIDES))),
        )
    ).eval()
    with torch.no_grad():
        stages = encode_persons(encoder, torch.randn(1, 1, T, V, 3))
        inputs = [stages[index] for index in STAGES]
        neck = MODELS.build(
            dict(
                type='mmsnip.UShapeFusionNeck',
                in_channels=[x.shape[1] for x in inputs],
            )
        ).eval()
        head = MODELS.build(
            dict(
                type='mmsnip.FrameLocalizationHead',
                num_classes=NUM_CLASSES,
                in_channels=neck.out_channels,
            )
        )
        nodes = {f'x{i}': _size(x) for i, x in enumerate(inputs)}
        units: dict[str, nn.Module] = {
            'x01': neck.unit01,
            'x11': neck.unit11,
            'x02': neck.unit02,
            'out': neck.fuse,
        }
        for name, unit in units.items():
            unit.register_forward_hook(
                lambda _, __, y, name=name: nodes.update({name: _size(y)})
            )
        features = neck(inputs)
        nodes['scores'] = _size(head(features, T).transpose(1, 2))
    return Shapes([_size(x) for x in stages], nodes)


def _size(x: torch.Tensor) -> tuple[int, int]:
    return x.shape[1], x.shape[2]


def _shade(color: str, share: float) -> str:
    """The colour, mixed with white."""
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = [round(255 + share * (part - 255)) for part in parts]
    return '#' + ''.join(f'{part:02X}' for part in mixed)


def _strip(
    ax: Axes, x: float, y: float, width: float, frames: int, color: str
) -> None:
    """A node, its middle at a place; one cell a frame."""
    tints = [_shade(color, 0.55 if i % 2 else 0.75) for i in range(frames)]
    cells(ax, x - width / 2, y - 0.11, width, 0.22, tints)


def _encoder(ax: Axes, shapes: Shapes) -> list[float]:
    """The blocks, top down; returns the height of each."""
    write(ax, 0.15, 0.2, 'encoder', HEAD, ha='left', bold=True)
    write(ax, 0.15, 0.41, 'block', SMALL, FAINT_INK, ha='left')
    write(ax, 1.72, 0.41, 'C x T', SMALL, FAINT_INK)
    heights = []
    for block, (C, frames) in enumerate(shapes.blocks):
        y = TOP_IN + ROW_IN * block + 0.08
        heights.append(y)
        color = {32: FINE, 16: '#7A7A7A', 8: MIDDLE, 4: COARSE}[frames]
        write(ax, 0.25, y, str(block), SMALL)
        _strip(ax, 0.9, y, WIDE * frames / T, frames, color)
        write(ax, 1.72, y, f'{C} x {frames}', SMALL)
        if STRIDES[block] > 1:
            write(ax, 1.3, y - 0.19, 'stride 2', 7.5, FAINT_INK)
    return heights


def draw_u_shape() -> Figure:
    """Stages, and how the nested fusion brings them back to full T.

    Returns:
        Figure: The drawing.
    """
    shapes = read_shapes()
    figure, ax = new_sheet(4.45)
    heights = _encoder(ax, shapes)
    write(ax, 2.25, 0.2, 'nested U-shape', HEAD, ha='left', bold=True)
    rows = {0: heights[0], 1: heights[6], 2: heights[9]}
    places = {
        'x0': (2.75, rows[0]),
        'x1': (2.75, rows[1]),
        'x2': (2.75, rows[2]),
        'x01': (4.0, rows[0]),
        'x11': (4.0, rows[1]),
        'x02': (5.2, rows[0]),
        'out': (6.4, rows[0]),
        'scores': (6.4, rows[1] - 0.75),
    }
    looks = {'x1': MIDDLE, 'x11': MIDDLE, 'x2': COARSE, 'out': COLORS[4]}
    for name, (x, y) in places.items():
        C, frames = shapes.nodes[name]
        color = looks.get(name, FINE)
        if name == 'scores':
            color = COLORS[3]
        _strip(ax, x, y, WIDE, frames, color)
        write(ax, x, y + 0.21, f'{name}  {C} x {frames}', SMALL)
    half, gap = WIDE / 2, 0.03
    for index, stage in enumerate(STAGES):
        y = rows[index]
        arrow(ax, (2.0, heights[stage]), (2.75 - half - gap, y))
    for left, right in (
        ('x0', 'x01'),
        ('x01', 'x02'),
        ('x02', 'out'),
        ('x1', 'x11'),
    ):
        start, end = places[left], places[right]
        arrow(
            ax,
            (start[0] + half + gap, start[1]),
            (end[0] - half - gap, end[1]),
        )
    for lower, upper in (('x1', 'x01'), ('x2', 'x11'), ('x11', 'x02')):
        start, end = places[lower], places[upper]
        arrow(
            ax,
            (start[0] + 0.2, start[1] - 0.13),
            (end[0] - 0.25, end[1] + 0.3),
            COLORS[5],
            width=1.6,
        )
    over = rows[0] - 0.13
    for left, right, bend in (
        ('x0', 'x02', -0.16),
        ('x0', 'out', -0.15),
        ('x01', 'out', -0.12),
    ):
        arrow(
            ax,
            (places[left][0] + 0.1, over),
            (places[right][0] - 0.1, over),
            bend=bend,
        )
    arrow(ax, (6.4, rows[0] + 0.32), (6.4, places['scores'][1] - 0.13))
    write(
        ax,
        6.33,
        (rows[0] + places['scores'][1]) / 2 + 0.1,
        'linear head',
        SMALL,
        ha='right',
    )
    _explain(ax, rows)
    return figure


def _explain(ax: Axes, rows: dict[int, float]) -> None:
    arrow(
        ax, (4.85, rows[1] + 0.05), (5.1, rows[1] - 0.12), COLORS[5], width=1.6
    )
    write(
        ax, 5.2, rows[1] - 0.02, 'up: nearest interpolation', SMALL, ha='left'
    )
    arrow(ax, (4.85, rows[1] + 0.22), (5.12, rows[1] + 0.22))
    write(
        ax, 5.2, rows[1] + 0.22, 'joined along the channels', SMALL, ha='left'
    )
    write(
        ax,
        4.85,
        rows[2] - 0.6,
        'x01, x11, x02: convolution over\n'
        '3 frames, batch norm, ReLU\n'
        'out: convolution over 1 frame',
        SMALL,
        ha='left',
        va='top',
    )
    write(
        ax,
        3.35,
        rows[2] - 0.02,
        'stages are averaged over\njoints and persons',
        SMALL,
        FAINT_INK,
        ha='left',
    )
