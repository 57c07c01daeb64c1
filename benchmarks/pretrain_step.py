"""A full snippet pre-training step, against the way the field writes it.

Forward of two (SkeletonCLR) or three views (AimCLR) by CTR-GCN, losses
against two queues of 32,768 keys of 128, backward, SGD, momentum update and
queues; both persons there at every frame. The yardstick has MoCo's momentum
loop, ``einsum`` and ``cat``, softmaxes over whole logits and a dense term with
gathered positives. Ours starts from its weights and queues, and the losses of
the first step must agree.

Source:
    MoCo (arXiv 1911.05722), DenseCL (arXiv 2011.09157) and AimCLR (arXiv
    2112.03590), from their formulas; METHOD.md section 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.encoders import PlainCTRGCN, load_plain
from benchmarks.rows import Row, in_turns, row_of
from mmsnip.registry import MODELS

M, T, V, C, SNIPPETS = 2, 64, 25, 3, 16
QUEUE = 32768
TARGETS = {'cpu': 1.6, 'cuda': 3.0}


def contrast_logits(
    q: Tensor, k: Tensor, queue: Tensor, temperature: float
) -> Tensor:
    """Similarity of queries (N, D) to key and queue, (N, 1 + K)."""
    positive = torch.einsum('nc,nc->n', [q, k]).unsqueeze(-1)
    negative = torch.einsum('nc,ck->nk', [q, queue.clone().detach()])
    return torch.cat([positive, negative], dim=1) / temperature


def contrast_loss(logits: Tensor) -> Tensor:
    """Cross-entropy with the key, which comes first, as the class."""
    labels = torch.zeros(
        logits.shape[0], dtype=torch.long, device=logits.device
    )
    return functional.cross_entropy(logits, labels)


def dense_logits(
    q: Tensor,
    k: Tensor,
    q_feat: Tensor,
    k_feat: Tensor,
    queue: Tensor,
    temperature: float,
) -> Tensor:
    """Similarity of snippets (N, D, S) to match and queue, (N * S, 1 + K)."""
    similarity = torch.matmul(q_feat.permute(0, 2, 1), k_feat)
    index = similarity.max(dim=2)[1]  # (N, S)
    matched = torch.gather(k, 2, index.unsqueeze(1).expand(-1, k.shape[1], -1))
    positive = (q * matched).sum(1).view(-1).unsqueeze(-1)
    rows = q.permute(0, 2, 1).reshape(-1, q.shape[1])
    negative = torch.einsum('nc,ck->nk', [rows, queue.clone().detach()])
    return torch.cat([positive, negative], dim=1) / temperature


def divergence_loss(extreme: Tensor, mild: Tensor) -> Tensor:
    """Cross-entropy of two rows of logits, the mild one teaches."""
    teacher = torch.softmax(mild.clone().detach(), dim=1)
    found = torch.log_softmax(extreme, dim=1)
    return -torch.mean(torch.sum(teacher * found, dim=1))


class PlainBranch(nn.Module):
    """Encoder and both projectors."""

    def __init__(self, encoder: nn.Module, num_snippets: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.num_snippets = num_snippets
        self.fc = nn.Linear(256, 128)
        self.dense = nn.Sequential(
            nn.Conv1d(256, 256, 1), nn.ReLU(), nn.Conv1d(256, 128, 1)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Video embedding, pooled features and raw snippets."""
        y = self.encoder(x)
        video = self.fc(y.mean(4).mean(3).mean(1))
        frames = y.mean(4).mean(1)  # (N, 256, T')
        pooled = functional.adaptive_avg_pool1d(frames, self.num_snippets)
        return functional.normalize(video, dim=1), pooled, self.dense(pooled)


