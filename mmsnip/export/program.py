"""Graphs that torch takes from a model, and torch's own files of them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmsnip.export.metadata import INPUTS, MEMBER, to_text
from mmsnip.export.runner import Runner

__all__ = [
    'export_program',
    'quiet',
    'run_program',
    'run_torchscript',
    'stamp_program',
    'stamp_torchscript',
    'write_program',
    'write_torchscript',
]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to ourselves what the exporters tell of their own affairs.

    Yields:
        None: Warnings and logs of torch are off inside.
    """
    logger = logging.getLogger('torch')
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


@torch.no_grad()
def export_program(scorer: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """Graph of a model whose N, M and T are free.

    Args:
        scorer (nn.Module): A `FrameScorer`.
        example (tuple[Tensor, ...]): Inputs with N, M above 1.

    Returns:
        torch.export.ExportedProgram: The graph.
    """
    free = torch.export.Dim.DYNAMIC
    videos = {0: free, 1: free, 2: free}
    program = torch.export.export(
        scorer, example, dynamic_shapes=(videos, videos, {0: free})
    )
    for node in program.graph.nodes:  # paths of this machine
        node.meta.pop('stack_trace', None)
    return program


def write_program(
    scorer: nn.Module, example: tuple[Tensor, ...], path: str, about: dict
) -> None:
    """Write an exported program.

    Torch assumes of what a size is halved to that it is not 1, so there is a
    least T; shorter videos are padded.

    Args:
        scorer (nn.Module): A `FrameScorer`.
        example (tuple[Tensor, ...]): Inputs with N, M above 1.
        path (str): File to write.
        about (dict): Metadata; ``frames`` is noted in it.
    """
    with quiet():
        program = export_program(scorer, example)
        about['frames']['min'] = _least_frames(program)
        torch.export.save(program, path)


def _least_frames(program: Any) -> int:
    """Lower bound of T that tracing brought."""
    shape = next(
        node.meta['val'].shape
        for node in program.graph.nodes
        if node.name == INPUTS[0]
    )
    ranges = program.range_constraints
    found = ranges.get(shape[2].node.expr)
    return 1 if found is None else int(found.lower)


def stamp_program(path: str, about: Mapping[str, Any]) -> None:
    """Put the metadata into an exported program.

    Args:
        path (str): File, written anew.
        about (Mapping[str, Any]): Metadata.
    """
    with quiet():
        program = torch.export.load(path)
        torch.export.save(
            program, path, extra_files={MEMBER: to_text(about)}
        )


def run_program(path: str) -> Runner:
    """An exported program, loaded.

    Args:
        path (str): File.

    Returns:
        Runner: It.
    """
    with quiet():
        return _run(torch.export.load(path).module())


@torch.no_grad()
def write_torchscript(
    scorer: nn.Module, example: tuple[Tensor, ...], path: str, about: dict
) -> None:
    """Write a traced TorchScript file.

    Args:
        scorer (nn.Module): A `FrameScorer`.
        example (tuple[Tensor, ...]): Inputs with N, M above 1.
        path (str): File to write.
        about (dict): Metadata; ``frames`` is noted in it.
    """
    with quiet():
        traced = torch.jit.trace(scorer, example, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced.eval()), path)
    about['frames']['min'] = 1


def stamp_torchscript(path: str, about: Mapping[str, Any]) -> None:
    """Put the metadata into a TorchScript file.

    Args:
        path (str): File, written anew.
        about (Mapping[str, Any]): Metadata.
    """
    with quiet():
        module = torch.jit.load(path, map_location='cpu')
        torch.jit.save(module, path, _extra_files={MEMBER: to_text(about)})


def run_torchscript(path: str) -> Runner:
    """A TorchScript file, loaded.

    Args:
        path (str): File.

    Returns:
        Runner: It.
    """
    with quiet():
        return _run(torch.jit.load(path, map_location='cpu'))


def _run(module: Callable[..., Tensor]) -> Runner:
    def run(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        tensors = [torch.from_numpy(inputs[name]) for name in INPUTS]
        with torch.no_grad():
            return module(*tensors).numpy()

    return run
