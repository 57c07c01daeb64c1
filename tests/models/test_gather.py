"""Keys of two gloo processes, in one collective."""

from __future__ import annotations

import torch

from mmsnip.models import gather
from mmsnip.models.gather import KeyGather, gather_keys
from tests.models.test_distributed import on_two_processes

COUNTS = [(3, 3), (3, 3), (2, 3), (1, 5), (5, 2)]  # of both ranks, a step


def rows_of(rank, step, width):
    """Rows that say whose they are, (N, width)."""
    count = COUNTS[step][rank]
    first = 100.0 * step + 10 * rank
    return (first + torch.arange(count)).unsqueeze(1).expand(-1, width)


def several_steps(rank):
    calls, original = [], gather.all_gather

    def counted(tensor):
        calls.append(tuple(tensor.shape))
        return original(tensor)

    gather.all_gather = counted
    keys = KeyGather()
    steps = []
    for step in range(len(COUNTS)):
        before = len(calls)
        found = keys([rows_of(rank, step, 3), rows_of(rank, step, 7) + 0.5])
        steps.append((found, len(calls) - before))
    return steps


def steps_of_a_model(rank):
    from tests.models.test_skeleton_clr import pretrainer, views

    calls, original = [], gather.all_gather

    def counted(tensor):
        calls.append(tuple(tensor.shape))
        return original(tensor)

    gather.all_gather = counted
    model = pretrainer()
    model.snippet_head.queue_entry = 'snippet'
    for step in range(3):
        model(views(N=3, seed=10 * step + rank), mode='loss')
    queues = [model.global_head.queue, model.snippet_head.queue]
    return dict(
        calls=calls,
        pointers=[int(queue.pointer) for queue in queues],
        keys=[queue.keys for queue in queues],
    )


def test_rows_of_both_processes_arrive_whole_and_in_order(tmp_path):
    first, second = on_two_processes(several_steps, tmp_path)

    for step, ((one, _), (other, _)) in enumerate(zip(first, second)):
        for width, ours, theirs in zip((3, 7), one, other):
            assert torch.equal(ours, theirs)
            expected = torch.cat([rows_of(n, step, width) for n in (0, 1)])
            assert torch.equal(ours, expected + (0.5 if width == 7 else 0))


def test_a_call_repeats_only_where_a_process_has_more_than_ever(tmp_path):
    first, second = on_two_processes(several_steps, tmp_path)

    calls = [count for _, count in first]
    assert calls == [count for _, count in second] == [2, 1, 1, 2, 1]


def test_both_queues_of_a_model_share_one_collective_a_step(tmp_path):
    first, second = on_two_processes(steps_of_a_model, tmp_path)

    # The first call asks how many; rows are 6 + 2 snippets x 6 wide.
    assert first['calls'] == [(1, 18), (4, 18), (4, 18), (4, 18)]
    assert first['pointers'] == [18 % 11, 36 % 9]
    for one, other in zip(first['keys'], second['keys']):
        assert torch.equal(one, other)


def test_one_process_gathers_nothing():
    keys = torch.zeros(4, 3)

    assert KeyGather()([keys])[0] is keys
    assert gather_keys(keys) is keys
