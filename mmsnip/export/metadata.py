"""What an exported file says about itself.

One JSON text under the key ``mmsnip``: of an ONNX file among its metadata
properties, of a TorchScript file or an exported program as the extra file
``mmsnip.json``. With it nothing else is needed to use the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmsnip import __version__
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.structures import DataError
from mmsnip.structures.plain import to_plain

__all__ = ['ExportError', 'describe', 'read_metadata', 'to_text']

KEY = 'mmsnip'
MEMBER = 'mmsnip.json'  # of the archives that torch writes
MAX_TEXT = 2**26  # bytes of the member, unpacked
INPUTS = ('keypoint', 'body_mask', 'num_frames')
SIGNATURE = dict(
    inputs=dict(
        keypoint='float32 (N, M, T, V, C): videos, persons, frames, joints, '
        'numbers, after the pipeline',
        body_mask='bool (N, M, T): where each person is there',
        num_frames='int64 (N,): frames of each video; T where none is padded',
    ),
    outputs=dict(
        scores='float32 (N, T, classes + 1): softmax, background last; '
        'frames beyond num_frames mean nothing'
    ),
)


class ExportError(DataError):
    """A model cannot be exported, or its file is not what it should be."""


def describe(
    metainfo: Mapping[str, Any],
    layout: SkeletonLayout,
    pipeline: list,
    **facts: Any,
) -> dict[str, Any]:
    """Metadata of an export, as JSON holds it; the layout is the poses'."""
    streams = [
        step.get('stream', 'joint')
        for step in pipeline
        if str(step.get('type')).endswith('SkeletonStream')
    ]
    stream = streams[-1] if streams else 'joint'
    about = dict(
        mmsnip=__version__,
        classes=[str(name) for name in metainfo['classes']],
        joint_names=list(layout.joint_names),
        parents=list(layout.parents),
        layout=layout.to_dict(),
        fps=float(metainfo['fps']),
        stream=[stream] if isinstance(stream, str) else list(stream),
        pipeline=pipeline,
        **SIGNATURE,
        **facts,
    )
    return json.loads(to_text(about))


def to_text(about: Mapping[str, Any]) -> str:
    """Metadata as JSON; numbers that are not finite are null."""
    return json.dumps(to_plain(about, for_json=True), allow_nan=False)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Metadata of an exported file.

    Args:
        path (str | os.PathLike[str]): File; its ending tells the format.

    Returns:
        dict[str, Any]: What JSON can hold: ``mmsnip`` (version),
        ``classes``, ``joint_names``, ``parents``, ``layout``, ``fps``,
        ``stream``, ``pipeline``, ``inputs``, ``outputs`` and what was
        measured.

    Raises:
        FileNotFoundError: If there is no such file.
        ExportError: If the file holds none.
    """
    path, text = Path(path), None
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    if path.suffix == '.onnx':
        import onnx

        model = onnx.load(str(path), load_external_data=False)
        text = {e.key: e.value for e in model.metadata_props}.get(KEY)
    else:  # the extra file, read without building the model
        from zipfile import ZipFile, is_zipfile

        if is_zipfile(path):
            with ZipFile(path) as archive:
                for name in archive.namelist():
                    size = archive.getinfo(name).file_size
                    if name.endswith(f'extra/{MEMBER}') and size < MAX_TEXT:
                        text = archive.read(name).decode()
    if not text:
        raise ExportError(
            f'{path} has no metadata {KEY!r}; expected a file that '
            'tools/export.py wrote'
        )
    return json.loads(text)
