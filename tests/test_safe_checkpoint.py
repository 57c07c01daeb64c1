"""The reader of checkpoints below torch 2.6, run on the torch of here."""

from __future__ import annotations

import collections
import copyreg
import io
import os
import pickle
import re
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer

from mmsnip import compat
from mmsnip.models.checkpoint import CheckpointError, read_checkpoint
from mmsnip.safe_checkpoint import read_safely


def history(*values):
    buffer = HistoryBuffer()
    for value in values:
        buffer.update(value)
    return buffer


def run_state():
    """What a run of ours keeps, each type of it."""
    layer = torch.nn.Linear(3, 5)
    model = torch.nn.Sequential(layer, torch.nn.BatchNorm1d(5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    return dict(
        state_dict=model.state_dict(),
        parameter=layer.weight,
        half=torch.arange(4).bfloat16(),
        optimizer=optimizer.state_dict(),
        param_schedulers=[dict(milestones=collections.Counter([7, 9]))],
        message_hub=dict(log_scalars=dict(loss=history(0.5, 0.25))),
        rate=np.float64(0.1),
        epoch=np.int64(7),
        array=np.arange(12, dtype=np.float32).reshape(3, 4),
        mask=np.array([True, False]),
        meta=dict(seed=2**40, cfg='text', none=None, nested=((1, 2.5), {3})),
        sizes=(torch.Size((2, 3)), torch.float16, torch.device('cpu')),
    )


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_same(found[key], value)
        if hasattr(expected, '_metadata'):
            assert found._metadata == expected._metadata
    elif type(expected) in (list, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_same(one, other)
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype
        assert found.requires_grad == expected.requires_grad
        assert torch.equal(found, expected)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, HistoryBuffer):
        assert found.current() == expected.current()
        assert_same(found.data, expected.data)
    else:
        assert found == expected


def rewritten(data, change):
    """The checkpoint with another pickle in it: ``change`` of the old."""
    file, other = io.BytesIO(data), io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, 'w') as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename.endswith('/data.pkl'):
                data = change(data)
            new.writestr(entry.filename, data)
    return other.getvalue()


@pytest.mark.parametrize('zipped', [True, False])
def test_what_a_run_writes_is_read_back_equal(zipped):
    state = run_state()
    file = saved(state, _use_new_zipfile_serialization=zipped)

    assert_same(read_safely(file), state)


@pytest.mark.parametrize('core', [b'numpy.core.', b'numpy._core.'])
def test_the_names_of_both_versions_of_numpy_are_read(core):
    file = rewritten(
        saved(dict(array=np.arange(3), rate=np.float64(0.5))),
        lambda data: re.sub(rb'numpy\._?core\.', core, data),
    )

    found = read_safely(file)

    assert found['array'].tolist() == [0, 1, 2]
    assert found['rate'] == 0.5


class Calls:
    """Pickled as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ('hostile', 'message'),
    [
        (Calls(os.system, 'touch ran'), f'asks for {os.name}.system'),
        (Calls(eval, "open('ran', 'w')"), 'asks for builtins.eval'),
        (Calls(torch.load, 'other.pth'), 'asks for torch.serialization.load'),
        (Calls(getattr, HistoryBuffer, '__init__'), "attribute '__init__'"),
        (Calls(getattr, torch.Tensor, 'min'), 'asks for torch.Tensor'),
        (compat.VersionError('x'), 'asks for mmsnip.compat.VersionError'),
        (np.array([None]), 'sets attributes of a'),
    ],
    ids=['system', 'eval', 'load', 'init', 'Tensor', 'error', 'objects'],
)
def test_everything_else_is_refused_and_nothing_runs(
    hostile, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    for zipped in (True, False):
        file = saved(
            dict(state_dict=hostile), _use_new_zipfile_serialization=zipped
        )
        with pytest.raises(Exception, match=message):
            read_safely(file)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('program', 'message'),
    [
        # setattr(_rebuild_tensor_v2, '__defaults__', (7,))
        (
            b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n'
            b'N}X\x0c\0\0\0__defaults__K\x07\x85s\x86b.',
            'sets attributes of a function',
        ),
        # HistoryBuffer.min(..), an attribute that may be held, not called
        (
            b'\x80\x02c__builtin__\ngetattr\n'
            b'cmmengine.logging.history_buffer\nHistoryBuffer\n'
            b'X\x03\0\0\0min\x86R)R.',
            'calls <function HistoryBuffer.min',
        ),
        (b'\x80\x02(Vtouch ran\niposix\nsystem\n.', 'torch never writes'),
        (b'\x80\x02(cposix\nsystem\nVx\no.', 'asks for posix.system'),
        (b'\x80\x02\x82\xf0.', 'torch never writes'),
        (
            b'\x80\x02c_codecs\nencode\nX\x01\0\0\0xX\x05\0\0\0rot13\x86R.',
            "encoding 'rot13'",
        ),
        (b'\x80\x04\x8c\x05torch\x8c\x07os.name\x93.', 'asks for torch.os'),
    ],
)
def test_instructions_that_reach_around_the_names_are_refused(
    program, message
):
    copyreg.add_extension('os', 'system', 0xF0)
    try:
        with pytest.raises(Exception, match=message):
            read_safely(rewritten(saved({}), lambda _: program))
    finally:
        copyreg.remove_extension('os', 'system', 0xF0)


def test_an_archive_of_torchscript_is_refused():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(3, 5)), file)

    with pytest.raises(pickle.UnpicklingError, match=r'by torch\.jit'):
        read_safely(file.getvalue())


@pytest.mark.parametrize('version', ['1.13.1', '2.3.1', '2.5.1'])
def test_checkpoints_are_read_under_versions_that_cannot_be_told_names(
    version, tmp_path, monkeypatch
):
    state = run_state()
    torch.save(state, tmp_path / 'epoch_1.pth')
    torch.save(
        dict(state_dict=Calls(os.system, f'touch {tmp_path}/ran')),
        tmp_path / 'hostile.pth',
    )
    monkeypatch.setattr(torch, '__version__', version)
    monkeypatch.delattr(torch, 'load')
    monkeypatch.delattr(
        torch.serialization, 'add_safe_globals', raising=False
    )
    compat.allow_checkpoint_types()

    assert_same(read_checkpoint(tmp_path / 'epoch_1.pth'), state)
    with pytest.raises(CheckpointError, match=rf'hostile\.pth.*{os.name}'):
        read_checkpoint(tmp_path / 'hostile.pth')
    assert not (tmp_path / 'ran').exists()
