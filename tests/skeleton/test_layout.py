from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_graph_cfg,
    from_metainfo,
    get_layout,
    hop_distance,
    layout_names,
    spatial_graph,
    stgcn_graph,
)

NUM_JOINTS = {
    'nturgb+d': 25,
    'nturgb+d-official': 25,
    'coco': 17,
    'openpose': 18,
    'openpose-25': 25,
    'halpe-26': 26,
    'kinect-v1': 20,
    'mediapipe': 33,
    'smpl-22': 22,
    'smpl-24': 24,
    'h36m': 17,
}
NAMES = tuple(NUM_JOINTS)


def test_registry_has_exactly_these_layouts_and_joint_counts():
    found = {name: get_layout(name).num_joints for name in layout_names()}
    assert found == NUM_JOINTS


@pytest.mark.parametrize('name', NAMES)
def test_built_in_tree_reaches_every_joint_and_has_one_link_less(name):
    layout = get_layout(name)
    V = layout.num_joints
    assert len(set(layout.joint_names)) == V
    assert len(set(layout.inward)) == V - 1
    reached, ring = {layout.root}, {layout.root}
    while ring:
        ring = {v for v, p in enumerate(layout.parents) if p in ring}
        reached |= ring
    assert reached == set(range(V))


@pytest.mark.parametrize('name', NAMES)
def test_built_in_tree_and_lines_are_symmetric(name):
    layout = get_layout(name)
    mirror = layout.mirror_order
    for joint, parent in enumerate(layout.parents):
        other = layout.parents[mirror[joint]]
        assert other == (mirror[parent] if parent >= 0 else -1)
    assert mirror[layout.center] == layout.center
    assert set(mirror[list(layout.origin)]) == set(layout.origin)
    assert tuple(layout.shoulders[::-1]) in layout.pairs
    assert 'right' in layout.joint_names[layout.shoulders[0]]
    if layout.spine is not None:
        np.testing.assert_array_equal(mirror[list(layout.spine)], layout.spine)


@pytest.mark.parametrize(
    ('alias', 'name'),
    [
        ('smpl', 'smpl-24'),
        ('body_25', 'openpose-25'),
        ('openpose-18', 'openpose'),
        ('human3.6m', 'h36m'),
        ('kinect-v2', 'nturgb+d'),
    ],
)
def test_alias_gives_the_layout_under_its_first_name(alias, name):
    assert get_layout(alias) is get_layout(name)


@pytest.mark.parametrize(
    ('name', 'chain'),
    [
        ('openpose-25', 'left_big_toe left_ankle left_knee left_hip mid_hip'),
        ('mediapipe', 'right_foot_index right_ankle right_knee right_hip'),
        ('smpl-24', 'left_hand left_wrist left_elbow left_shoulder'),
        ('h36m', 'head_top neck thorax spine pelvis'),
        ('halpe-26', 'right_heel right_ankle right_knee right_hip mid_hip'),
    ],
)
def test_new_tables_link_limbs_in_their_order(name, chain):
    layout, chain = get_layout(name), chain.split()
    for child, parent in itertools.pairwise(chain):
        joint = layout.joint_names.index(child)
        assert layout.joint_names[layout.parents[joint]] == parent


PLACES = {
    'mediapipe': '0 nose 8 right_ear 11 left_shoulder 20 right_index '
    '23 left_hip 32 right_foot_index',
    'openpose-25': '8 mid_hip 9 right_hip 14 left_ankle 19 left_big_toe '
    '24 right_heel',
    'smpl-24': '3 spine1 9 spine3 15 head 23 right_hand',
    'h36m': '1 right_hip 8 thorax 11 left_shoulder 16 right_wrist',
    'halpe-26': '17 head_top 19 mid_hip 20 left_big_toe 25 right_heel',
}


@pytest.mark.parametrize('name', PLACES)
def test_new_tables_have_published_places(name):
    words = PLACES[name].split()
    names = get_layout(name).joint_names
    assert [names[int(place)] for place in words[::2]] == words[1::2]


