"""Which stream a pipeline shows, read and set from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ['in_stream', 'streams_of']


def _is_stream(step: Any) -> bool:
    return isinstance(step, Mapping) and str(step.get('type')).endswith(
        'SkeletonStream'
    )


def streams_of(pipeline: Any) -> set[tuple[str, ...]]:
    """Streams of every `SkeletonStream`, those inside of views among them.

    Args:
        pipeline (Any): Transforms as configs have them.

    Returns:
        set[tuple[str, ...]]: One tuple a different setting.

    Examples:
        >>> streams_of([dict(type='SkeletonStream', stream='bone')])
        {('bone',)}
    """
    if _is_stream(pipeline):
        stream = pipeline.get('stream', 'joint')
        return {(stream,) if isinstance(stream, str) else tuple(stream)}
    if isinstance(pipeline, Mapping):
        pipeline = list(pipeline.values())
    if not isinstance(pipeline, (list, tuple)):
        return set()
    return {stream for step in pipeline for stream in streams_of(step)}


def in_stream(pipeline: Any, stream: str | Sequence[str]) -> Any:
    """A copy of a pipeline that shows another stream.

    Args:
        pipeline (Any): Transforms as configs have them.
        stream (str | Sequence[str]): As of `SkeletonStream`.

    Returns:
        Any: The transforms, every `SkeletonStream` set.

    Raises:
        ValueError: If the pipeline has none.

    Examples:
        >>> in_stream([dict(type='SkeletonStream', stream='joint')], 'bone')
        [{'type': 'SkeletonStream', 'stream': 'bone'}]
    """
    if not streams_of(pipeline):
        raise ValueError(
            'the pipeline has no SkeletonStream whose stream could be set; '
            'add one before PackSkeletonInputs'
        )
    return _set(pipeline, stream)


def _set(step: Any, stream: str | Sequence[str]) -> Any:
    if _is_stream(step):
        return {**step, 'stream': stream}
    if isinstance(step, Mapping):
        return {key: _set(value, stream) for key, value in step.items()}
    if isinstance(step, (list, tuple)):
        return [_set(value, stream) for value in step]
    return step
