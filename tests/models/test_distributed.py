"""Two gloo processes: equal queues, equal parameters, one trajectory."""

from __future__ import annotations

import pytest
import torch
from torch import distributed, multiprocessing

from mmsnip.models.gather import gather_keys
from tests.tools.conftest import free_port

STEPS = 4


def join(rank, port, work, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo',
        init_method=f'tcp://127.0.0.1:{port}',
        rank=rank,
        world_size=2,
    )
    torch.save(work(rank), folder / f'{rank}.pt')
    distributed.barrier()
    distributed.destroy_process_group()


def on_two_processes(work, folder):
    multiprocessing.spawn(
        join, (free_port(), work, folder), nprocs=2, join=True
    )
    return [
        torch.load(folder / f'{rank}.pt', weights_only=True)
        for rank in range(2)
    ]


def gather_unequal(rank):
    keys = torch.full((2 + rank, 3), float(rank))
    return gather_keys(keys)


def pretrain(rank):
    from mmengine.model import MMDistributedDataParallel
    from mmengine.optim import OptimWrapper

    from tests.models.test_skeleton_clr import pretrainer, views

    model = MMDistributedDataParallel(
        pretrainer(), device_ids=None, broadcast_buffers=False
    )
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.05))
    losses = []
    for step in range(STEPS):
        inputs = views(N=3, seed=10 * step + rank)
        batch = dict(
            inputs=inputs,
            body_mask=[torch.ones(3, 2, 13, dtype=torch.bool)] * 2,
            num_frames=[torch.full((3,), 13)] * 2,
            data_samples=[None] * 3,
        )
        logs = model.train_step(batch, optimizer)
        losses.append(float(logs['loss']))
    return dict(losses=losses, state=model.module.state_dict())


def test_keys_of_both_processes_arrive_in_the_same_order(tmp_path):
    first, second = on_two_processes(gather_unequal, tmp_path)

    assert torch.equal(first, second)
    assert first[:, 0].tolist() == [0, 0, 1, 1, 1]


@pytest.mark.slow
def test_queues_and_weights_are_equal_on_both_ranks(tmp_path):
    first, second = on_two_processes(pretrain, tmp_path)

    assert all(torch.isfinite(torch.tensor(first['losses'])))
    assert first['losses'] != second['losses']  # each saw its own videos
    for key, value in first['state'].items():
        if 'running_' not in key:  # plain batch norm keeps local statistics
            assert torch.equal(value, second['state'][key]), key
    pointer = first['state']['global_head.queue.pointer']
    assert int(pointer) == STEPS * 2 * 3 % 11
