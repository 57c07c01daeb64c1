"""Numbers that tell collapse, against cases whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.embeddings import (
    describe,
    effective_rank,
    main,
    matching_of,
    spread_of,
    within_share,
)
from mmsnip.models.checkpoint import CheckpointError

N, C, S = 4, 6, 5


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


def test_rank_is_one_on_a_line_and_counts_equal_directions():
    line = torch.linspace(-1, 1, 7).unsqueeze(1) * draw(1, C)
    cross = torch.cat([torch.eye(C), -torch.eye(C)])

    assert effective_rank(line) == pytest.approx(1)
    assert effective_rank(cross) == pytest.approx(C)


def test_variance_lies_where_it_was_put():
    of_videos = draw(N, C, 1).expand(N, C, S)
    of_snippets = draw(1, C, S).expand(N, C, S)

    assert within_share(of_videos) == pytest.approx(0, abs=1e-9)
    assert within_share(of_snippets) == pytest.approx(1)


def test_a_long_key_is_chosen_by_all_queries():
    """Why a plain dot product may pair a video's snippets with one key."""
    query = draw(N, C, S).abs()
    key = draw(N, C, S, seed=1).abs()
    key[..., 2] *= 100

    assert matching_of(query, key) == (1 / S, pytest.approx(3 / S))
    distinct, near = matching_of(torch.eye(S)[None], torch.eye(S)[None])
    assert (distinct, near) == (1, 1)


def test_spread_of_opposite_pairs_is_known():
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])

    alignment, uniformity = spread_of(rows * 3, rows)

    assert alignment == pytest.approx(0, abs=1e-12)
    assert uniformity == pytest.approx(math.log(math.exp(-2 * 4)))


def test_a_file_that_is_no_pretraining_is_refused(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict={}, meta={}), path)

    with pytest.raises(ValueError, match='no config of a pre-training'):
        describe(str(path), samples=4)
    with pytest.raises((CheckpointError, FileNotFoundError)):
        main([str(tmp_path / 'none.pth')])
