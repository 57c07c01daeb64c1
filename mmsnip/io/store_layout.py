"""Which tensors a store has, and the rules between their sizes.

For N videos whose joints are R rows, a row being one person in one frame:

- ``keypoint`` (R, V, C) F32 or F16, filled up to a multiple of 4 rows. A
  video is one block of T * M rows, frame after frame, so that a window of it
  is one stretch of bytes. ``row_offsets`` (N + 1) cut the blocks, ``persons``
  (N) is M, ``body_mask`` (R) tells rows that are not all zero.
- ``keypoint_score`` (.., V), cut by ``score_offsets``: only where any video
  has scores.
- ``segments`` (.., 2) and ``segment_labels``, cut by ``segment_offsets``;
  ``has_segments`` (N) is 0 for a video without, 1 for one with none or more.
- ``label`` (N), -1 for none; ``fps`` (N), NaN for none.
- ``names`` UTF-8, cut by ``name_offsets``; ``name_order`` (N) sorts them.
- ``fields``: all other fields of a video as JSON, cut by ``field_offsets``.
- ``split/NAME``: indices of a split's videos.

The header's text has ``format``, ``version`` and ``metainfo`` (JSON).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmsnip.io.tensor_file import Place, refuse

__all__ = [
    'FORMAT',
    'SPLIT',
    'VERSION',
    'check_format',
    'check_layout',
    'check_offsets',
]

FORMAT, VERSION = 'mmsnip-store', '1'
SPLIT = 'split/'  # in front of the name of a split's tensor
_FLOATS = ('F32', 'F16')
# Type and number of axes of each tensor that every store has.
_TENSORS = dict(
    keypoint=(_FLOATS, 3),
    row_offsets=('I64', 1),
    segments=('I64', 2),
    segment_labels=('I64', 1),
    segment_offsets=('I64', 1),
    label=('I64', 1),
    name_offsets=('I64', 1),
    name_order=('I64', 1),
    field_offsets=('I64', 1),
    fps=('F64', 1),
    persons=('I32', 1),
    has_segments=('U8', 1),
    body_mask=('U8', 1),
    names=('U8', 1),
    fields=('U8', 1),
)
_SCORES = dict(keypoint_score=(_FLOATS, 2), score_offsets=('I64', 1))
_PACK = 'pack the annotation file again'


def check_format(path: Any, metadata: Mapping[str, str]) -> None:
    """Refuse a safetensors file that is no store, or a later one.

    Args:
        path (str | os.PathLike[str]): File, for messages.
        metadata (Mapping[str, str]): Text of its header.

    Raises:
        AnnotationError: If it is another file.
    """
    found = metadata.get('format')
    if found != FORMAT:
        remedy = 'write one with tools/prepare_data.py pack'
        raise refuse(
            path, '__metadata__.format', repr(found), repr(FORMAT), remedy
        )
    version = metadata.get('version')
    if version != VERSION:
        remedy = 'update mmsnip, or pack the annotation file again'
        raise refuse(
            path, '__metadata__.version', repr(version), VERSION, remedy
        )


def check_layout(path: Any, places: Mapping[str, Place]) -> None:
    """Refuse types and shapes that do not fit together; O(1).

    Args:
        path (str | os.PathLike[str]): File, for messages.
        places (Mapping[str, Place]): Of its tensors.

    Raises:
        AnnotationError: If a tensor is missing or misshapen.
    """
    wanted = dict(_TENSORS)
    if 'keypoint_score' in places or 'score_offsets' in places:
        wanted.update(_SCORES)
    wanted.update(
        {name: ('I64', 1) for name in places if name.startswith(SPLIT)}
    )
    for name, (types, axes) in wanted.items():
        place = places.get(name)
        expected = f'{" or ".join(np.atleast_1d(types))} with {axes} axes'
        if place is None:
            raise refuse(path, name, 'nothing', expected, _PACK)
        if place.dtype not in types or len(place.shape) != axes:
            found = f'{place.dtype} of shape {place.shape}'
            raise refuse(path, name, found, expected, _PACK)

    N = places['persons'].shape[0]
    rows, V = places['keypoint'].shape[:2]
    lengths = dict.fromkeys(('label', 'name_order', 'fps', 'has_segments'), N)
    lengths.update(
        {name: N + 1 for name in wanted if name.endswith('_offsets')}
    )
    lengths['segments'] = places['segment_labels'].shape[0]
    for name, length in lengths.items():
        if places[name].shape[0] != length:
            found = f'{places[name].shape[0]} entries'
            raise refuse(path, name, found, f'{length} entries', _PACK)
    if N == 0 or 0 in places['keypoint'].shape:
        raise refuse(path, 'persons', 'no video', 'at least one', _PACK)
    for name, ending in (
        ('keypoint', (V, places['keypoint'].shape[2])),
        ('segments', (2,)),
        ('keypoint_score', (V,)),
    ):
        if name in wanted and places[name].shape[1:] != ending:
            found = f'shape {places[name].shape}'
            raise refuse(path, name, found, f'an end of {ending}', _PACK)
    if places['body_mask'].shape[0] > rows:
        found = f'{places["body_mask"].shape[0]} rows'
        raise refuse(path, 'body_mask', found, f'at most {rows} rows', _PACK)


def check_offsets(
    path: Any, name: str, offsets: np.ndarray, length: int
) -> np.ndarray:
    """Refuse offsets that leave their tensor.

    Args:
        path (str | os.PathLike[str]): File, for messages.
        name (str): Tensor of the offsets.
        offsets (np.ndarray): (num_videos + 1,) int64.
        length (int): Entries of the tensor that they cut.

    Returns:
        np.ndarray: The same offsets.

    Raises:
        AnnotationError: If they do not begin at 0, decrease, or end behind
            the tensor.
    """
    falls = offsets[1:] < offsets[:-1]
    if offsets[0] != 0 or offsets[-1] > length or falls.any():
        row = int(falls.argmax()) + 1 if falls.any() else 0
        found = f'{int(offsets[0])}..{int(offsets[-1])}, around row {row}'
        expected = f'ascending places in 0..{length}'
        raise refuse(path, name, found, expected, _PACK)
    return offsets
