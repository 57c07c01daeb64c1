"""Procedural 25-joint motion: trimmed and untrimmed sets without a download.

``body`` turns curves of joint angles into positions, ``actions`` and
``gestures`` are motion programs, ``sequence`` strings programs into a timed
video, ``dataset`` films it and writes the annotation file.
"""

from __future__ import annotations

from mmsnip.synthesis.actions import CLASSES
from mmsnip.synthesis.body import (
    JOINT_NAMES,
    PARENTS,
    Body,
    forward_kinematics,
    sample_body,
)
from mmsnip.synthesis.dataset import (
    synthesize_clip,
    synthesize_trimmed,
    synthesize_untrimmed,
    synthesize_video,
)
from mmsnip.synthesis.sequence import Take, compose_take

__all__ = [
    'CLASSES',
    'JOINT_NAMES',
    'PARENTS',
    'Body',
    'Take',
    'compose_take',
    'forward_kinematics',
    'sample_body',
    'synthesize_clip',
    'synthesize_trimmed',
    'synthesize_untrimmed',
    'synthesize_video',
]
