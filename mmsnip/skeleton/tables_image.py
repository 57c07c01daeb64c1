"""Joint tables of detectors in images: COCO, OpenPose, Halpe, MediaPipe.

Source:
    COCO: keypoint names of its annotation files. OpenPose: COCO (18) and
    BODY_25 tables of ``doc/02_output.md``; its neck is the middle of the
    shoulders. Links of COCO and OpenPose 18 as in mmaction2 1.1.0
    ``models/utils/graph.py``. Halpe: 26 body joints of the Halpe-FullBody
    data set (AlphaPose); its head is the top of the head. MediaPipe: the 33
    landmarks of the Pose Landmarker guide.
"""

from __future__ import annotations

from typing import Any

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
_FEET = ('big_toe', 'small_toe', 'heel')
_OPENPOSE_25_NAMES = (
    *_OPENPOSE_NAMES[:8],
    'mid_hip',
    *_OPENPOSE_NAMES[8:],
    *(f'left_{part}' for part in _FEET),
    *(f'right_{part}' for part in _FEET),
)
_HALPE_NAMES = (
    *_COCO_NAMES,
    'head_top',
    'neck',
    'mid_hip',
    *(f'{side}_{part}' for part in _FEET for side in ('left', 'right')),
)
_MEDIAPIPE_NAMES = (
    'nose',
    *('left_eye_inner', 'left_eye', 'left_eye_outer'),
    *('right_eye_inner', 'right_eye', 'right_eye_outer'),
    *('left_ear', 'right_ear', 'mouth_left', 'mouth_right'),
    *(
        f'{side}_{part}'
        for part in (
            *('shoulder', 'elbow', 'wrist', 'pinky', 'index', 'thumb'),
            *('hip', 'knee', 'ankle', 'heel', 'foot_index'),
        )
        for side in ('left', 'right')
    ),
)

IMAGE: dict[str, dict[str, Any]] = {
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
    'openpose-25': dict(
        joint_names=_OPENPOSE_25_NAMES,
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
        joint_names=_HALPE_NAMES,
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
        joint_names=_MEDIAPIPE_NAMES,
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
}
