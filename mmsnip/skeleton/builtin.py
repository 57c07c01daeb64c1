"""The registry of built-in joint layouts, as plain dicts by name.

``inward`` holds (child, parent); ``center`` is the joint that the ST-GCN
partition measures distances from, ``origin`` the joints whose mean
normalisation puts at the origin, ``spine`` (bottom, top) and ``shoulders``
(right, left) the lines that it turns bodies by. Mirror pairs come from the
names.
"""

from __future__ import annotations

from typing import Any

from mmsnip.skeleton.tables_depth import DEPTH
from mmsnip.skeleton.tables_image import IMAGE
from mmsnip.skeleton.tables_model import MODEL

BUILTIN: dict[str, dict[str, Any]] = {**DEPTH, **IMAGE, **MODEL}

ALIASES = {
    'blazepose': 'mediapipe',
    'body-25': 'openpose-25',
    'body_25': 'openpose-25',
    'coco-17': 'coco',
    'coco-18': 'openpose',
    'h36m-17': 'h36m',
    'halpe26': 'halpe-26',
    'human3.6m': 'h36m',
    'kinect-20': 'kinect-v1',
    'kinect-v2': 'nturgb+d',
    'mediapipe-33': 'mediapipe',
    'ntu-25': 'nturgb+d',
    'openpose-18': 'openpose',
    'smpl': 'smpl-24',
}
