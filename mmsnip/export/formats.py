"""The formats that a localizer is exported to."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import torch

from mmsnip.export.errors import ExportError
from mmsnip.export.onnx_file import run_onnx, stamp_onnx, write_onnx
from mmsnip.export.program import (
    run_program,
    run_torchscript,
    stamp_program,
    stamp_torchscript,
    write_program,
    write_torchscript,
)
from mmsnip.export.runner import Runner

__all__ = ['FORMATS', 'Format', 'check_installed']


class Format(NamedTuple):
    """How a format is dealt with.

    Attributes:
        suffix (str): Ending of its files.
        write (Callable): ``write(scorer, example, path, about)``.
        stamp (Callable): ``stamp(path, about)`` puts the metadata in.
        run (Callable): ``run(path)`` opens it.
        packages (tuple[str, ...]): What it needs beside torch.
        torch (tuple[int, int]): Lowest torch.
    """

    suffix: str
    write: Callable[..., None]
    stamp: Callable[..., None]
    run: Callable[[str], Runner]
    packages: tuple[str, ...] = ()
    torch: tuple[int, int] = (1, 13)


FORMATS = {
    'onnx': Format(
        '.onnx',
        write_onnx,
        stamp_onnx,
        run_onnx,
        ('onnx', 'onnxscript', 'onnxruntime'),
        (2, 6),
    ),
    'torchscript': Format(
        '.torchscript.pt', write_torchscript, stamp_torchscript,
        run_torchscript,
    ),
    'exported-program': Format(
        '.pt2', write_program, stamp_program, run_program, torch=(2, 6)
    ),
}  # fmt: skip


def check_installed(target: str) -> Format:
    """The format, where this installation can write and check it.

    Args:
        target (str): Key of `FORMATS`.

    Returns:
        Format: Of this name.

    Raises:
        ExportError: If it is unknown, or naming what to install.
    """
    if target not in FORMATS:
        raise ExportError(f'{target!r} is unknown; use {sorted(FORMATS)}')
    form = FORMATS[target]
    lacking = [n for n in form.packages if not importlib.util.find_spec(n)]
    if lacking:
        raise ExportError(
            f'exporting to {target} needs {", ".join(form.packages)}; run: '
            f'pip install {" ".join(lacking)}'
        )
    found = tuple(int(n) for n in torch.__version__.split('.')[:2])
    if found < form.torch:
        lowest = '.'.join(map(str, form.torch))
        raise ExportError(
            f'exporting to {target} needs torch {lowest} or newer, this is '
            f'{torch.__version__}; torchscript works with any'
        )
    return form
