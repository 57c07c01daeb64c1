"""Run a model in the middle of training without leaving a trace."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dist import broadcast, get_world_size
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; modes and random states are put back.

    Args:
        model (nn.Module): The model.

    Yields:
        None: Whatever is drawn inside was never drawn.
    """
    modes = [(module, module.training) for module in model.modules()]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = []
    if torch.cuda.is_available():
        devices = [torch.cuda.current_device()]
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            model.eval()
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for module, training in modes:
            module.training = training


@contextmanager
def main_statistics(model: nn.Module) -> Iterator[None]:
    """Batch norm statistics of the main process, on every process.

    Plain batch norm counts on each process what that process sees.

    Args:
        model (nn.Module): The model, its own statistics are put back.

    Yields:
        None: The statistics agree inside.
    """
    if get_world_size() == 1:
        yield
        return
    buffers = [
        buffer
        for module in model.modules()
        if isinstance(module, _BatchNorm)
        for buffer in module.buffers(recurse=False)
    ]
    own = [buffer.clone() for buffer in buffers]
    try:
        for buffer in buffers:
            broadcast(buffer)
        yield
    finally:
        for buffer, values in zip(buffers, own):
            buffer.copy_(values)