class PlainPretrainer(nn.Module):
    """Query and key branch, two queues; SkeletonCLR or AimCLR by views."""

    def __init__(
        self,
        encoder: nn.Module,
        num_snippets: int,
        queue_size: int = 32768,
        momentum: float = 0.999,
        temperature: float = 0.07,
        dense_weight: float = 1.5,
    ) -> None:
        super().__init__()
        self.K, self.m, self.T = queue_size, momentum, temperature
        self.dense_weight = dense_weight
        self.query = PlainBranch(encoder, num_snippets)
        self.key = deepcopy(self.query)
        for parameter in self.key.parameters():
            parameter.requires_grad = False
        for name in ('queue', 'dense_queue'):
            keys = functional.normalize(torch.randn(128, queue_size), dim=0)
            self.register_buffer(name, keys)
        self.register_buffer('pointer', torch.zeros(1, dtype=torch.long))

    @torch.no_grad()
    def _move_key_branch(self) -> None:
        for q, k in zip(self.query.parameters(), self.key.parameters()):
            k.data = k.data * self.m + q.data * (1.0 - self.m)

    @torch.no_grad()
    def _enqueue(self, keys: Tensor, dense_keys: Tensor) -> None:
        N, start = keys.shape[0], int(self.pointer)
        self.queue[:, start : start + N] = keys.T
        self.dense_queue[:, start : start + N] = dense_keys.T
        self.pointer[0] = (start + N) % self.K

    def forward(self, views: Sequence[Tensor]) -> dict[str, Tensor]:
        """Losses of the views (query, key) or (query, key, extreme)."""
        q, q_feat, q_raw = self.query(views[0])
        with torch.no_grad():
            self._move_key_branch()
            k, k_feat, k_raw = self.key(views[1])
        logits = contrast_logits(q, k, self.queue, self.T)
        losses = dict(loss_global=contrast_loss(logits))
        if len(views) == 3:
            extreme, _, _ = self.query(views[2])
            losses['loss_divergence'] = divergence_loss(
                contrast_logits(extreme, k, self.queue, self.T), logits
            )
        dense = dense_logits(
            functional.normalize(q_raw, dim=1),
            functional.normalize(k_raw, dim=1),
            q_feat,
            k_feat,
            self.dense_queue,
            self.T,
        )
        losses['loss_snippet'] = self.dense_weight * contrast_loss(dense)
        self._enqueue(k, functional.normalize(k_raw.mean(2), dim=1))
        return losses


def both_sides(num_views: int) -> tuple[nn.Module, PlainPretrainer]:
    """Our model as its config has it, and the yardstick of equal weights."""
    init_default_scope('mmsnip')
    torch.manual_seed(0)
    backbone = dict(
        type='CTRGCN',
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        out_indices=(9,),
        data_bn_type=None,  # METHOD 2: off in both stages
    )
    snippet_head = dict(
        type='SnippetContrastHead', num_snippets=SNIPPETS, queue_size=QUEUE
    )
    model = MODELS.build(
        dict(
            type='SkeletonCLR' if num_views == 2 else 'AimCLR',
            backbone=backbone,
            global_head=dict(type='GlobalContrastHead', queue_size=QUEUE),
            snippet_head=snippet_head,
        )
    )
    network = PlainCTRGCN(model.backbone.adjacency())
    network.data_bn = nn.Identity()
    plain = PlainPretrainer(network, SNIPPETS, QUEUE)
    load_plain(model.backbone, network)
    branch = plain.query
    model.global_head.projector.load_state_dict(branch.fc.state_dict())
    model.snippet_head.projector.load_state_dict(branch.dense.state_dict())
    model.global_head.queue.keys.copy_(plain.queue)
    model.snippet_head.queue.keys.copy_(plain.dense_queue)
    return model.train(), plain.train()


def train_step(
    model: nn.Module, losses: Callable[[], dict]
) -> Callable[[], dict]:
    """A step of SGD as the method has it."""
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad],
        lr=1e-3,
        momentum=0.9,
        weight_decay=1e-4,
    )

    def step() -> dict:
        optimizer.zero_grad()
        found = losses()
        sum(
            value for name, value in found.items() if 'loss' in name
        ).backward()
        optimizer.step()
        return {name: float(value.detach()) for name, value in found.items()}

    return step


def rows(device: str, quick: bool) -> list[Row]:
    """Two views and three."""
    N = 2 if quick else {'cpu': 8, 'cuda': 64}[device]
    found = []
    for num_views in (2,) if quick else (2, 3):
        model, plain = (side.to(device) for side in both_sides(num_views))
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(num_views, N, M, T, V, C, generator=generator)
        views = list(x.to(device))
        steps = [
            train_step(model, lambda m=model, x=views: m(x, mode='loss')),
            train_step(plain, lambda m=plain, x=views: m(x)),
        ]
        first, expected = (step() for step in steps)
        for name, value in expected.items():
            if abs(first[name] - value) > 1e-3 * abs(value):
                raise RuntimeError(
                    f'{name} is {first[name]} in our first step and {value} '
                    'in the plain one; they must agree'
                )
        times = in_turns(steps, 2 if quick else 5, device)
        method = 'SkeletonCLR' if num_views == 2 else 'AimCLR'
        found.append(
            row_of(
                f'pre-training step, {num_views} views, CTR-GCN',
                *times,
                TARGETS[device],
                note=f'{method}, batch {N}, T = {T}',
            )
        )
    return found