@pytest.mark.parametrize('name', NAMES)
def test_built_in_layout_survives_its_dict_and_a_pickle(name):
    layout = get_layout(name)
    assert SkeletonLayout.from_dict(layout.to_dict()) == layout
    assert from_graph_cfg(layout.to_dict()) == layout
    assert pickle.loads(pickle.dumps(layout)) == layout  # noqa: S301


@pytest.mark.parametrize('name', NAMES)
def test_mirror_exchanges_every_sided_joint_and_undoes_itself(name):
    layout = get_layout(name)
    order = layout.mirror_order
    for joint, other in enumerate(order):
        mirrored = layout.joint_names[joint].translate(str.maketrans('', ''))
        mirrored = mirrored.replace('left', '#').replace('right', 'left')
        assert mirrored.replace('#', 'right') == layout.joint_names[other]
    np.testing.assert_array_equal(order[order], np.arange(len(order)))


@pytest.mark.parametrize('name', ['nturgb+d', 'coco', 'openpose'])
def test_built_in_links_are_those_of_mmaction2(name):
    graph = pytest.importorskip('mmaction.models.utils.graph').Graph(name)
    layout = get_layout(name)
    assert layout.inward == tuple(graph.inward)
    assert layout.center == graph.center
    dict_form = dict(
        num_node=graph.num_node, inward=graph.inward, center=graph.center
    )
    assert from_graph_cfg(dict_form).parents == layout.parents


def test_graph_with_a_loop_keeps_its_links_and_gets_a_tree_for_bones():
    inward = [(1, 0), (2, 1), (2, 0), (3, 2)]
    layout = from_graph_cfg(dict(num_node=4, inward=inward, center=0))
    assert layout.inward == tuple(inward)
    assert layout.parents == (-1, 0, 0, 2)


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        *(('left_arm', 'right_arm'), ('Arm_L', 'Arm_R'), ('LArm', 'RArm')),
        *(('LeftArm', 'RightArm'), ('lArm', 'rArm'), ('ArmL', 'ArmR')),
        ('mixamorig:LeftArm', 'mixamorig:RightArm'),
        *(('larm', 'rarm'), ('LARM', 'RARM'), ('leftarm', 'rightarm')),
        *(('Arm.L', 'Arm.R'), ('arm left', 'arm right')),
    ],
)
def test_mirror_pairs_are_found_in_many_spellings(left, right):
    names = ['Hips', right, 'Head', left]
    layout = from_metainfo(dict(parents=[-1, 0, 0, 0], joint_names=names))
    assert layout.pairs == ((3, 1),)


def test_names_without_sides_give_no_pairs():
    names = ['root', 'leg', 'rib', 'wheel', 'lid']
    parents = [-1, 0, 0, 0, 0]
    layout = from_metainfo(dict(parents=parents, joint_names=names))
    assert layout.pairs == ()
    assert layout.shoulders is None
    assert layout.spine is None


def test_spine_and_shoulders_are_found_by_name():
    names = ['Hips', 'Spine', 'UpperArm_L', 'UpperArm_R', 'Foot_L', 'Foot_R']
    layout = from_metainfo(
        dict(parents=[-1, 0, 1, 1, 0, 0], joint_names=names)
    )
    assert layout.spine == (0, 1)
    assert layout.shoulders == (3, 2)


def test_normalization_of_the_file_wins_over_names():
    metainfo = dict(
        parents=[-1, 0, 1, 1],
        joint_names=['Hips', 'Spine', 'Arm_L', 'Arm_R'],
        normalization=dict(center=['Arm_L', 3], spine=('Spine', 'Arm_L')),
    )
    layout = from_metainfo(metainfo)
    assert layout.origin == (2, 3)
    assert layout.spine == (1, 2)
    assert layout.shoulders == (3, 2)


