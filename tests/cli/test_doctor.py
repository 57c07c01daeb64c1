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

MIB = 2**20


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


def test_a_missing_folder_of_tools_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, 'home', lambda: None)

    assert quick()['mmsnip'].state == PROBLEM


def test_two_builds_of_opencv_are_noted(monkeypatch):
    pretend(monkeypatch, opencv_python='4.1', opencv_python_headless='5.0')

    found = quick()['opencv']

    assert found.state == NOTE
    assert 'pip uninstall -y opencv-python opencv-python-he' in found.remedy


@pytest.mark.parametrize(
    ('pin', 'told'), [('torch==1.2.3', True), ('torch>=1.2', False)]
)
def test_a_torchvision_for_another_torch_is_a_problem(pin, told, monkeypatch):
    real = importlib.metadata.requires
    pretend(monkeypatch, torchvision='0.1')
    monkeypatch.setattr(
        importlib.metadata,
        'requires',
        lambda name: ['numpy', pin] if name == 'torchvision' else real(name),
    )

    assert ('torchvision' in quick()) == told


@pytest.mark.parametrize(
    ('free', 'state'),
    [(8 * MIB, PROBLEM), (63 * MIB, NOTE), (4096 * MIB, OK)],
)
def test_little_shared_memory_is_told_with_the_way_out(
    free, state, monkeypatch
):
    usage = namedtuple('Usage', 'free')(free)
    monkeypatch.setattr(doctor.shutil, 'disk_usage', lambda path: usage)

    found = quick()['shared memory']

    assert found.state == state
    assert ('--shm-size' in found.remedy) == (state != OK)


def test_settings_that_cannot_work_are_noted(monkeypatch, tmp_path):
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(tmp_path / 'gone.pkl'))
    monkeypatch.setenv('OMP_NUM_THREADS', '4096')

    found = quick()

    assert found['MMSNIP_ANN_FILE'].state == found['cores'].state == NOTE
    assert found['cores'].remedy == f'export OMP_NUM_THREADS={doctor._cores()}'


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
    ('source', 'text'),
    [
        (
            "raise ImportError('libtorch.so: undefined symbol: x')\n",
            'libtorch.so: undefined symbol: x',
        ),
        (
            'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n',
            'trying it died of SIGKILL',
        ),
    ],
)
def test_a_torch_that_fails_or_kills_its_process_is_a_problem(
    source, text, tmp_path
):
    status, found = examine(tmp_path, torch=source)

    last = found[-1]
    assert status == 1
    assert (last['check'], last['state']) == ('torch', PROBLEM)
    assert text in last['text']
    assert last['remedy'] == 'pip install --force-reinstall torch'


@pytest.mark.slow
def test_a_missing_mmaction_is_a_problem_and_torch_is_not(tmp_path):
    error = 'raise ModuleNotFoundError("No module named \'mmaction\'")\n'

    status, found = examine(tmp_path, mmaction=error)

    states = {each['check']: each['state'] for each in found}
    assert status == 1
    assert states['torch runs'] == states['checkpoint'] == OK
    assert found[-1]['state'] == PROBLEM
    assert "No module named 'mmaction'" in found[-1]['text']
    assert 'mminstall.txt' in found[-1]['remedy']


def test_every_problem_has_something_to_do(monkeypatch):
    pretend(monkeypatch, torch=None, scipy=None, mmengine=None)

    problems = [each for each in quick().values() if each.state == PROBLEM]

    assert len(problems) >= 3
    assert all(each.remedy.strip() for each in problems)
    assert not any('\n' in each.remedy for each in problems)


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
