"""The formats that a localizer is exported to: written, stamped, run."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmsnip.export.metadata import INPUTS, KEY, MEMBER, ExportError, to_text

__all__ = ['FORMATS', 'Format', 'check_installed', 'quantize_weights']

OPSET = 18
# Smaller weights (biases, norms, graphs) are not quantized: they weigh
# nothing, and a graph's entries count more than a filter's.
LEAST = 1024
# From keypoint, body_mask and num_frames to scores (N, T, num_classes + 1).
Runner = Callable[[Mapping[str, np.ndarray]], np.ndarray]
Example = tuple[Tensor, ...]  # inputs of a FrameScorer, N and M above 1


class Format(NamedTuple):
    """How a format is dealt with.

    ``write(scorer, example, path, about)`` notes the least T in
    ``about['frames']``, ``stamp(path, about)`` puts the metadata in,
    ``run(path)`` opens a file, and ``packages`` are needed beside torch.
    """

    suffix: str
    write: Callable[[nn.Module, Example, str, dict], None]
    stamp: Callable[[str, Mapping[str, Any]], None]
    run: Callable[[str], Runner]
    packages: tuple[str, ...] = ()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves what the exporters tell of their own affairs."""
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
def export_program(scorer: nn.Module, example: Example) -> Any:
    """Graph of a model whose N, M and T are free."""
    free = torch.export.Dim.DYNAMIC
    videos = {0: free, 1: free, 2: free}
    program = torch.export.export(
        scorer, example, dynamic_shapes=(videos, videos, {0: free})
    )
    for node in program.graph.nodes:  # paths of this machine
        node.meta.pop('stack_trace', None)
    return program


def _write_program(
    scorer: nn.Module, example: Example, path: str, about: dict
) -> None:
    with _quiet():
        program = export_program(scorer, example)
        # Torch assumes of what a size is halved to that it is not 1, so
        # there is a least T; shorter videos are padded.
        shape = next(
            node.meta['val'].shape
            for node in program.graph.nodes
            if node.name == INPUTS[0]
        )
        found = program.range_constraints.get(shape[2].node.expr)
        about['frames']['min'] = 1 if found is None else int(found.lower)
        torch.export.save(program, path)


def _stamp_program(path: str, about: Mapping[str, Any]) -> None:
    with _quiet():
        program = torch.export.load(path)
        torch.export.save(program, path, extra_files={MEMBER: to_text(about)})


def _run_program(path: str) -> Runner:
    with _quiet():
        return _run(torch.export.load(path).module())


@torch.no_grad()
def _write_torchscript(
    scorer: nn.Module, example: Example, path: str, about: dict
) -> None:
    with _quiet():
        traced = torch.jit.trace(scorer, example, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced.eval()), path)
    about['frames']['min'] = 1


def _stamp_torchscript(path: str, about: Mapping[str, Any]) -> None:
    with _quiet():
        module = torch.jit.load(path, map_location='cpu')
        torch.jit.save(module, path, _extra_files={MEMBER: to_text(about)})


def _run_torchscript(path: str) -> Runner:
    with _quiet():
        return _run(torch.jit.load(path, map_location='cpu'))


def _run(module: Callable[..., Tensor]) -> Runner:
    def run(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        tensors = [torch.from_numpy(inputs[name]) for name in INPUTS]
        with torch.no_grad():
            return module(*tensors).numpy()

    return run


def _write_onnx(
    scorer: nn.Module, example: Example, path: str, about: dict
) -> None:
    import onnx

    with _quiet():
        program = torch.onnx.export(
            export_program(scorer, example),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=['scores'],
        )
    model = program.model_proto
    graph = model.graph
    # What an exporter notes: source lines, and sizes that it saw.
    del graph.value_info[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    for part in (*graph.input, *graph.output, *graph.initializer, graph):
        del part.metadata_props[:]
    free = dict(keypoint='NMT', body_mask='NMT', num_frames='N', scores='NT')
    for value in (*graph.input, *graph.output):
        shape = value.type.tensor_type.shape.dim
        for size, letter in zip(shape, free[value.name]):
            size.dim_param = letter
    about['opset'] = next(
        entry.version for entry in model.opset_import if not entry.domain
    )
    about['frames']['min'] = 1
    model.doc_string = 'Frame scores of skeleton videos; metadata: mmsnip'
    onnx.save(model, path)


def _stamp_onnx(path: str, about: Mapping[str, Any]) -> None:
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=to_text(about))
    onnx.save(model, path)


def _run_onnx(path: str) -> Runner:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        path, options, providers=['CPUExecutionProvider']
    )
    return lambda inputs: session.run(['scores'], dict(inputs))[0]


FORMATS = {
    'onnx': Format(
        '.onnx',
        _write_onnx,
        _stamp_onnx,
        _run_onnx,
        ('onnx', 'onnxscript', 'onnxruntime'),
    ),
    'torchscript': Format(
        '.torchscript.pt',
        _write_torchscript,
        _stamp_torchscript,
        _run_torchscript,
    ),
    'exported-program': Format(
        '.pt2', _write_program, _stamp_program, _run_program
    ),
}


def check_installed(target: str) -> Format:
    """The format, where this installation can write and check it."""
    if target not in FORMATS:
        raise ExportError(f'{target!r} is unknown; use {sorted(FORMATS)}')
    form = FORMATS[target]
    lacking = [n for n in form.packages if not importlib.util.find_spec(n)]
    if lacking:
        raise ExportError(
            f'exporting to {target} needs {", ".join(form.packages)}; run: '
            f'pip install {" ".join(lacking)}'
        )
    return form


def quantize_weights(path: str) -> tuple[int, int]:
    """Store the larger weights as int8 with a scale for each row.

    Rows are output channels; ``w`` becomes ``round(w / s)`` with
    ``s = max |row| / 127``. What runs the file multiplies them out again, so
    that activations keep their precision.

    Args:
        path (str): ONNX file, written anew.

    Returns:
        tuple[int, int]: Weights that were quantized, and all of them.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    done = total = 0
    kept, nodes = [], []
    for tensor in graph.initializer:
        size = int(np.prod(tensor.dims)) if tensor.dims else 1
        is_float = tensor.data_type == onnx.TensorProto.FLOAT
        total += size * is_float
        if not is_float or len(tensor.dims) < 2 or size < LEAST:
            kept.append(tensor)
            continue
        weight = numpy_helper.to_array(tensor)
        axes = tuple(range(1, weight.ndim))
        scale = np.abs(weight).max(axis=axes, keepdims=True) / 127
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        rows = np.clip(np.rint(weight / scale), -127, 127).astype(np.int8)
        name = tensor.name
        for part, suffix in ((rows, 'int8'), (scale.reshape(-1), 'scale')):
            kept.append(numpy_helper.from_array(part, f'{name}.{suffix}'))
        nodes.append(
            helper.make_node(
                'DequantizeLinear',
                [f'{name}.int8', f'{name}.scale'],
                [name],
                name=f'{name}.dequantize',
                axis=0,
            )
        )
        done += size
    del graph.initializer[:]
    graph.initializer.extend(kept)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return done, total
