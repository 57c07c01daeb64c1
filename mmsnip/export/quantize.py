"""Weights of an ONNX file in eight bits."""

from __future__ import annotations

import numpy as np

__all__ = ['quantize_weights']

# Smaller ones (biases, norms, graphs) stay as they are: they weigh nothing
# and a graph's entries count more than a filter's.
LEAST = 1024


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
        rows, scale = _to_int8(weight)
        name = tensor.name
        for part, suffix in ((rows, 'int8'), (scale, 'scale')):
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


def _to_int8(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows as int8 and the scale of each, (len(weight),) float32."""
    axes = tuple(range(1, weight.ndim))
    scale = np.abs(weight).max(axis=axes, keepdims=True) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    rows = np.clip(np.rint(weight / scale), -127, 127).astype(np.int8)
    return rows, scale.reshape(-1)
