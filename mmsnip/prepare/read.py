"""A file as it is read for a layout: with the ends of feet where they help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmsnip.io.formats import read
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.skeleton.mapping import joint_mapping
from mmsnip.skeleton.naming import joint_parts
from mmsnip.structures import Recording

__all__ = ['read_for']


def read_for(
    path: str | os.PathLike[str],
    target: SkeletonLayout | None = None,
    **options: Any,
) -> Recording:
    """Read a file; where the layout has toes, End Sites of feet are some."""
    recording = read(path, **options)
    ends = Path(path).suffix.lower() == '.bvh' and not options.get('end_sites')
    if target is None or not ends:
        return recording
    try:
        absent = joint_mapping(recording.layout, target).absent
    except ValueError:  # no name in common
        return recording
    if not any('foot' in name or 'toe' in name.lower() for name, _ in absent):
        return recording
    whole = read(path, **{**options, 'end_sites': True})
    names, known = whole.joint_names, set(recording.joint_names)
    parts = joint_parts(names)
    kept = [
        v
        for v, name in enumerate(names)
        if name in known
        or (name.endswith('_end') and parts[v] in ((0, 'foot'), (1, 'foot')))
    ]
    place = {v: n for n, v in enumerate(kept)}
    parents = [place.get(whole.layout.parents[v], -1) for v in kept]
    layout = dict(joint_names=[names[v] for v in kept], parents=parents)
    return whole.but(
        keypoint=whole.keypoint[:, :, kept],
        present=whole.present[:, :, kept],
        layout=from_graph_cfg(layout),
        joint_names=None,
    )
