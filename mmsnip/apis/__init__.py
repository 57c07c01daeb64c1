"""The whole way in one call: command lines and inference."""

from mmsnip.apis.inferencer import SkeletonLocalizationInferencer

__all__ = ['SkeletonLocalizationInferencer']
