"""Joint tables of body models and motion capture: SMPL, Human3.6M.

Source:
    SMPL: kinematic tree of the model file and the joint names of the
    ``smplx`` package; 22 joints are those of SMPL-H without fingers, as
    AMASS has them. Human3.6M: the 17 of its 32 joints that the field keeps
    (VideoPose3D, mmpose); joint 9 is called neck or nose, joint 10 is the
    top of the head.
"""

from __future__ import annotations

from typing import Any

_SMPL_NAMES = (
    *('pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee'),
    *('right_knee', 'spine2', 'left_ankle', 'right_ankle', 'spine3'),
    *('left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar'),
    *('head', 'left_shoulder', 'right_shoulder', 'left_elbow'),
    *('right_elbow', 'left_wrist', 'right_wrist', 'left_hand', 'right_hand'),
)
_SMPL_LINKS = (
    *((1, 0), (2, 0), (3, 0), (4, 1), (5, 2), (6, 3), (7, 4), (8, 5)),
    *((9, 6), (10, 7), (11, 8), (12, 9), (13, 9), (14, 9), (15, 12)),
    *((16, 13), (17, 14), (18, 16), (19, 17), (20, 18), (21, 19)),
    *((22, 20), (23, 21)),
)
_SMPL_LINES = dict(center=0, origin=(0,), spine=(0, 3), shoulders=(17, 16))
_H36M_NAMES = (
    *('pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip'),
    *('left_knee', 'left_ankle', 'spine', 'thorax', 'neck', 'head_top'),
    *('left_shoulder', 'left_elbow', 'left_wrist', 'right_shoulder'),
    *('right_elbow', 'right_wrist'),
)

MODEL: dict[str, dict[str, Any]] = {
    'smpl-22': dict(
        joint_names=_SMPL_NAMES[:22],
        inward=_SMPL_LINKS[:21],
        **_SMPL_LINES,
    ),
    'smpl-24': dict(
        joint_names=_SMPL_NAMES, inward=_SMPL_LINKS, **_SMPL_LINES
    ),
    'h36m': dict(
        joint_names=_H36M_NAMES,
        inward=(
            *((1, 0), (2, 1), (3, 2), (4, 0), (5, 4), (6, 5), (7, 0)),
            *((8, 7), (9, 8), (10, 9), (11, 8), (12, 11), (13, 12)),
            *((14, 8), (15, 14), (16, 15)),
        ),
        center=0,
        origin=(0,),
        spine=(0, 7),
        shoulders=(14, 11),
    ),
}
