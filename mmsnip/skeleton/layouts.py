"""The built-in joint layouts, as plain dicts by name.

``inward`` holds (child, parent); ``center`` is the joint that the ST-GCN
partition measures distances from, ``origin`` the joints whose mean
normalisation puts at the origin, ``spine`` (bottom, top) and ``shoulders``
(right, left) the lines that it turns bodies by. Mirror pairs come from the
names.

Source:
    NTU RGB+D: the 25 joints of its own page in their order, links of
    mmaction2 1.1.0 ``models/utils/graph.py`` (``nturgb+d``) and CTR-GCN
    ``graph/ntu_rgb_d.py`` (``nturgb+d-official``). Kinect v1: joint types of
    Microsoft's SDK 1.8; UTKinect and MSR-Action3D have the same joints.
    COCO: keypoint names of its annotation files. OpenPose: COCO (18) and
    BODY_25 tables of ``doc/02_output.md``; its neck is the middle of the
    shoulders. Links of COCO and OpenPose 18 as in mmaction2 1.1.0. Halpe: 26
    body joints of the Halpe-FullBody data set (AlphaPose); its head is the
    top of the head. MediaPipe: the 33 landmarks of the Pose Landmarker guide.
    SMPL: kinematic tree of the model file and the joint names of the
    ``smplx`` package; 22 joints are those of SMPL-H without fingers, as
    AMASS has them. Human3.6M: the 17 of its 32 joints that the field keeps
    (VideoPose3D, mmpose); joint 9 is called neck or nose, joint 10 is the
    top of the head.
"""

from __future__ import annotations

from typing import Any


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NTU = _names("""
spine_base spine_mid neck head left_shoulder left_elbow left_wrist left_hand
right_shoulder right_elbow right_wrist right_hand left_hip left_knee left_ankle
left_foot right_hip right_knee right_ankle right_foot spine_shoulder
left_hand_tip left_thumb right_hand_tip right_thumb
""")
# The published graphs list the joints of the trunk and the arms in this
# order; the two layouts differ only in the four finger joints.
_NTU_TRUNK = (
    *((0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6)),
    *((8, 20), (9, 8), (10, 9), (11, 10), (12, 0), (13, 12), (14, 13)),
    *((15, 14), (16, 0), (17, 16), (18, 17), (19, 18)),
)
_NTU_LINES = dict(center=20, origin=(1,), spine=(0, 1), shoulders=(8, 4))
_KINECT_V1 = _names("""
hip_center spine shoulder_center head shoulder_left elbow_left wrist_left
hand_left shoulder_right elbow_right wrist_right hand_right hip_left knee_left
ankle_left foot_left hip_right knee_right ankle_right foot_right
""")
_COCO = _names("""
nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder
left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee
right_knee left_ankle right_ankle
""")
_OPENPOSE = _names("""
nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow
left_wrist right_hip right_knee right_ankle left_hip left_knee left_ankle
right_eye left_eye right_ear left_ear
""")
_OPENPOSE_25 = [
    *(*_OPENPOSE[:8], 'mid_hip', *_OPENPOSE[8:]),
    *('left_big_toe', 'left_small_toe', 'left_heel'),
    *('right_big_toe', 'right_small_toe', 'right_heel'),
]
_HALPE = [
    *(*_COCO, 'head_top', 'neck', 'mid_hip', 'left_big_toe'),
    *('right_big_toe', 'left_small_toe', 'right_small_toe'),
    *('left_heel', 'right_heel'),
]
_MEDIAPIPE = _names("""
nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye
right_eye_outer left_ear right_ear mouth_left mouth_right left_shoulder
right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky
right_pinky left_index right_index left_thumb right_thumb left_hip right_hip
left_knee right_knee left_ankle right_ankle left_heel right_heel
left_foot_index right_foot_index
""")
_SMPL = _names("""
pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle
right_ankle spine3 left_foot right_foot neck left_collar right_collar head
left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist
left_hand right_hand
""")
_SMPL_LINKS = (
    *((1, 0), (2, 0), (3, 0), (4, 1), (5, 2), (6, 3), (7, 4), (8, 5)),
    *((9, 6), (10, 7), (11, 8), (12, 9), (13, 9), (14, 9), (15, 12)),
    *((16, 13), (17, 14), (18, 16), (19, 17), (20, 18), (21, 19)),
    *((22, 20), (23, 21)),
)
_SMPL_LINES = dict(center=0, origin=(0,), spine=(0, 3), shoulders=(17, 16))
_H36M = _names("""
pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine
thorax neck head_top left_shoulder left_elbow left_wrist right_shoulder
right_elbow right_wrist
""")

BUILTIN: dict[str, dict[str, Any]] = {
    'nturgb+d': dict(
        joint_names=_NTU,
        inward=(*_NTU_TRUNK, (21, 7), (22, 7), (23, 11), (24, 11)),
        **_NTU_LINES,
    ),
    'nturgb+d-official': dict(
        joint_names=_NTU,
        inward=(*_NTU_TRUNK, (21, 22), (22, 7), (23, 24), (24, 11)),
        **_NTU_LINES,
    ),
    'kinect-v1': dict(
        joint_names=_KINECT_V1,
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
    'coco': dict(
        joint_names=_COCO,
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
        joint_names=_OPENPOSE,
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
    'openpose-25': dict(
        joint_names=_OPENPOSE_25,
        inward=(
            *((4, 3), (3, 2), (2, 1), (7, 6), (6, 5), (5, 1), (8, 1)),
            *((11, 10), (10, 9), (9, 8), (14, 13), (13, 12), (12, 8)),
            *((0, 1), (15, 0), (17, 15), (16, 0), (18, 16), (19, 14)),
            *((20, 19), (21, 14), (22, 11), (23, 22), (24, 11)),
        ),
        center=1,
        origin=(8,),
        spine=(8, 1),
        shoulders=(2, 5),
    ),
    'halpe-26': dict(
        joint_names=_HALPE,
        inward=(
            *((0, 18), (17, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 18)),
            *((6, 18), (7, 5), (8, 6), (9, 7), (10, 8), (19, 18), (11, 19)),
            *((12, 19), (13, 11), (14, 12), (15, 13), (16, 14), (20, 15)),
            *((21, 16), (22, 20), (23, 21), (24, 15), (25, 16)),
        ),
        center=18,
        origin=(19,),
        spine=(19, 18),
        shoulders=(6, 5),
    ),
    'mediapipe': dict(
        joint_names=_MEDIAPIPE,
        inward=(
            *((1, 0), (2, 1), (3, 2), (7, 3), (4, 0), (5, 4), (6, 5)),
            *((8, 6), (9, 0), (10, 0), (11, 0), (12, 0), (13, 11)),
            *((14, 12), (15, 13), (16, 14), (17, 15), (18, 16), (19, 15)),
            *((20, 16), (21, 15), (22, 16), (23, 11), (24, 12), (25, 23)),
            *((26, 24), (27, 25), (28, 26), (29, 27), (30, 28), (31, 27)),
            (32, 28),
        ),
        center=0,
        origin=(23, 24),
        spine=None,
        shoulders=(12, 11),
    ),
    'smpl-22': dict(
        joint_names=_SMPL[:22],
        inward=_SMPL_LINKS[:21],
        **_SMPL_LINES,
    ),
    'smpl-24': dict(joint_names=_SMPL, inward=_SMPL_LINKS, **_SMPL_LINES),
    'h36m': dict(
        joint_names=_H36M,
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
