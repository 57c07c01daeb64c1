"""ONNX files: written, given their metadata, and run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmsnip.export.metadata import INPUTS, KEY, to_text
from mmsnip.export.program import export_program, quiet
from mmsnip.export.runner import Runner

__all__ = ['OPSET', 'run_onnx', 'stamp_onnx', 'write_onnx']

OPSET = 18


def write_onnx(
    scorer: nn.Module, example: tuple[Tensor, ...], path: str, about: dict
) -> None:
    """Write an ONNX file; N, M and T are free.

    Args:
        scorer (nn.Module): A `FrameScorer`.
        example (tuple[Tensor, ...]): Inputs with N, M above 1.
        path (str): File to write.
        about (dict): Metadata; ``opset`` and ``frames`` are noted in it.
    """
    import onnx

    with quiet():
        program = torch.onnx.export(
            export_program(scorer, example),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=['scores'],
        )
    model = program.model_proto
    _strip(model.graph)
    free = dict(keypoint='NMT', body_mask='NMT', num_frames='N', scores='NT')
    for value in (*model.graph.input, *model.graph.output):
        shape = value.type.tensor_type.shape.dim
        for size, letter in zip(shape, free[value.name]):
            size.dim_param = letter
    about['opset'] = next(
        entry.version for entry in model.opset_import if not entry.domain
    )
    about['frames']['min'] = 1
    model.doc_string = 'Frame scores of skeleton videos; metadata: mmsnip'
    onnx.save(model, path)


def _strip(graph: Any) -> None:
    """Remove what an exporter notes: source lines, and sizes that it saw."""
    del graph.value_info[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    for part in (*graph.input, *graph.output, *graph.initializer, graph):
        del part.metadata_props[:]


def stamp_onnx(path: str, about: Mapping[str, Any]) -> None:
    """Put the metadata into an ONNX file.

    Args:
        path (str): File, written anew.
        about (Mapping[str, Any]): Metadata.
    """
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=to_text(about))
    onnx.save(model, path)


def run_onnx(path: str) -> Runner:
    """A session of onnxruntime on the CPU.

    Args:
        path (str): File.

    Returns:
        Runner: It.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        path, options, providers=['CPUExecutionProvider']
    )
    return lambda inputs: session.run(['scores'], dict(inputs))[0]
