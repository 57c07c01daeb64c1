"""The queue of negative keys."""

from __future__ import annotations

import io

import pytest
import torch

from mmsnip.losses import KeyQueue


def numbered(first, last, D=3):
    """Keys whose entries all equal their number, (last - first, D)."""
    return torch.arange(first, last).float().unsqueeze(1).expand(-1, D)


def test_queue_keeps_the_newest_keys_across_the_wrap():
    queue = KeyQueue(embed_dim=3, size=5)

    queue.enqueue(numbered(0, 4))
    queue.enqueue(numbered(4, 8))

    assert sorted(queue.keys[0].tolist()) == [3, 4, 5, 6, 7]
    assert queue.keys[0].tolist() == [5, 6, 7, 3, 4]
    assert int(queue.pointer) == 3


@pytest.mark.parametrize('batch', [1, 2, 4, 5, 6, 13])
def test_queue_takes_batches_of_any_size(batch):
    queue = KeyQueue(embed_dim=3, size=5)

    for first in range(0, 26, batch):
        queue.enqueue(numbered(first, first + batch))
    last = (26 + batch - 1) // batch * batch

    assert sorted(queue.keys[0].tolist()) == list(range(last - 5, last))


def test_queue_starts_with_unit_length_keys():
    queue = KeyQueue(embed_dim=3, size=50)

    assert torch.allclose(queue.keys.norm(dim=0), torch.ones(50))


def test_queue_survives_a_checkpoint():
    queue = KeyQueue(embed_dim=3, size=5)
    queue.enqueue(numbered(0, 3))
    file = io.BytesIO()
    torch.save(queue.state_dict(), file)
    file.seek(0)

    other = KeyQueue(embed_dim=3, size=5)
    other.load_state_dict(torch.load(file, weights_only=True))
    for each in (queue, other):
        each.enqueue(numbered(3, 7))

    assert torch.equal(queue.keys, other.keys)
    assert int(queue.pointer) == int(other.pointer) == 2


def test_queue_stores_what_gather_returns():
    queue = KeyQueue(3, 5, gather=lambda keys: torch.cat([keys, keys + 10]))

    queue.enqueue(numbered(0, 2))

    assert queue.keys[0, :4].tolist() == [0, 1, 10, 11]


def test_queue_refuses_keys_of_another_size():
    with pytest.raises(ValueError, match=r'\(2, 4\), expected \(N, D\)'):
        KeyQueue(3, 5).enqueue(torch.zeros(2, 4))


def test_queue_refuses_a_size_of_zero():
    with pytest.raises(ValueError, match='queue size=0 must be positive'):
        KeyQueue(3, 0)
