"""Joint tables of depth cameras: Kinect v1 and v2.

Source:
    NTU RGB+D: the 25 joints of its own page in their order, links of
    mmaction2 1.1.0 ``models/utils/graph.py`` (``nturgb+d``) and CTR-GCN
    ``graph/ntu_rgb_d.py`` (``nturgb+d-official``). Kinect v1: joint types of
    Microsoft's SDK 1.8, in the order of their numbers; UTKinect and
    MSR-Action3D have the same joints.
"""

from __future__ import annotations

from typing import Any

_NTU_NAMES = (
    'spine_base',
    'spine_mid',
    'neck',
    'head',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'left_hand',
    'right_shoulder',
    'right_elbow',
    'right_wrist',
    'right_hand',
    'left_hip',
    'left_knee',
    'left_ankle',
    'left_foot',
    'right_hip',
    'right_knee',
    'right_ankle',
    'right_foot',
    'spine_shoulder',
    'left_hand_tip',
    'left_thumb',
    'right_hand_tip',
    'right_thumb',
)
# The published graphs list the joints of the trunk and the arms in this
# order; the two layouts differ only in the four finger joints.
_NTU_TRUNK = (
    *((0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6)),
    *((8, 20), (9, 8), (10, 9), (11, 10), (12, 0), (13, 12), (14, 13)),
    *((15, 14), (16, 0), (17, 16), (18, 17), (19, 18)),
)
_KINECT_V1_NAMES = (
    'hip_center',
    'spine',
    'shoulder_center',
    'head',
    'shoulder_left',
    'elbow_left',
    'wrist_left',
    'hand_left',
    'shoulder_right',
    'elbow_right',
    'wrist_right',
    'hand_right',
    'hip_left',
    'knee_left',
    'ankle_left',
    'foot_left',
    'hip_right',
    'knee_right',
    'ankle_right',
    'foot_right',
)

DEPTH: dict[str, dict[str, Any]] = {
    'nturgb+d': dict(
        joint_names=_NTU_NAMES,
        inward=(*_NTU_TRUNK, (21, 7), (22, 7), (23, 11), (24, 11)),
        center=20,
        origin=(1,),
        spine=(0, 1),
        shoulders=(8, 4),
    ),
    'nturgb+d-official': dict(
        joint_names=_NTU_NAMES,
        inward=(*_NTU_TRUNK, (21, 22), (22, 7), (23, 24), (24, 11)),
        center=20,
        origin=(1,),
        spine=(0, 1),
        shoulders=(8, 4),
    ),
    'kinect-v1': dict(
        joint_names=_KINECT_V1_NAMES,
        inward=(
            *((0, 1), (1, 2), (3, 2), (4, 2), (5, 4), (6, 5), (7, 6)),
            *((8, 2), (9, 8), (10, 9), (11, 10), (12, 0), (13, 12)),
            *((14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18)),
        ),
        center=2,
        origin=(0,),
        spine=(0, 1),
        shoulders=(8, 4),
    ),
}