@pytest.mark.parametrize(
    ('layout', 'message'),
    [
        (dict(parents=[-1, 2, 1]), r'cycle.*\[-1, 2, 1\]'),
        (dict(parents=[1, 0]), 'cycle'),
        (dict(parents=[-1, -1, 0]), r'several roots, joints \[0, 1\]'),
        (dict(parents=[-1, 7]), r'parents\[1\]=7 .*0\.\.1'),
        (dict(parents=[-1, 0.5]), 'must be a sequence of joint indices'),
        (dict(parents=[]), 'parents is empty'),
        (dict(parents=[-1, 0], joint_names=['a']), 'joint_names has 1'),
        (dict(classes=['a']), "neither 'parents' nor 'layout'"),
        ('ntu', r"layout='ntu' is unknown.*'nturgb\+d'"),
        (7, 'layout=7 must be a name'),
        (dict(num_node=3, inward=[(1, 0)], center=0), r'connect joints \[2\]'),
        (dict(num_node=2, inward=[(1, 2)], center=0), r'\(1, 2\).*num_node=2'),
        (dict(num_node=2, inward=[(1, 0)], center=5), 'center=5'),
        (dict(num_node=2), r"lacks \['center', 'inward'\]"),
        (
            dict(parents=[-1, 0], normalization=dict(spine=('a', 1))),
            "names joint 'a'",
        ),
        (
            dict(parents=[-1, 0], normalization=dict(centre=0)),
            r"unknown keys \['centre'\]",
        ),
        (
            dict(parents=[-1, 0], normalization=dict(spine=(1, 1))),
            'two different joints',
        ),
        (dict(parents=[-1, 0], pairs=[(0, 3)]), 'pairs=.*joint 3'),
        (dict(parents=[-1, 0, 0], pairs=[(0, 1), (1, 2)]), 'uses a joint'),
    ],
)
def test_malformed_layouts_are_refused_by_key_and_value(layout, message):
    with pytest.raises(ValueError, match=message):
        from_graph_cfg(layout)


@pytest.mark.parity
@pytest.mark.parametrize('family', ['ctrgcn', 'agcn'])
def test_spatial_graph_equals_the_published_one(reference_dir, family):
    golden = np.load(reference_dir / f'{family}_blocks_s0.npz')['A']
    A = spatial_graph(get_layout('nturgb+d-official'))
    np.testing.assert_array_equal(A, golden)


@pytest.mark.parametrize('name', ['nturgb+d', 'coco', 'openpose'])
def test_graphs_equal_those_of_mmaction2(name):
    Graph = pytest.importorskip('mmaction.models.utils.graph').Graph
    layout = get_layout(name)
    np.testing.assert_array_equal(
        spatial_graph(layout), Graph(name, 'spatial').A
    )
    for max_hop in (1, 2, 3):
        np.testing.assert_array_equal(
            stgcn_graph(layout, max_hop),
            Graph(name, 'stgcn_spatial', max_hop).A,
        )


def test_inward_link_sets_the_row_of_the_parent():
    A = spatial_graph(from_graph_cfg(dict(parents=[-1, 0, 0])))
    np.testing.assert_array_equal(A[1, 0], [0, 1, 1])
    np.testing.assert_array_equal(A[2, :, 0], [0, 0.5, 0.5])


def test_unclipped_partition_compares_true_distances():
    chain = from_graph_cfg(dict(parents=[-1, 0, 1, 2]))
    clipped, true = stgcn_graph(chain), stgcn_graph(chain, clipped=False)
    # Link 2-3 lies beyond one hop of the centre.
    assert clipped[2, 2, 3] == 0
    assert true[2, 2, 3] > 0
    np.testing.assert_array_equal(clipped.sum(0), true.sum(0))
    np.testing.assert_allclose(true.sum(axis=(0, 1)), 1.0)


def test_hop_distance_counts_links():
    chain = from_graph_cfg(dict(parents=[-1, 0, 1, 2]))
    np.testing.assert_array_equal(hop_distance(chain)[0], [0, 1, 2, 3])
    assert np.isinf(hop_distance(chain, 2)[0, 3])


@pytest.mark.parametrize('name', layout_names())
def test_graph_of_every_built_in_layout_connects_all_joints(name):
    layout = get_layout(name)
    assert np.isfinite(hop_distance(layout)).all()
    A = spatial_graph(layout)
    np.testing.assert_array_equal(A[0], np.eye(layout.num_joints))
    assert (A[1] > 0).sum() == (A[2] > 0).sum() == layout.num_joints - 1
    mirror = layout.mirror_order
    np.testing.assert_array_equal(A[:, mirror][:, :, mirror], A)
