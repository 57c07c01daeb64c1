"""The whole way in one call; torch is imported at the first use of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmsnip.apis.inferencer import SkeletonLocalizationInferencer
    from mmsnip.apis.streaming import StreamingLocalizer

__all__ = ['SkeletonLocalizationInferencer', 'StreamingLocalizer']


def __getattr__(name: str) -> Any:
    if name == 'SkeletonLocalizationInferencer':
        from mmsnip.apis.inferencer import SkeletonLocalizationInferencer

        return SkeletonLocalizationInferencer
    if name == 'StreamingLocalizer':
        from mmsnip.apis.streaming import StreamingLocalizer

        return StreamingLocalizer
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
