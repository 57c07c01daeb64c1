"""Tables of the built-in joint layouts, as plain dicts."""

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
_COCO_NAMES = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
)
_OPENPOSE_NAMES = (
    'nose',
    'neck',
    'right_shoulder',
    'right_elbow',
    'right_wrist',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'right_hip',
    'right_knee',
    'right_ankle',
    'left_hip',
    'left_knee',
    'left_ankle',
    'right_eye',
    'left_eye',
    'right_ear',
    'left_ear',
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

# `inward` holds (child, parent); `center` is the joint that the ST-GCN
# partition measures distances from, `origin` the joints whose mean
# normalisation puts at the origin.
BUILTIN: dict[str, dict[str, Any]] = {
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
    'coco': dict(
        joint_names=_COCO_NAMES,
        inward=(
            *((15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6)),
            *((9, 7), (7, 5), (10, 8), (8, 6), (5, 0), (6, 0), (1, 0)),
            *((3, 1), (2, 0), (4, 2)),
        ),
        center=0,
        origin=(11, 12),
        spine=None,
        shoulders=(6, 5),
    ),
    'openpose': dict(
        joint_names=_OPENPOSE_NAMES,
        inward=(
            *((4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9)),
            *((9, 8), (11, 5), (8, 2), (5, 1), (2, 1), (0, 1), (15, 0)),
            *((14, 0), (17, 15), (16, 14)),
        ),
        center=1,
        origin=(8, 11),
        spine=None,
        shoulders=(2, 5),
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
