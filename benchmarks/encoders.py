"""Training step and peak memory of CTR-GCN, against its plain form.

Forward, backward and SGD. The yardstick is one published formula a line, with
the published parameter names; both sides hold the same weights, which is
checked before anything is timed. Memory is the peak of two steps above what
was there before: resident size of a process of its own on a CPU, PyTorch's
count on a GPU. There ours recomputes blocks (``with_cp``); what that costs in
time is a row, too.

Source:
    arXiv 2107.12213; names and formulas as in the reference numbers'
    description.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.rows import Row, in_turns, row_of
from mmsnip.models import CTRGCN, load_official_state_dict

M, T = 2, 64
TARGETS = {
    'cpu': dict(step=1.6, memory=1 / 0.6),
    'cuda': dict(step=3.0, memory=2.0, compiled=5.0),
}
# width and stride over time of each block
STAGES = (
    *4 * [(64, 1)],
    *[(128, 2), (128, 1), (128, 1)],
    *[(256, 2), (256, 1), (256, 1)],
)


class PlainCTRGC(nn.Module):
    """One subset: x (N, C, T, V), its graph A (V, V) and a scalar alpha."""

    def __init__(self, C: int, out: int) -> None:
        super().__init__()
        rel = 8 if C in (3, 9) else C // 8
        self.conv1 = nn.Conv2d(C, rel, 1)
        self.conv2 = nn.Conv2d(C, rel, 1)
        self.conv3 = nn.Conv2d(C, out, 1)
        self.conv4 = nn.Conv2d(rel, out, 1)

    def forward(self, x: Tensor, A: Tensor, alpha: Tensor) -> Tensor:
        """Refine the graph channel by channel and aggregate over it."""
        x1, x2 = self.conv1(x).mean(2), self.conv2(x).mean(2)
        value = self.conv3(x)
        relation = torch.tanh(x1.unsqueeze(-1) - x2.unsqueeze(-2))
        W = self.conv4(relation) * alpha + A
        return torch.einsum('ncuv,nctv->nctu', W, value)


class PlainGraphUnit(nn.Module):
    """Three subsets in a loop, batch norm, residual, ReLU."""

    def __init__(self, C: int, out: int, A: Tensor) -> None:
        super().__init__()
        self.convs = nn.ModuleList(PlainCTRGC(C, out) for _ in A)
        self.PA = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        if out != C:
            self.down = nn.Sequential(
                nn.Conv2d(C, out, 1), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, out, T, V)."""
        y = 0
        for k, conv in enumerate(self.convs):
            y = y + conv(x, self.PA[k], self.alpha)
        down = self.down(x) if hasattr(self, 'down') else x
        return self.relu(self.bn(y) + down)


class PlainTemporalConv(nn.Module):
    """(k, 1) convolution and batch norm."""

    def __init__(
        self, C: int, out: int, size: int, stride: int, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (size - 1) // 2
        self.conv = nn.Conv2d(
            C, out, (size, 1), (stride, 1), (padding, 0), (dilation, 1)
        )
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, out, ceil(T / stride), V)."""
        return self.bn(self.conv(x))


class PlainMultiScale(nn.Module):
    """Dilated convolutions, a max pool and a 1x1 convolution."""

    def __init__(self, C: int, out: int, stride: int) -> None:
        super().__init__()
        width = out // 4

        def opened(*rest: nn.Module) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(C, width, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                *rest,
            )

        self.branches = nn.ModuleList(
            opened(PlainTemporalConv(width, width, 5, stride, d))
            for d in (1, 2)
        )
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(opened(pool, nn.BatchNorm2d(width)))
        self.branches.append(
            nn.Sequential(
                nn.Conv2d(C, width, 1, (stride, 1)),
                nn.BatchNorm2d(width),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, out, ceil(T / stride), V)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class PlainCTRBlock(nn.Module):
    """Graph unit, multi-scale temporal unit, residual, ReLU."""

    def __init__(
        self, C: int, out: int, A: Tensor, stride: int, residual: bool
    ) -> None:
        super().__init__()
        self.gcn1 = PlainGraphUnit(C, out, A)
        self.tcn1 = PlainMultiScale(out, out, stride)
        self.relu = nn.ReLU(inplace=True)
        if not residual:
            self.residual = None
        elif out == C and stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = PlainTemporalConv(C, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, out, ceil(T / stride), V)."""
        y = self.tcn1(self.gcn1(x))
        return self.relu(y if self.residual is None else y + self.residual(x))


