"""Training on two "hosts", both on this machine."""

from __future__ import annotations

import subprocess

import pytest
import torch

import mmsnip.registry  # noqa: F401  (lets torch.load read checkpoints)
from tests.tools.conftest import (
    ROOT,
    TINY_PRETRAIN,
    environment,
    free_port,
    losses,
)


def host(rank, port, work_dir, ann_file):
    """One host's launcher, with one process."""
    command = [
        *('bash', 'tools/dist_train.sh', 'configs/custom/pretrain.py', '1'),
        *('--work-dir', str(work_dir), '--cfg-options', *TINY_PRETRAIN),
        'train_cfg.max_epochs=2',
    ]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(
            ann_file,
            NNODES='2',
            NODE_RANK=str(rank),
            MASTER_ADDR='127.0.0.1',
            PORT=port,
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_hosts_fill_one_queue_and_only_the_first_writes(
    tmp_path, ann_file
):
    port = free_port()
    folders = [tmp_path / 'first', tmp_path / 'second']
    hosts = [
        host(rank, port, folder, ann_file)
        for rank, folder in enumerate(folders)
    ]
    try:
        outputs = [each.communicate(timeout=400)[0] for each in hosts]
    finally:
        for each in hosts:
            each.kill()

    assert [each.returncode for each in hosts] == [0, 0], outputs
    assert len(losses(folders[0])) == 4  # 16 visits, 2 x 4 a step, 2 epochs
    state = torch.load(folders[0] / 'epoch_2.pth', weights_only=True)
    # Of both hosts: 4 steps of 8 videos, of 2 snippets each, in queues of 24.
    pointers = [
        int(state['state_dict'][f'{head}_head.queue.pointer'])
        for head in ('global', 'snippet')
    ]
    assert pointers == [32 % 24, 64 % 24]
    assert not list(folders[1].rglob('*.pth'))
