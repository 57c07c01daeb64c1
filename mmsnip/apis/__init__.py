"""The whole way in one call: command lines and inference."""

from mmsnip.apis.inferencer import SkeletonLocalizationInferencer
from mmsnip.apis.streaming import StreamingLocalizer

__all__ = ['SkeletonLocalizationInferencer', 'StreamingLocalizer']