class PlainCTRGCN(nn.Module):
    """The published encoder: (N, M, T, V, C) to (N, M, 256, T / 4, V)."""

    def __init__(self, A: Tensor, num_person: int = 2) -> None:
        super().__init__()
        self.data_bn = nn.BatchNorm1d(num_person * A.shape[1] * 3)
        self.blocks = nn.ModuleList()
        channels = 3
        for i, (width, stride) in enumerate(STAGES):
            block = PlainCTRBlock(channels, width, A, stride, i > 0)
            self.blocks.append(block)
            channels = width

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch."""
        N, M, T, V, C = x.shape
        x = x.permute(0, 1, 3, 4, 2).contiguous().view(N, M * V * C, T)
        x = self.data_bn(x).view(N, M, V, C, T)
        x = x.permute(0, 1, 3, 4, 2).contiguous().view(N * M, C, T, V)
        for block in self.blocks:
            x = block(x)
        return x.view(N, M, *x.shape[1:])


def load_plain(ours: nn.Module, plain: nn.Module) -> None:
    """Put the yardstick's weights into our encoder, by published names."""
    published = {}
    for name, value in plain.state_dict().items():
        if name.startswith('blocks.'):
            _, index, rest = name.split('.', 2)
            name = f'l{int(index) + 1}.{rest}'
        published[name] = value
    load_official_state_dict(ours, published, 'ctrgcn')


def sides(device: str) -> dict[str, nn.Module]:
    """The yardstick, ours and ours with recomputation, of equal weights."""
    torch.manual_seed(0)
    layout = dict(layout='nturgb+d')
    models = dict(ours=CTRGCN(layout), with_cp=CTRGCN(layout, with_cp=True))
    plain = PlainCTRGCN(models['ours'].adjacency())
    for name, value in plain.named_parameters():
        if name.endswith('alpha'):
            nn.init.constant_(value, 0.5)  # 0 leaves the refinement out
    for model in models.values():
        load_plain(model, plain)
    models = dict(plain=plain, **models)
    return {side: model.to(device).train() for side, model in models.items()}


def encode(model: nn.Module, x: Tensor) -> Tensor:
    """The last stage, (N, M, C, T, V)."""
    y = model(x)
    return y[0] if isinstance(y, tuple) else y


def train_step(
    model: nn.Module, x: Tensor, amp: torch.dtype | None = None
) -> Callable[[], None]:
    """A step of SGD on the mean square of the last stage."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(x.device.type, amp) if amp else nullcontext():
            y = encode(model, x)
        y.float().square().mean().backward()
        optimizer.step()

    return step


def time_rows(N: int, device: str, turns: int) -> list[Row]:
    """Steps in turns: ours, and on a GPU ours compiled in bfloat16."""
    models = sides(device)
    x = torch.randn(N, M, T, 25, 3, device=device)
    with torch.no_grad():
        outputs = {
            side: encode(model, x[:2]) for side, model in models.items()
        }
    for y in outputs.values():
        torch.testing.assert_close(y, outputs['plain'], rtol=1e-3, atol=1e-3)
    targets = TARGETS[device]
    steps = {side: train_step(model, x) for side, model in models.items()}
    wanted = {
        'ours': ('training step', targets['step']),
        'with_cp': ('training step, recomputing blocks', 0.0),
    }
    if device == 'cuda':
        compiled = torch.compile(models['ours'])
        steps['compiled'] = train_step(compiled, x, torch.bfloat16)
        name = 'training step, ours in bf16 and compiled'
        wanted['compiled'] = name, targets['compiled']
    warmup = 1 if device == 'cpu' else 3
    times = in_turns(list(steps.values()), turns, device, warmup)
    of = dict(zip(steps, times))
    return [
        row_of(
            f'CTR-GCN: {name}', of[side], of['plain'], target, note=note_of(N)
        )
        for side, (name, target) in wanted.items()
    ]


def resident(field: str) -> float:
    """MiB of this process, ``VmRSS`` now or ``VmHWM`` at most (Linux)."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f'/proc/self/status has no {field}')


def peak_memory(N: int, side: str, device: str) -> float:
    """Peak of two steps above what was there before, MiB."""
    step = train_step(
        sides(device)[side], torch.randn(N, M, T, 25, 3, device=device)
    )
    if device == 'cuda':
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
    else:
        before = resident('VmRSS')
    step()
    step()
    if device == 'cuda':
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    return resident('VmHWM') - before


def memory_row(N: int, device: str, turns: int) -> Row:
    """Peak memory, each side and turn in a process of its own.

    Where a heap has its holes differs from run to run.
    """
    found: dict[str, list[float]] = {'with_cp': [], 'plain': []}
    for _ in range(turns):
        for side, peaks in found.items():
            with ProcessPoolExecutor(1, get_context('spawn')) as one:
                peaks.append(one.submit(peak_memory, N, side, device).result())
    return row_of(
        'CTR-GCN: peak training memory, recomputing blocks',
        *found.values(),
        TARGETS[device]['memory'],
        'MiB',
        note_of(N),
    )


def note_of(N: int) -> str:
    """Sizes, for the table."""
    return f'batch {N}, M = {M}, T = {T}'


def rows(device: str, quick: bool) -> list[Row]:
    """Times and memory."""
    found = []
    for N in (2,) if quick else (8, 64):
        few = quick or (N >= 64 and device == 'cpu')
        found += time_rows(N, device, 2 if few else 7)
        found.append(memory_row(N, device, 1 if few else 5))
    return found
