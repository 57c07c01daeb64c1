"""Versions of the neighbours, and what makes them fit."""

from __future__ import annotations

import importlib
import importlib.metadata
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer

from mmsnip import compat

FITTING = {
    'torch': '2.13.0+cpu',
    'numpy': '2.4.6',
    'mmengine': '0.10.7',
    'mmcv-lite': '2.0.1',
    'mmaction2': '1.1.0',
}


def install(monkeypatch, **changes):
    """Pretend that these versions are installed; None: not installed."""
    names = {key.replace('_', '-'): value for key, value in changes.items()}
    versions = {**FITTING, **names}
    monkeypatch.setattr(compat, '_installed', versions.get)


@pytest.mark.parametrize(
    'changes',
    [
        {},
        dict(mmaction2='1.2.0', mmcv_lite='2.1.0'),
        dict(mmcv='2.0.1', mmcv_lite=None),
        dict(torch='2.6.0', numpy='1.22.4'),
    ],
)
def test_versions_that_run_together_are_accepted(monkeypatch, changes):
    install(monkeypatch, **changes)

    compat.check_versions()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(mmengine=None), 'mmengine is not installed.*pip install "mmeng'),
        (dict(mmaction2='0.24.1'), 'mmaction2 0.24.1 .* >=1.1.0,<1.3.0'),
        (dict(mmcv='2.0.1'), 'both installed.*pip uninstall -y mmcv mmcv-l'),
        (dict(mmcv_lite='2.1.0'), 'mmcv 2.1.0 .* >=2.0.0,<2.1.0'),
        (dict(mmcv_lite=None), 'mmcv is not installed.*mmcv-lite'),
        (dict(torch='2.5.1'), r'torch 2.5.1 is installed.*>=2.6'),
    ],
)
def test_versions_that_do_not_fit_are_named_with_the_way_out(
    monkeypatch, changes, message
):
    install(monkeypatch, **changes)

    with pytest.raises(compat.VersionError, match=message):
        compat.check_versions()


def test_all_that_does_not_fit_is_told_at_once(monkeypatch):
    install(monkeypatch, mmengine=None, mmaction2=None)

    with pytest.raises(compat.VersionError) as caught:
        compat.check_versions()

    assert 'mmengine is not' in str(caught.value)
    assert 'mmaction2 is not' in str(caught.value)


def test_a_version_error_is_not_swallowed_by_the_registry():
    assert not issubclass(compat.VersionError, (ImportError, AttributeError))


def wheel_of_1_2_0(folder, monkeypatch, with_drn):
    """An installed mmaction2 1.2.0, with or without the missing module."""
    localizers = folder / 'mmaction' / 'models' / 'localizers'
    localizers.mkdir(parents=True)
    for package in (folder / 'mmaction', localizers.parent):
        (package / '__init__.py').write_text('')
    (localizers / '__init__.py').write_text('from .drn.drn import DRN\n')
    if with_drn:
        (localizers / 'drn').mkdir()
        (localizers / 'drn' / '__init__.py').write_text('')
        (localizers / 'drn' / 'drn.py').write_text('DRN = "the real one"\n')
    install(monkeypatch, mmaction2='1.2.0')
    for name in [n for n in sys.modules if n.split('.')[0] == 'mmaction']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()


def test_the_wheel_of_1_2_0_gets_a_stand_in(tmp_path, monkeypatch):
    wheel_of_1_2_0(tmp_path, monkeypatch, with_drn=False)

    compat.bridge_mmaction_wheel()
    localizers = importlib.import_module('mmaction.models.localizers')

    with pytest.raises(ImportError, match='install mmaction2 from its sour'):
        localizers.DRN()
    for name in [n for n in sys.modules if n.split('.')[0] == 'mmaction']:
        monkeypatch.delitem(sys.modules, name)


def test_a_source_install_of_1_2_0_is_left_alone(tmp_path, monkeypatch):
    wheel_of_1_2_0(tmp_path, monkeypatch, with_drn=True)

    compat.bridge_mmaction_wheel()
    localizers = importlib.import_module('mmaction.models.localizers')

    assert localizers.DRN == 'the real one'
    for name in [n for n in sys.modules if n.split('.')[0] == 'mmaction']:
        monkeypatch.delitem(sys.modules, name)


def test_checkpoints_of_mmengine_load_with_the_protection_on():
    compat.allow_checkpoint_types()
    history = HistoryBuffer()
    history.update(0.5)
    file = io.BytesIO()
    torch.save(
        dict(
            message_hub=dict(loss=history),
            scalar=np.float64(0.5),
            array=np.arange(3),
        ),
        file,
    )

    loaded = compat.load_checkpoint(file.getvalue())

    assert loaded['message_hub']['loss'].current() == 0.5
    assert loaded['array'].tolist() == [0, 1, 2]


class Calls:
    """Pickled as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ('hostile', 'message'),
    [
        (Calls(os.system, 'touch ran'), f'{os.name}.system'),
        (Calls(eval, "open('ran', 'w')"), 'eval'),
        (Calls(getattr, HistoryBuffer, '__init__'), "attribute '__init__'"),
        (Calls(getattr, torch.Tensor, 'min'), "attribute 'min'"),
        (compat.VersionError('x'), 'VersionError'),
    ],
    ids=['system', 'eval', 'init', 'Tensor', 'error'],
)
@pytest.mark.parametrize('zipped', [True, False])
def test_everything_else_is_refused_and_nothing_runs(
    hostile, message, zipped, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    compat.allow_checkpoint_types()
    file = io.BytesIO()
    torch.save(
        dict(state_dict=hostile),
        file,
        _use_new_zipfile_serialization=zipped,
    )

    with pytest.raises(Exception, match=message):
        compat.load_checkpoint(file.getvalue())

    assert not list(tmp_path.iterdir())


def run(code):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_package_loads_neither_torch_nor_mm_packages():
    done = run(
        'import sys, mmsnip, mmsnip.evaluation\n'
        "heavy = {'torch', 'mmengine', 'mmcv', 'mmaction'} & set(sys.modules)"
        '\nassert not heavy, heavy'
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('scope', ['mmengine', 'mmaction'])
def test_a_component_resolves_after_importing_the_package_alone(scope):
    done = run(
        f'import mmsnip\nfrom {scope}.registry import MODELS\n'
        "neck = MODELS.build(dict(type='mmsnip.UShapeFusionNeck', "
        'in_channels=(2, 3, 5)))\n'
        "assert type(neck).__module__ == 'mmsnip.models.necks'"
    )

    assert done.returncode == 0, done.stderr


def test_mmactions_components_resolve_in_our_scope():
    done = run(
        'from mmsnip.registry import MODELS\n'
        "head = MODELS.build(dict(type='mmaction.GCNHead', num_classes=5, "
        'in_channels=3))\n'
        "assert type(head).__module__.startswith('mmaction')"
    )

    assert done.returncode == 0, done.stderr
