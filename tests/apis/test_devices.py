"""A device that cannot be used is refused with what there is."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from mmsnip.apis.trained_model import DeviceError, choose_device
from tests.apis.streaming_models import checkpoint, poses
from tests.tools.conftest import run


def test_a_device_that_is_there_is_taken():
    assert choose_device('cpu') == torch.device('cpu')
    assert choose_device(torch.device('cpu')) == torch.device('cpu')
    assert choose_device(None).type in ('cpu', 'cuda', 'mps')


@pytest.mark.parametrize('word', ['gpu', 'cuda:99', 'cuda:x', 'meta', ''])
def test_what_is_no_device_here_is_refused(word):
    with pytest.raises(
        DeviceError,
        match=rf"^device '{word}' cannot be used: .* finds cpu.* here",
    ):
        choose_device(word)


def test_a_build_without_cuda_is_told(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError('Torch not compiled with CUDA enabled')

    monkeypatch.setattr(torch, 'zeros', refuse)

    with pytest.raises(DeviceError, match=r"'cuda' .*: Torch not compiled"):
        choose_device('cuda')


@pytest.mark.parametrize('tool', ['infer', 'stream'])
def test_commands_say_it_in_a_line(tool, tmp_path):
    model = checkpoint(tmp_path / 'model.pth')
    file = tmp_path / 'walk.npy'
    np.save(file, poses(T=31))

    done = run(
        [sys.executable, f'tools/{tool}.py', file, '--model', model]
        + ['--device', 'gpu'],
        None,
    )

    assert done.returncode == 2
    assert 'Traceback' not in done.output
    assert "error: device 'gpu' cannot be used" in done.output
