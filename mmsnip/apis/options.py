"""What a call of the inferencer may ask for, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmsnip.evaluation import (
    babel_detections,
    run_detections,
    viterbi_detections,
)
from mmsnip.prepare.fit import Given
from mmsnip.structures import DataError
from mmsnip.structures.errors import is_int

__all__ = ['PERSONS', 'PROPOSALS', 'Options']

PERSONS = ('joint', 'each')
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
    mirror: bool = False
    scale: float | None = None
    strict: bool = False

    @cached_property
    def given(self) -> Given:
        """What the user says of the inputs."""
        return Given(
            fps=self.fps,
            unit=self.unit,
            scale=self.scale,
            up=self.up,
            mirror=self.mirror,
            joint_map=self.map_joints,
        )

    def check(self, num_inputs: int) -> list[str | None]:
        """Refuse what cannot be; the name of each input, where it is told."""
        if not is_int(self.batch_size) or self.batch_size < 1:
            raise DataError(
                f'batch_size={self.batch_size!r} must be at least 1'
            )
        for key, known in (
            ('proposals', sorted(PROPOSALS)),
            ('persons', PERSONS),
        ):
            if getattr(self, key) not in known:
                raise DataError(
                    f'{key}={getattr(self, key)!r} is unknown; use one of '
                    f'{list(known)}'
                )
        numbers = (int, float, np.integer, np.floating, type(None))
        if not isinstance(self.score_threshold, numbers):
            raise DataError(
                f'score_threshold={self.score_threshold!r} is no number'
            )
        _ = self.given  # refused now, not for each input
        names = self.names
        if names is None:
            return [None] * num_inputs
        names = [names] if isinstance(names, str) else list(names)
        if len(names) != num_inputs:
            raise DataError(
                f'names has {len(names)} entries for {num_inputs} inputs'
            )
        return names
