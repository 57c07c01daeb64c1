"""Values as builtin types, for JSON and for checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ['to_plain']


def to_plain(value: Any, for_json: bool = False) -> Any:
    """Value with builtin types only."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if for_json and hasattr(value, 'to_dict'):
        value = value.to_dict()
    if for_json and hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, Mapping):
        key = str if for_json else to_plain
        return {key(k): to_plain(v, for_json) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item, for_json) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((to_plain(v, for_json) for v in value), key=str)
    if for_json and isinstance(value, float) and not math.isfinite(value):
        return None
    return value
