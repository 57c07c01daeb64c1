"""Where the random numbers of a transform come from."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

_GENERATORS: dict[tuple[int, int, int], np.random.Generator] = {}


def sample_rng(results: dict[str, Any]) -> np.random.Generator:
    """Generator that the transforms of a sample draw from.

    ``results['rng']`` where the data set put one there. Else, in a worker of
    a loader, one generator for the life of that worker, seeded by torch's
    seed of the worker, which is new in every epoch; in the main process a
    new one, seeded by a number out of torch's global generator. Both are
    kept apart by the rank of the process. NumPy's global state is never
    asked: mmengine seeds it alike at the start of every epoch.

    Args:
        results (dict[str, Any]): Sample of a pipeline.

    Returns:
        np.random.Generator: Not shared with any other worker.
    """
    rng = results.get('rng')
    if rng is not None:
        return rng
    rank = int(os.environ.get('RANK', '0'))
    worker = torch.utils.data.get_worker_info()
    if worker is None:
        seed = int(torch.randint(2**63 - 1, ()))
        return np.random.default_rng([seed, rank])
    key = (os.getpid(), worker.seed, rank)
    if key not in _GENERATORS:
        _GENERATORS.clear()
        _GENERATORS[key] = np.random.default_rng([worker.seed, rank])
    return _GENERATORS[key]
