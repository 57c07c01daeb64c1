#!/usr/bin/env python
"""A full snippet pre-training step, ours against the published way.

``python -m benchmarks.pretrain_step [--device cuda] [--quick]``: forward of
two (SkeletonCLR) or three views (AimCLR), losses against two queues of
32,768 keys of 128, backward, SGD, momentum update and queues; both persons
there at every frame. Ours starts from the yardstick's weights and queues,
and the losses of the first step must agree.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from benchmarks.plain.agcn import PlainAGCN
from benchmarks.plain.ctrgcn import PlainCTRGCN
from benchmarks.plain.pretrain_step import PlainPretrainer
from benchmarks.rows import Row, in_turns, row_of, table, use_clock
from mmsnip.models import load_official_state_dict
from mmsnip.registry import MODELS

M, V, C = 2, 25, 3
QUEUE = 32768
# encoder: (frames, snippets)
SIZES = {'ctrgcn': (64, 16), 'agcn': (150, 19)}
COMMAND = 'python -m benchmarks.pretrain_step'
TARGETS = {'cpu': 1.6, 'cuda': 3.0}


def ours(
    encoder: str,
    num_views: int,
    queue_size: int = QUEUE,
    snippets: int | None = None,
) -> nn.Module:
    """Our pre-training model, as its config has it."""
    init_default_scope('mmsnip')
    backbone = dict(
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        out_indices=(9,),
    )
    if encoder == 'ctrgcn':
        backbone.update(type='CTRGCN', data_bn_type=None)
    else:
        backbone.update(
            type='AGCN', temporal_strides=(1, 2, 1, 1, 2, 1, 1, 2, 1, 1)
        )
    model = MODELS.build(
        dict(
            type='SkeletonCLR' if num_views == 2 else 'AimCLR',
            backbone=backbone,
            global_head=dict(type='GlobalContrastHead', queue_size=queue_size),
            snippet_head=dict(
                type='SnippetContrastHead',
                num_snippets=snippets or SIZES[encoder][1],
                queue_size=queue_size,
            ),
        )
    )
    return model.train()


def plain_like(model: nn.Module, encoder: str) -> PlainPretrainer:
    """The yardstick, and its weights and queues in our model, too."""
    A = model.backbone.adjacency()
    if encoder == 'ctrgcn':
        network = PlainCTRGCN(A)
        network.data_bn = nn.Identity()  # METHOD 2: off in both stages
    else:
        network = PlainAGCN(A)
    head = model.snippet_head
    plain = PlainPretrainer(network, head.num_snippets, head.queue.size)
    published = {
        f'l{int(name.split(".")[1]) + 1}.{name.split(".", 2)[2]}': value
        for name, value in network.state_dict().items()
    }
    load_official_state_dict(model.backbone, published, encoder)
    branch = plain.query
    model.global_head.projector.load_state_dict(branch.fc.state_dict())
    head.projector.load_state_dict(branch.dense.state_dict())
    model.global_head.queue.keys.copy_(plain.queue)
    head.queue.keys.copy_(plain.dense_queue)
    return plain.train()


def train_step(
    model: nn.Module,
    losses: Callable[[Sequence[Tensor]], dict],
    views: Sequence[Tensor],
    amp: torch.dtype | None = None,
) -> Callable[[], dict]:
    """A step of SGD as the method has it."""
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad],
        lr=1e-3,
        momentum=0.9,
        weight_decay=1e-4,
    )
    kind = views[0].device.type

    def step() -> dict:
        optimizer.zero_grad()
        with torch.autocast(kind, amp) if amp else nullcontext():
            found = losses(views)
        total = sum(value for name, value in found.items() if 'loss' in name)
        total.backward()
        optimizer.step()
        return {name: float(value.detach()) for name, value in found.items()}

    return step


def make_views(
    num_views: int, N: int, T: int, device: str = 'cpu', joints: int = V
) -> list[Tensor]:
    """Random skeletons, everybody there."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(num_views, N, M, T, joints, C, generator=generator)
    return list(x.to(device))


def both(
    encoder: str, num_views: int, N: int, device: str = 'cpu', **options: Any
) -> tuple[Callable[[], dict], Callable[[], dict]]:
    """Steps of ours and of the yardstick, from the same weights."""
    torch.manual_seed(0)
    model = ours(encoder, num_views)
    plain = plain_like(model, encoder).to(device)
    model = model.to(device)
    views = make_views(num_views, N, SIZES[encoder][0], device)
    return (
        train_step(model, lambda x: model(x, mode='loss'), views, **options),
        train_step(plain, plain, views),
    )


def rows(device: str = 'cpu', quick: bool = False) -> list[Row]:
    """Two views and three, both encoders."""
    N = 2 if quick else 8
    if torch.device(device).type == 'cuda' and not quick:
        N = 64
    cases = [('ctrgcn', 2), ('ctrgcn', 3), ('agcn', 2), ('agcn', 3)]
    found = []
    for encoder, num_views in cases[:1] if quick else cases:
        our_step, plain_step = both(encoder, num_views, N, device)
        first, expected = our_step(), plain_step()
        for name, value in expected.items():
            if abs(first[name] - value) > 1e-3 * abs(value):
                raise RuntimeError(
                    f'{encoder}: {name} is {first[name]} in our first step '
                    f'and {value} in the plain one; they must agree'
                )
        times = in_turns([our_step, plain_step], 2 if quick else 5, device)
        method = 'SkeletonCLR' if num_views == 2 else 'AimCLR'
        found.append(
            row_of(
                f'pre-training step, {num_views} views, '
                f'{encoder.upper().replace("CTRGCN", "CTR-GCN")}',
                *times,
                TARGETS[torch.device(device).type],
                COMMAND,
                note=f'{method}, batch {N}, T = {SIZES[encoder][0]}',
            )
        )
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--clock', default='wall', choices=['wall', 'cpu'])
    args = parser.parse_args()
    use_clock(args.clock)
    print(table(rows(args.device, args.quick)))


if __name__ == '__main__':
    main()
