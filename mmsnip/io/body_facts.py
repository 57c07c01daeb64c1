"""What the bodies of a whole file look like: ranges, unit, upright axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout

__all__ = ['body_facts', 'likely_unit']

# Height of a body, or its widest extent where it bends or sits.
_UNITS = {'m': (0.4, 3.0), 'cm': (40.0, 300.0), 'mm': (400.0, 3000.0)}


def likely_unit(height: float, C: int) -> str | None:
    """Unit in which a person would be as large as this.

    Args:
        height (float): Median of the largest extent of a body.
        C (int): Number of coordinates.

    Returns:
        str | None: ``m``, ``cm`` or ``mm``; in two dimensions ``pixel`` or
        ``normalized``; None where no unit fits.

    Examples:
        >>> likely_unit(1.7, 3), likely_unit(412.0, 2)
        ('m', 'pixel')
    """
    if not np.isfinite(height) or height <= 0:
        return None
    if C == 2:
        return 'pixel' if height > 4 else 'normalized'
    for unit, (low, high) in _UNITS.items():
        if low <= height <= high:
            return unit
    return None


def body_facts(
    videos: Mapping[str, Mapping[str, Any]],
    layout: SkeletonLayout | None,
    unit: Any = None,
) -> dict[str, Any]:
    """Facts about all bodies of a file.

    Args:
        videos (Mapping[str, Mapping[str, Any]]): Facts of each video, see
            `mmsnip.io.video_facts.measure_video`.
        layout (SkeletonLayout | None): Their joints.
        unit (Any): Unit that the file states.

    Returns:
        dict[str, Any]: ``shapes`` (text (M, T, V, C) without T -> videos),
        ``persons`` (number of bodies -> frames), ``absence`` (longest, in
        frames, and the video), ``low`` and ``high`` (C,), ``height`` (median
        over videos), ``usual_size`` (median sum of the bones), ``unit``
        (stated), ``likely_unit``, ``up`` (axis with its sign, or None) and
        ``up_share``, ``sides`` (frames in which left is left, frames that
        tell), ``lost_share`` (V,), ``bone_spread`` (V,) median over videos,
        ``teleports``, ``joint_jumps`` and ``frozen_frames`` (sums).
    """
    known = {n: v for n, v in videos.items() if 'digest' in v}
    shapes = Counter(
        'M={} V={} C={}'.format(*(v['shape'][i] for i in (0, 2, 3)))
        for v in known.values()
    )
    usual = Counter(v['shape'][2:] for v in known.values()).most_common(1)
    V, C = usual[0][0] if usual else (0, 0)
    C = min(C, 3)
    seen = {
        n: v
        for n, v in known.items()
        if v['bodies'] and len(v['lost']) == V and len(v['low']) == C
    }
    some = list(seen.values())
    heights = [v['height'] for v in some]
    height = float(np.median(heights)) if heights else np.nan
    sizes = [v['size'] for v in some if np.isfinite(v['size'])]
    votes = sum((v['up'] for v in some), np.zeros((max(C, 1), 2), np.int64))
    axis, down = np.unravel_index(int(votes.argmax()), votes.shape)
    bodies = sum(v['bodies'] for v in some)
    facts = dict(
        shapes=dict(shapes.most_common()),
        persons=_persons(known),
        absence=max(
            ((v['absence'][0], n) for n, v in known.items()),
            key=lambda pair: pair[0],
            default=(0, None),
        ),
        low=np.min([v['low'] for v in some], axis=0) if some else None,
        high=np.max([v['high'] for v in some], axis=0) if some else None,
        height=height,
        usual_size=float(np.median(sizes)) if sizes else None,
        unit=None if unit is None else str(unit),
        likely_unit=likely_unit(height, C),
        up='-'[: int(down)] + 'xyz'[axis] if votes.any() else None,
        up_share=float(votes.max() / votes.sum()) if votes.any() else None,
        sides=tuple(
            sum(v.get('sides', (0, 0))[i] for v in some) for i in range(2)
        ),
        lost_share=sum((v['lost'] for v in some), np.zeros(V))
        / max(bodies, 1),
        bone_spread=_median([v['bone_spread'] for v in some], V),
        joint_names=None if layout is None else list(layout.joint_names),
    )
    for key in ('teleports', 'joint_jumps'):
        facts[key] = sum(len(v[key]) for v in some)
    facts['frozen_frames'] = sum(v['frozen_frames'] for v in some)
    return facts


def _persons(videos: Mapping[str, Mapping[str, Any]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for video in videos.values():
        total.update(dict(enumerate(video['persons'].tolist())))
    return {number: n for number, n in sorted(total.items()) if n}


def _median(rows: list[np.ndarray], V: int) -> np.ndarray:
    """Median over videos of each joint, NaN where none knows it."""
    if not rows:
        return np.full(V, np.nan)
    table = np.array(rows)
    empty = np.isnan(table).all(axis=0)
    table[:, empty] = 0
    return np.where(empty, np.nan, np.nanmedian(table, axis=0))
