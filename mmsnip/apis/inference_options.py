"""What a call of the inferencer may ask for, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmsnip.apis.joint_map import JointMap, read_joint_map
from mmsnip.apis.tracks import PERSONS
from mmsnip.conversion.hygiene import UNITS
from mmsnip.evaluation import (
    babel_detections,
    run_detections,
    viterbi_detections,
)
from mmsnip.io.recording import UP_AXES
from mmsnip.structures.errors import is_int, is_rate

__all__ = ['PROPOSALS', 'Options']

PROPOSALS = {
    'runs': run_detections,
    'sweep': babel_detections,
    'viterbi': viterbi_detections,
}


@dataclass(frozen=True)
class Options:
    """Options of `SkeletonLocalizationInferencer.__call__`, named there."""

    fps: float | None = None
    batch_size: int = 1
    proposals: str = 'runs'
    score_threshold: float | None = None
    return_scores: bool = False
    show_dir: str | os.PathLike | None = None
    names: Sequence[str] | None = None
    persons: str = 'joint'
    map_joints: str | os.PathLike | Mapping[str, Any] | None = None
    unit: str | None = None
    up: str | None = None

    @cached_property
    def joint_map(self) -> JointMap:
        """``map_joints``, understood."""
        return read_joint_map(self.map_joints)

    def check(self, num_inputs: int) -> list[str] | None:
        """Refuse what cannot be.

        Args:
            num_inputs (int): Number of inputs.

        Returns:
            list[str] | None: Their names.

        Raises:
            FileNotFoundError: If ``map_joints`` names no file.
            ValueError: If an option is out of range; it is named.
        """
        if self.fps is not None and not is_rate(self.fps):
            raise ValueError(
                f'fps={self.fps!r} must be a positive number of frames a '
                'second'
            )
        if not is_int(self.batch_size) or self.batch_size < 1:
            raise ValueError(
                f'batch_size={self.batch_size!r} must be at least 1'
            )
        for key, options in (
            ('proposals', sorted(PROPOSALS)),
            ('persons', PERSONS),
            ('unit', (None, *UNITS)),
            ('up', (None, *UP_AXES)),
        ):
            value = getattr(self, key)
            if value not in options:
                raise ValueError(
                    f'{key}={value!r} is unknown; use one of {list(options)}'
                )
        numbers = (int, float, np.integer, np.floating, type(None))
        if not isinstance(self.score_threshold, numbers):
            raise ValueError(
                f'score_threshold={self.score_threshold!r} is no number'
            )
        names = self.names
        names = [names] if isinstance(names, str) else names
        if names is not None and len(names) != num_inputs:
            raise ValueError(
                f'names has {len(names)} entries for {num_inputs} inputs'
            )
        _ = self.joint_map  # refused now, not for each input
        return None if names is None else list(names)
