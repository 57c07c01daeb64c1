from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.layout import (
    from_graph_cfg,
    get_layout,
    hop_distance,
    layout_names,
    spatial_graph,
    stgcn_graph,
)


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
