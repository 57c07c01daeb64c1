"""What a pose JSON says of its video beside the bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmsnip.structures.errors import is_rate

__all__ = ['unpack', 'video_facts']


def unpack(document: Any) -> tuple[Any, dict[str, Any]]:
    """Take frames out of an object around them.

    Args:
        document (Any): What the JSON parser gave.

    Returns:
        tuple[Any, dict[str, Any]]: The list ``frames``, or the document; and
            ``fps`` and ``img_shape`` (h, w) where the object, or its
            ``metadata``, ``video_info`` or ``info``, says them.
    """
    info: dict[str, Any] = {}
    if not isinstance(document, Mapping):
        return document, info
    layers = [document]
    layers += [
        document[key]
        for key in ('metadata', 'video_info', 'info')
        if isinstance(document.get(key), Mapping)
    ]
    for layer in layers:
        fps = layer.get('fps', layer.get('frame_rate'))
        if is_rate(fps):
            info.setdefault('fps', float(fps))
        shape = [layer.get(key) for key in ('height', 'width')]
        if all(_is_size(side) for side in shape):
            info.setdefault('img_shape', tuple(shape))
    if isinstance(document.get('frames'), list):
        return document['frames'], info
    return document, info


def video_facts(document: Any, kind: str) -> dict[str, Any]:
    """What a document says of all its bodies.

    Args:
        document (Any): What the JSON parser gave.
        kind (str): Its format, from `recognise`.

    Returns:
        dict[str, Any]: ``joint_names`` and ``img_shape`` where given.
    """
    facts: dict[str, Any] = {}
    if not isinstance(document, Mapping):
        return facts
    names = _joint_names(document, kind)
    if names:
        facts['joint_names'] = names
    images = document['images'] if kind == 'coco' else None
    images = images if isinstance(images, list) else ()
    shapes = {
        (image.get('height'), image.get('width'))
        for image in images
        if isinstance(image, Mapping)
        and _is_size(image.get('height'))
        and _is_size(image.get('width'))
    }
    if len(shapes) == 1:
        facts['img_shape'] = shapes.pop()
    return facts


def _joint_names(document: Mapping, kind: str) -> list[str] | None:
    """Joint names that a document gives.

    Args:
        document (Mapping): MMPose's with ``meta_info``, or COCO's with
            ``categories``.
        kind (str): Its format.

    Returns:
        list[str] | None: Names in the order of the joints, None where they
            are not given, or not in full.
    """
    if kind == 'coco':
        categories = document.get('categories')
        first = categories[0] if _is_list(categories) else None
        names = first.get('keypoints') if isinstance(first, Mapping) else None
    else:
        meta = document.get('meta_info')
        names = meta.get('keypoint_id2name') if _is_map(meta) else None
        if _is_map(names):
            names = [names.get(str(v)) for v in range(len(names))]
    if not _is_list(names) or not all(isinstance(n, str) for n in names):
        return None
    return [name[:80].encode('utf-8', 'replace').decode() for name in names]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_size(value: Any) -> bool:
    number = isinstance(value, int) and not isinstance(value, bool)
    return number and 0 < value < 10**6
