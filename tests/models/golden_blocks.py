"""Runs one golden block case and measures how far we are from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from tests.parity import INFORMATIVE, Parity, error


def case_of(archive: Mapping[str, np.ndarray], config: str) -> dict:
    """Arrays of one configuration, by the names behind its own."""
    return {
        key[len(config) + 1 :]: archive[key]
        for key in archive
        if key.startswith(f'{config}/') and not INFORMATIVE.search(key)
    }


def unpacked(archive: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of a committed block, float32.

    Its small arrays are stored as one vector, parameters in half precision
    first, with names and shapes beside it: a member of an archive costs 250
    bytes more than its numbers.
    """
    case = {key: archive[key] for key in archive if 'packed/' not in key}
    values = np.concatenate([archive['packed/half'], archive['packed/single']])
    start = 0
    for name, shape in zip(archive['packed/names'], archive['packed/shapes']):
        shape = shape[: np.count_nonzero(shape)]
        end = start + int(np.prod(shape))
        case[name.decode()] = values[start:end].reshape(shape)
        start = end
    return {key: value.astype(np.float32) for key, value in case.items()}


def arrays_of(case: Mapping[str, np.ndarray], folder: str) -> dict:
    """Tensors below a folder of an archive."""
    return {
        key[len(folder) :]: torch.as_tensor(np.asarray(case[key]))
        for key in case
        if key.startswith(folder)
    }


def fill(module: nn.Module, entries: Mapping[str, Tensor]) -> None:
    """Load published entries; all are used and none is missing."""
    wanted = module.state_dict()
    assert set(entries) <= set(wanted), set(entries) - set(wanted)
    assert {key.split('.')[-1] for key in set(wanted) - set(entries)} <= {
        'A',
        'num_batches_tracked',
    }
    module.load_state_dict(dict(entries), strict=False)


def relative(found: Tensor, expected: Tensor, scale: float = 0.0) -> float:
    """Largest deviation over the largest expected magnitude."""
    assert found.shape == expected.shape
    size = max(expected.abs().max().item(), scale)
    apart = error(found.detach().numpy(), expected.float().numpy())
    return apart.max().item() / size


def deviations(
    case: Mapping[str, np.ndarray],
    build: Callable[[], nn.Module],
    dtype: torch.dtype,
    run: Callable[[nn.Module, Tensor], Tensor] | None = None,
) -> dict[str, float]:
    """Deviation of each golden quantity of a case.

    ``case`` has the keys behind ``<cfg>/``; each is compared or fed.
    """
    found: dict[str, float] = {}
    fed = {'x', 'gy', *(key for key in case if key.startswith('sd/'))}
    for mode in ('eval', 'train'):
        if f'{mode}/y' not in case:
            continue
        module = build()
        fill(module, arrays_of(case, 'sd/'))
        module = module.to(dtype).train(mode == 'train')
        x = torch.as_tensor(np.asarray(case['x'])).to(dtype).requires_grad_()
        y = module(x) if run is None else run(module, x)
        for key, cotangent in (
            ('dx_sumsq', 2 * y.detach()),
            ('dx_vjp', torch.as_tensor(case['gy']).to(dtype)),
        ):
            if f'{mode}/{key}' in case:
                (dx,) = torch.autograd.grad(y, x, cotangent, retain_graph=True)
                found[f'{mode}/{key}'] = relative(
                    dx, torch.as_tensor(case[f'{mode}/{key}'])
                )
        found[f'{mode}/y'] = relative(
            y.detach(), torch.as_tensor(case[f'{mode}/y'])
        )
        y.backward(cotangent)
        expected = arrays_of(case, f'{mode}/dp_vjp/')
        if expected:
            params = {
                n: p for n, p in module.named_parameters() if p.requires_grad
            }
            assert set(expected) == set(params)
            largest = max(g.abs().max().item() for g in expected.values())
            worst = 0.0
            for name, target in expected.items():
                # A bias before a batch norm has no gradient at all.
                is_zero = target.abs().max() < 1e-9 * largest
                scale = largest if is_zero else 0.0
                worst = max(worst, relative(params[name].grad, target, scale))
            found[f'{mode}/dp_vjp'] = worst
        after = arrays_of(case, f'{mode}/buf_after/')
        if after:
            buffers = dict(module.named_buffers())
            checked = {n for n in after if 'running' in n}
            assert checked == {n for n in buffers if 'running' in n}
            found[f'{mode}/buf_after'] = max(
                relative(buffers[n], after[n]) for n in checked
            )
    compared = {
        key
        for key in case
        if any(key == name or key.startswith(f'{name}/') for name in found)
    }
    left = {key for key in case if not INFORMATIVE.search(key)}
    assert left == fed | compared, left - fed - compared
    return found


def limit_of(key: str, limit: float) -> float:
    """Largest deviation that is allowed of a quantity.

    Gradients of parameters are sums over all frames and joints that cancel
    to small numbers; ten times the limit holds for them in float32.
    """
    return limit * 10 if limit > 1e-6 and key.endswith('dp_vjp') else limit


def check(found: dict[str, float], limit: float) -> float:
    """Largest deviation, after each was compared with its limit."""
    for key, value in found.items():
        assert value < limit_of(key, limit), found
    return max(found.values())


def report(
    parity: Parity,
    config: str,
    dtype: torch.dtype,
    found: dict[str, float],
    limit: float,
) -> None:
    """Compare each quantity with its limit, one line a configuration."""
    case = f'{config} {str(dtype).split(".")[-1]}'
    for key, value in found.items():
        parity.add(case, value, limit_of(key, limit), key)
