"""Another posture, the same motion."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.augment import change_posture, draw_posture
from mmsnip.skeleton.rotation import axis_rotation
from tests.skeleton.test_egocentric import LAYOUT, V, walk


def bone_lengths(coords):
    bone = coords - coords[:, :, LAYOUT.bone_parents]
    return np.linalg.norm(bone, axis=-1)


def drawn(sigma=0.4):
    rng = np.random.default_rng(3)
    rotations = draw_posture(V, sigma, 3, rng)
    rotations[LAYOUT.root] = np.eye(3)
    return rotations


def step(**arguments):
    return TRANSFORMS.build(dict(type='mmsnip.RandomPosture', **arguments))


def sample(coords, mask):
    return dict(keypoint=coords.copy(), body_mask=mask, layout=LAYOUT)


@pytest.mark.parametrize('up', ['y', 'z', '-x'])
def test_lengths_of_bones_and_the_way_of_the_root_stay(up):
    coords, mask = walk(up)

    moved = change_posture(coords, mask, drawn(), LAYOUT, up)

    np.testing.assert_allclose(bone_lengths(moved), bone_lengths(coords))
    np.testing.assert_array_equal(moved[:, :, 0], coords[:, :, 0])
    assert np.abs(moved - coords).max() > 0.1


def test_a_rotation_is_handed_down_to_the_bones_behind():
    coords, mask = walk()
    rotations = np.stack([np.eye(3)] * V)
    rotations[1] = axis_rotation(0, 40.0)  # the trunk bends

    moved = change_posture(coords, mask, rotations, LAYOUT)

    # shoulders hang on the chest: they keep their place in its frame
    before = coords[:, :, 2] - coords[:, :, 1]
    after = moved[:, :, 2] - moved[:, :, 1]
    assert np.abs(after - before).max() > 0.02
    np.testing.assert_allclose(moved[:, :, 4], coords[:, :, 4])


def test_the_change_turns_with_the_body():
    coords, mask = walk()
    matrix = axis_rotation(1, 75.0).T

    found = change_posture(coords @ matrix, mask, drawn(), LAYOUT)

    expected = change_posture(coords, mask, drawn(), LAYOUT) @ matrix
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_absent_frames_and_scores_stay_as_they_were():
    coords, mask = walk()
    mask[1, 4:] = False
    coords[1, 4:] = 0
    scores = np.random.default_rng(5).random((*coords.shape[:3], 1))
    given = np.concatenate([coords, scores], axis=-1)

    found = step()(dict(sample(given, mask), num_coords=3))['keypoint']

    assert not found[1, 4:, :, :3].any()
    np.testing.assert_array_equal(found[..., 3:], scores)


def test_2d_bones_turn_in_their_plane():
    coords, mask = walk()
    flat = coords[..., :2]

    found = step(sigma=0.5)(sample(flat, mask))['keypoint']

    np.testing.assert_allclose(bone_lengths(found), bone_lengths(flat))
    assert np.abs(found - flat).max() > 0.05
