"""The doctor on sound, broken and missing libraries."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections import namedtuple

import pytest

from mmsnip.cli import doctor, machine, trial
from mmsnip.cli.command_line import main
from mmsnip.cli.findings import NOTE, OK, PROBLEM, Finding

Usage = namedtuple('Usage', 'total used free')
MIB = 2**20


def by_check(findings):
    return {each.check: each for each in findings}


def pretend(monkeypatch, **versions):
    """Pretend that these versions are installed; None: not installed."""
    real = importlib.metadata.version
    names = {key.replace('_', '-'): value for key, value in versions.items()}

    def version(name):
        if name not in names:
            return real(name)
        if names[name] is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return names[name]

    monkeypatch.setattr(importlib.metadata, 'version', version)


def examine(folder, *arguments, **environment):
    """The doctor's JSON where ``folder`` is looked through first."""
    done = subprocess.run(
        [sys.executable, '-m', 'mmsnip.cli', 'doctor', '--json', *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            'PYTHONPATH': str(folder),
            'OMP_NUM_THREADS': '1',
            **environment,
        },
    )
    assert done.stderr == ''
    return done.returncode, json.loads(done.stdout)


def fake(folder, name, source):
    (folder / name).mkdir()
    (folder / name / '__init__.py').write_text(source)
    return folder


def test_this_environment_is_told_without_importing_anything(capsys):
    status = main(['doctor', '--quick', '--json'])

    found = json.loads(capsys.readouterr().out)
    states = {each['check']: each['state'] for each in found['findings']}
    assert status == int(found['problems'] > 0)
    assert states['mmsnip'] == states['torch'] == states['mmaction2'] == OK
    assert 'train step' not in states


@pytest.mark.slow
def test_all_that_mmsnip_stands_on_runs_here(tmp_path):
    _, found = examine(tmp_path)

    states = {each['check']: each['state'] for each in found['findings']}
    assert [
        states[name]
        for name in ('torch runs', 'checkpoint', 'registry', 'train step')
    ] == [OK] * 4


@pytest.mark.parametrize(
    ('message', 'remedy'),
    [
        ("No module named 'torch'", 'requirements/mminstall.txt'),
        ("No module named 'termcolor'", 'pip install termcolor'),
        ('libGL.so.1: cannot open shared obj', 'opencv-python-headless'),
        ('RuntimeError: Numpy is not available', '"numpy<2"'),
        ('operator torchvision::nms does not exist', 'uninstall -y torchv'),
        ('no kernel image is available', 'fits this GPU'),
        ('libcudart.so.12: cannot open', 'nvidia-smi'),
        ('undefined symbol: _ZN2at4_ops', '--force-reinstall torch'),
        ('VersionError: no mmcv', 'versions that are named above'),
        ('something never seen', 'mmsnip doctor --report'),
    ],
)
def test_messages_of_libraries_are_translated(message, remedy):
    assert remedy in trial.remedy_for(message)


def test_a_torch_that_cannot_be_imported_is_a_problem(tmp_path):
    error = "raise ImportError('libtorch.so: undefined symbol: x')\n"

    status, found = examine(fake(tmp_path, 'torch', error))

    last = found['findings'][-1]
    assert status == 1
    assert (last['check'], last['state']) == ('torch', PROBLEM)
    assert 'libtorch.so: undefined symbol: x' in last['text']
    assert last['remedy'] == 'pip install --force-reinstall torch'


def test_a_torch_that_kills_its_process_is_a_problem(tmp_path):
    killer = 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n'

    status, found = examine(fake(tmp_path, 'torch', killer))

    last = found['findings'][-1]
    assert status == 1
    assert last['text'] == 'trying it died of SIGKILL'
    assert last['remedy'] == 'pip install --force-reinstall torch'


@pytest.mark.slow
def test_a_missing_mmaction_is_a_problem_and_torch_is_not(tmp_path):
    error = 'raise ModuleNotFoundError("No module named \'mmaction\'")\n'

    status, found = examine(fake(tmp_path, 'mmaction', error))

    states = {each['check']: each['state'] for each in found['findings']}
    assert status == 1
    assert states['torch runs'] == states['checkpoint'] == OK
    assert found['findings'][-1]['state'] == PROBLEM
    assert "No module named 'mmaction'" in found['findings'][-1]['text']
    assert 'mminstall.txt' in found['findings'][-1]['remedy']


def test_a_gpu_that_fails_is_a_problem_and_none_is_a_note(monkeypatch):
    facts = dict(gpu_error='no kernel image', gpus=['X'], bf16=False)
    failing = next(trial._gpu(facts))
    monkeypatch.setattr(trial.shutil, 'which', lambda name: None)
    none = next(trial._gpu(dict(gpu_error='', gpus=[], cuda_build=None)))

    assert (failing.state, none.state) == (PROBLEM, NOTE)
    assert 'fits this GPU' in failing.remedy


def test_a_driver_that_torch_cannot_use_is_a_problem(monkeypatch):
    monkeypatch.setattr(trial.shutil, 'which', lambda name: name)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    facts = dict(gpu_error='', gpus=[])

    built_for_cpu = next(trial._gpu({**facts, 'cuda_build': None}))
    old_driver = next(trial._gpu({**facts, 'cuda_build': '12.8'}))

    assert (built_for_cpu.state, old_driver.state) == (NOTE, PROBLEM)


def test_every_problem_has_something_to_do(monkeypatch, capsys):
    for name in ('torch', 'scipy', 'mmengine'):
        pretend(monkeypatch, **{name: None})
    tiny = Usage(MIB, MIB, 0)
    monkeypatch.setattr(machine.shutil, 'disk_usage', lambda path: tiny)

    assert main(['doctor', '--quick', '--json']) == 1

    found = json.loads(capsys.readouterr().out)['findings']
    problems = [each for each in found if each['state'] == PROBLEM]
    assert len(problems) >= 4
    assert all(each['remedy'].strip() for each in problems)
    assert not any('\n' in each['remedy'] for each in problems)


def test_the_report_tells_nothing_of_who_and_where(
    monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(platform, 'node', lambda: 'secretbox')
    text = f'{tmp_path}/torch/lib.so on secretbox'
    monkeypatch.setattr(
        doctor, 'trial_findings', lambda: [Finding('x', PROBLEM, text, text)]
    )

    assert main(['doctor', '--report']) == 1

    shown = capsys.readouterr().out
    assert shown.startswith('```text\n')
    assert shown.endswith('\n```\n')
    assert '<path> on <host>' in shown
    for secret in ('secretbox', str(tmp_path), sys.prefix, os.getcwd()):
        assert secret not in shown
