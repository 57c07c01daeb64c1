"""A device that cannot be used is refused with what there is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmsnip.apis.trained_model import DeviceError, choose_device
from mmsnip.cli.command_line import readable_errors
from tests.apis.streaming_models import checkpoint, poses
from tests.tools.conftest import command


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


@pytest.mark.parametrize('name', ['infer', 'stream'])
def test_commands_say_it_in_a_line(name, tmp_path, capsys):
    model = checkpoint(tmp_path / 'model.pth')
    np.save(tmp_path / 'walk.npy', poses(T=31))
    file = str(tmp_path / 'walk.npy')

    with pytest.raises(SystemExit), readable_errors(name):
        command(name)([file, '--model', str(model), '--device', 'gpu'])

    printed = capsys.readouterr().err
    assert printed.startswith("error: device 'gpu' cannot be used")
