"""The doctor on sound, broken and missing libraries."""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from mmsnip.cli import doctor
from mmsnip.cli.command_line import main
from mmsnip.cli.doctor import NOTE, OK, PROBLEM, Finding


def quick():
    return {each.check: each for each in doctor.examine(quick=True)}


def pretend(monkeypatch, **versions):
    """Pretend that these versions are installed; None: not installed."""
    real = importlib.metadata.version
    names = {key.replace('_', '-'): value for key, value in versions.items()}

    def version(name):
        if name in names and names[name] is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return names.get(name) or real(name)

    monkeypatch.setattr(importlib.metadata, 'version', version)


def examine(folder, **packages):
    """The doctor's JSON where ``folder`` is looked through first."""
    for name, source in packages.items():
        (folder / name).mkdir()
        (folder / name / '__init__.py').write_text(source)
    paths = [str(folder), os.environ.get('PYTHONPATH', '')]
    done = subprocess.run(
        [sys.executable, '-m', 'mmsnip.cli', 'doctor', '--json'],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            'PYTHONPATH': os.pathsep.join(paths),
            'OMP_NUM_THREADS': '1',
        },
    )
    assert done.stderr == ''
    return done.returncode, json.loads(done.stdout)['findings']


def test_this_environment_is_told_without_importing_anything(capsys):
    status = main(['doctor', '--quick', '--json'])

    found = json.loads(capsys.readouterr().out)
    states = {each['check']: each['state'] for each in found['findings']}
    assert status == int(found['problems'] > 0)
    assert states['mmsnip'] == states['torch'] == states['mmaction2'] == OK
    assert states['requirements'] == OK
    assert 'train step' not in states


@pytest.mark.slow
def test_all_that_mmsnip_stands_on_runs_here(tmp_path):
    states = {each['check']: each['state'] for each in examine(tmp_path)[1]}

    for name in ('torch runs', 'checkpoint', 'registry', 'train step'):
        assert states[name] == OK
    assert states['PyTorch'] == OK  # of mmengine's collect_env


@pytest.mark.parametrize(
    ('changes', 'check', 'text', 'remedy'),
    [
        (dict(torch=None), 'torch', 'not installed', 'pip install torch'),
        (
            dict(mmcv='2.0.1', mmcv_lite='2.0.1'),
            'mmcv',
            'overwrite each other',
            'pip uninstall -y mmcv mmcv-lite',
        ),
        (
            dict(mmaction2='0.24.1'),
            'mmaction2',
            '0.24.1 is installed, mmsnip needs',
            'pip install "mmaction2',
        ),
        (
            dict(matplotlib='3.1.0'),
            'matplotlib',
            '3.1.0 is installed, mmsnip needs matplotlib>=3.8',
            'pip install "matplotlib>=3.8"',
        ),
        (dict(scipy=None), 'scipy', 'not installed', 'pip install "scipy"'),
    ],
)
def test_versions_that_do_not_fit_are_problems_with_a_way_out(
    changes, check, text, remedy, monkeypatch
):
    pretend(monkeypatch, **changes)

    found = quick()[check]

    assert found.state == PROBLEM
    assert text in found.text
    assert remedy in found.remedy
    assert '\n' not in found.remedy


def test_a_missing_folder_of_tools_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, 'home', lambda: None)

    assert quick()['mmsnip'].state == PROBLEM


@pytest.mark.parametrize(
    ('free', 'state'),
    [(2**23, PROBLEM), (2**26, NOTE), (2**32, OK)],
)
def test_little_shared_memory_is_told_with_the_way_out(
    free, state, monkeypatch
):
    usage = namedtuple('Usage', 'free')(free)
    monkeypatch.setattr(doctor.shutil, 'disk_usage', lambda path: usage)

    found = quick()['shared memory']

    assert found.state == state
    assert ('--shm-size' in found.remedy) == (state != OK)


@pytest.mark.parametrize(
    ('message', 'remedy'),
    [
        ("No module named 'torch'", 'requirements/mminstall.txt'),
        ("No module named 'termcolor'", 'pip install termcolor'),
        ('libGL.so.1: cannot open shared obj', 'opencv-python-headless'),
        ('operator torchvision::nms does not exist', 'uninstall -y torchv'),
        ('no kernel image is available', 'fits this GPU'),
        ('libcudart.so.12: cannot open', 'nvidia-smi'),
        ('undefined symbol: _ZN2at4_ops', '--force-reinstall torch'),
        ('VersionError: no mmcv', 'versions that are named above'),
        ('something never seen', 'mmsnip doctor --report'),
    ],
)
def test_messages_of_libraries_are_translated(message, remedy):
    assert remedy in doctor.remedy_for(message)


@pytest.mark.parametrize(
    ('package', 'source', 'text', 'remedy'),
    [
        (
            'torch',
            "raise ImportError('libtorch.so: undefined symbol: x')\n",
            'libtorch.so: undefined symbol: x',
            'pip install --force-reinstall torch',
        ),
        (
            'torch',
            'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n',
            'trying it died of SIGKILL',
            'pip install --force-reinstall torch',
        ),
        pytest.param(
            'mmaction',
            'raise ModuleNotFoundError("No module named \'mmaction\'")\n',
            "No module named 'mmaction'",
            'mminstall.txt',
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_package_that_fails_or_kills_its_process_is_a_problem(
    package, source, text, remedy, tmp_path
):
    status, found = examine(tmp_path, **{package: source})

    states = {each['check']: each['state'] for each in found}
    last = found[-1]
    assert (status, last['state']) == (1, PROBLEM)
    assert text in last['text']
    assert remedy in last['remedy']
    assert package == 'torch' or states['torch runs'] == OK


def test_more_threads_than_cores_are_noted(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '4096')

    found = quick()['cores']

    assert found.state == NOTE
    assert found.remedy == f'export OMP_NUM_THREADS={doctor._cores()}'


def test_the_report_tells_nothing_of_who_and_where(
    monkeypatch, capsys, tmp_path
):
    place = tmp_path / 'with blank' / 'evelyn'
    place.mkdir(parents=True)
    monkeypatch.setattr(platform, 'node', lambda: 'box7.lab.example')
    monkeypatch.setattr(getpass, 'getuser', lambda: 'evelyn')
    monkeypatch.setattr(Path, 'home', lambda: place)
    monkeypatch.chdir(place)
    text = (
        f'{place}/x.py by evelyn on box7 (box7.lab.example), {sys.prefix}/lib,'
        ' box71 stays, 64 MiB in /dev/shm, see https://pytorch.org/get/'
    )
    found = [Finding('x', PROBLEM, text, text)]
    monkeypatch.setattr(doctor, 'examine', lambda quick: found)

    assert main(['doctor', '--report']) == 1

    shown = capsys.readouterr().out
    expected = (
        '<path> by <user> on <host> (<host>), <path>, box71 stays, 64 MiB in '
        '/dev/shm, see https://pytorch.org/get/'
    )
    assert shown.splitlines() == [
        '```text',
        f'problem x  {expected}',
        f'{"":<9}  -> {expected}',
        '1 problem(s) to mend',
        '```',
    ]
