"""Localizers: backbone, neck and head in one model."""

from __future__ import annotations

from mmsnip.models.localizers.skeleton_localizer import SkeletonLocalizer

__all__ = ['SkeletonLocalizer']
