"""Runs one golden block case and measures how far we are from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from mmsnip.models.backbones.published import PublishedNames

Fill = Callable[[PublishedNames, nn.Module], None]


def arrays_of(case: Mapping[str, np.ndarray], folder: str) -> dict:
    """Tensors below a folder of an archive."""
    return {
        key[len(folder) :]: torch.as_tensor(np.asarray(case[key]))
        for key in case
        if key.startswith(folder)
    }


def fill(module: nn.Module, entries: Mapping[str, Tensor], map_: Fill) -> None:
    """Load published entries; all are used and none is missing."""
    names = PublishedNames(entries, module.state_dict())
    map_(names, module)
    assert not names.missing
    assert not names.misfits
    assert set(names.used) == set(entries)
    rest = module.load_state_dict(names.mapped, strict=False)
    assert set(rest.missing_keys) <= {
        key
        for key in module.state_dict()
        if key.split('.')[-1] in ('A', 'num_batches_tracked')
    }


def relative(found: Tensor, expected: Tensor, scale: float = 0.0) -> float:
    """Largest deviation over the largest expected magnitude."""
    assert found.shape == expected.shape
    size = max(expected.double().abs().max().item(), scale)
    return (found.double() - expected.double()).abs().max().item() / size


def swap(x: Tensor, swapped: bool) -> Tensor:
    """Exchange T and V where the block has them the other way."""
    return x.transpose(2, 3).contiguous() if swapped else x


def deviations(
    case: Mapping[str, np.ndarray],
    build: Callable[[], nn.Module],
    map_: Fill,
    run: Callable[[nn.Module, Tensor], Tensor],
    dtype: torch.dtype,
    swapped: bool,
) -> dict[str, float]:
    """Deviation of each golden quantity of a case.

    ``case`` has the keys behind ``<cfg>/``.
    """
    found: dict[str, float] = {}
    for mode in ('eval', 'train'):
        if f'{mode}/y' not in case:
            continue
        module = build()
        fill(module, arrays_of(case, 'sd/'), map_)
        module = module.to(dtype).train(mode == 'train')
        data = torch.as_tensor(np.asarray(case['x'])).to(dtype)
        x = swap(data, swapped).requires_grad_()
        y = run(module, x)
        seen = swap(y.detach(), swapped)
        for key, cotangent in (
            ('dx_sumsq', 2 * y.detach()),
            ('dx_vjp', swap(torch.as_tensor(case['gy']).to(dtype), swapped)),
        ):
            if f'{mode}/{key}' in case:
                (dx,) = torch.autograd.grad(y, x, cotangent, retain_graph=True)
                found[f'{mode}/{key}'] = relative(
                    swap(dx, swapped), torch.as_tensor(case[f'{mode}/{key}'])
                )
        found[f'{mode}/y'] = relative(seen, torch.as_tensor(case[f'{mode}/y']))
        y.backward(cotangent)
        expected = arrays_of(case, f'{mode}/dp_vjp/')
        if expected:
            names = PublishedNames(expected, module.state_dict())
            map_(names, module)
            largest = max(g.abs().max().item() for g in expected.values())
            params = dict(module.named_parameters())
            checked = [n for n in names.mapped if n in params]
            assert set(checked) == {
                n for n, p in params.items() if p.grad is not None
            }
            worst = 0.0
            for name in checked:
                target = names.mapped[name]
                if name.endswith('value.bias') and not swapped:
                    # Stored as a sum: each published bias has its gradient.
                    target = target / 3
                # A bias before a batch norm has no gradient at all.
                is_zero = target.abs().max() < 1e-9 * largest
                scale = largest if is_zero else 0.0
                worst = max(worst, relative(params[name].grad, target, scale))
            found[f'{mode}/dp'] = worst
        after = arrays_of(case, f'{mode}/buf_after/')
        if after:
            names = PublishedNames(after, module.state_dict())
            map_(names, module)
            buffers = dict(module.named_buffers())
            checked = [n for n in names.mapped if 'running' in n]
            assert set(checked) == {n for n in buffers if 'running' in n}
            found[f'{mode}/running'] = max(
                relative(buffers[n], names.mapped[n]) for n in checked
            )
    return found


def check(found: dict[str, float], limit: float) -> float:
    """Largest deviation, after each was compared with its limit.

    Gradients of parameters are sums over all frames and joints that cancel
    to small numbers; ten times the limit holds for them in float32.
    """
    wide = 10 if limit > 1e-6 else 1
    for key, value in found.items():
        assert value < (limit * wide if key.endswith('dp') else limit), found
    return max(found.values())
