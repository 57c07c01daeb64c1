"""Joints of SMPL-H, and NTU's 25 among them.

The package's joints are the 52 of the kinematic tree and 21 vertices that
stand for joints: five of the face, three of each foot, five finger tips of
each hand.
"""

from __future__ import annotations

import numpy as np

from mmsnip.io.reading import SequenceError

__all__ = [
    'NTU_FROM_SMPLH',
    'NUM_SMPLH_JOINTS',
    'NUM_TREE_JOINTS',
    'SMPLH_JOINTS_OF_NTU',
    'ntu_joints',
]

NUM_TREE_JOINTS = 52
NUM_SMPLH_JOINTS = 73  # the tree's, then the vertices

# What each of NTU's 25 joints is taken from. The last four are the finger
# tips as the benchmark has them: the thumb's stands where NTU has the tip of
# the hand, the index finger's where NTU has the thumb.
SMPLH_JOINTS_OF_NTU = (
    ('pelvis', 0),
    ('spine1', 3),
    ('neck', 12),
    ('head', 15),
    ('left_shoulder', 16),
    ('left_elbow', 18),
    ('left_wrist', 20),
    ('left_index1', 22),
    ('right_shoulder', 17),
    ('right_elbow', 19),
    ('right_wrist', 21),
    ('right_index1', 37),
    ('left_hip', 1),
    ('left_knee', 4),
    ('left_ankle', 7),
    ('left_foot', 10),
    ('right_hip', 2),
    ('right_knee', 5),
    ('right_ankle', 8),
    ('right_foot', 11),
    ('spine3', 9),
    ('left_thumb_tip', 63),
    ('left_index_tip', 64),
    ('right_thumb_tip', 68),
    ('right_index_tip', 69),
)
NTU_FROM_SMPLH = tuple(index for _, index in SMPLH_JOINTS_OF_NTU)
# The last joint of the same finger, where there are no vertices.
_TIP_OF_TREE = {63: 36, 64: 24, 68: 51, 69: 39}


def ntu_joints(joints: np.ndarray, source: str) -> tuple[np.ndarray, str]:
    """NTU's 25 joints out of SMPL-H's.

    Args:
        joints (np.ndarray): (T, J, 3) with J = 73 or more, 52 (no vertices:
            the last joint of a finger stands for its tip), or 25 (in NTU's
            order already).
        source (str): File, for the message.

    Returns:
        tuple[np.ndarray, str]: (T, 25, 3), and a sentence where finger tips
        had to be replaced, else ''.

    Raises:
        SequenceError: If J is another.

    Source:
        METHOD.md section 3; the order of the benchmark's preparation.
    """
    J = joints.shape[1]
    if J == 25:
        return joints, ''
    if J >= NUM_SMPLH_JOINTS:
        return joints[:, list(NTU_FROM_SMPLH)], ''
    if J == NUM_TREE_JOINTS:
        chosen = [_TIP_OF_TREE.get(j, j) for j in NTU_FROM_SMPLH]
        return joints[:, chosen], (
            'finger tips are not in the file; the last joint of each finger '
            'stands for its tip'
        )
    raise SequenceError(
        f'{source} has {J} joints; expected {NUM_SMPLH_JOINTS} of SMPL-H '
        f'with vertex joints, {NUM_TREE_JOINTS} without, or 25 in the order '
        'of NTU RGB+D'
    )
