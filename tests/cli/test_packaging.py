"""The sdist, the wheel out of it, and what a user of it can do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from mmsnip import __version__
from mmsnip.cli.command_line import COMMANDS
from mmsnip.cli.places import list_configs
from mmsnip.io.annotation import save_annotation
from tests.tools.conftest import annotation

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *('mmsnip', 'tools', 'configs', 'requirements', 'examples', 'setup.py'),
    *('pyproject.toml', 'MANIFEST.in', 'README.md', 'CHANGELOG.md'),
    *('LICENSE', 'CITATION.cff', 'model-index.yml', 'dataset-index.yml'),
)
pytestmark = pytest.mark.slow


def run(*command, **more):
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **more,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope='session')
def sdist(tmp_path_factory):
    """Built in a copy: a build leaves its traces beside the sources."""
    copy = tmp_path_factory.mktemp('source')
    for name in SOURCES:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy)
        else:
            ignore = shutil.ignore_patterns('__pycache__', '.mim')
            shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    code = 'from setuptools import build_meta as b; b.build_sdist("dist")'
    run(sys.executable, '-c', code, cwd=copy)
    return next((copy / 'dist').glob('*.tar.gz'))


@pytest.fixture(scope='session')
def wheel(sdist, tmp_path_factory):
    """Built from the sdist, so what that lacks is missed here."""
    folder = tmp_path_factory.mktemp('wheel')
    options = ('--no-deps', '--no-build-isolation', '--no-index', '-q')
    run(sys.executable, '-m', 'pip', 'wheel', *options, '-w', folder, sdist)
    return next(folder.glob('*.whl'))


@pytest.fixture(scope='session')
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope='session')
def python(wheel, tmp_path_factory):
    """A new environment with the wheel; packages of this one lie behind."""
    folder = tmp_path_factory.mktemp('fresh') / 'venv'
    run(sys.executable, '-m', 'venv', '--without-pip', folder)
    inside = folder / ('Scripts' if os.name == 'nt' else 'bin') / 'python'
    code = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    packages = Path(run(inside, '-c', code).strip())
    # Its .pth files are not followed: this checkout stays out of sight.
    (packages / 'behind.pth').write_text(sysconfig.get_path('purelib') + '\n')
    run(
        *(sys.executable, '-m', 'pip', '--python', inside, 'install', '-q'),
        *('--no-deps', '--no-index', '--ignore-installed', wheel),
    )
    return inside


@pytest.fixture
def call(python, tmp_path):
    """The command that the wheel installed, called far from the checkout."""
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}

    def called(*arguments):
        return subprocess.run(
            [str(python.parent / 'mmsnip'), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=tmp_path,
            env={**environment, 'OMP_NUM_THREADS': '1'},
        )

    return called


def test_the_sdist_holds_what_a_build_and_a_reader_need(sdist):
    with tarfile.open(sdist) as archive:
        found = {name.split('/', 1)[-1] for name in archive.getnames()}

    assert {name for name in SOURCES if '.' in name or name == 'LICENSE'} <= (
        found
    )
    assert {'requirements/runtime.txt', 'examples/colab.ipynb'} <= found
    assert not [n for n in found if n.startswith(('tests/', 'data/', '.venv'))]


def test_the_wheel_holds_all_of_mmsnip_and_nothing_else(names):
    mim = 'mmsnip/.mim'

    for folder in (mim, 'mmsnip'):
        assert {f'{folder}/{path}' for path in list_configs(ROOT)} <= names
    assert f'{mim}/configs/snippet/metafile.yml' in names
    assert {
        f'{mim}/tools/{path.name}' for path in (ROOT / 'tools').glob('*.*')
    } <= names
    assert {
        *('mmsnip/py.typed', f'{mim}/model-index.yml'),
        f'{mim}/dataset-index.yml',
    } <= names
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'mmsnip').rglob('*')
        if path.is_file()
        and '.mim' not in path.parts
        and '__pycache__' not in path.parts
    }

    assert modules - names == set()
    strangers = {
        name
        for name in names
        if not name.startswith(('mmsnip/', f'mmsnip-{__version__}.dist-info'))
        or '__pycache__' in name
    }

    assert strangers == set()


def test_the_installed_command_offers_all_that_the_checkout_does(call):
    assert call('--version').stdout == f'mmsnip {__version__}\n'
    done = call('--help')
    for name in COMMANDS:
        assert f'  {name} ' in done.stdout


def test_the_installed_doctor_finds_a_wheel_that_trains(call):
    done = call('doctor', '--json')

    found = json.loads(done.stdout)['findings']
    states = {each['check']: each['state'] for each in found}
    assert 'from a wheel' in found[0]['text']
    assert states['registry'] == states['train step'] == 'OK'


def test_the_installed_command_synthesizes_and_finds_its_configs(
    call, tmp_path
):
    made = call(
        *('synthesize', 'toy', '--videos', 3, '--val', 2, '--trimmed', 5),
        *('--frames', 60, 61),
    )
    # A file without a class to find ends the tool early, and well after the
    # config was found, read and its annotation file looked for.
    asked = call('train', 'configs/custom/localize.py', '--no-validate')

    assert made.returncode == 0, made.stderr
    assert (tmp_path / 'toy' / 'untrimmed.pkl').is_file()
    assert 'MMSNIP_ANN_FILE' in asked.stderr
    assert 'no such config' not in asked.stderr


BY_IMPORT = """
from mmengine.config import read_base

with read_base():
    from mmsnip.configs.{} import *

model.backbone.update(base_channels=24)
"""
BY_PATH = """
_base_ = ['{}/configs/{}.py']
model = dict(backbone=dict(base_channels=24))
"""
READ = """
from mmengine.config import Config

cfg = Config.fromfile('own.py')
print(cfg.model.backbone.base_channels, cfg.train_dataloader.batch_size)
print(cfg.default_scope, len(cfg.custom_hooks))
"""
WHERE = 'from mmsnip.cli.places import home; print(home())'


@pytest.mark.parametrize(
    ('form', 'config', 'batch_size', 'hooks'),
    [
        ('import', 'localization/ushape_agcn_1xb8_40e_babel', 8, 3),
        ('import', 'snippet/ctrgcn_ntu_pretrain', 128, 4),
        ('path', 'snippet/ctrgcn_ntu_pretrain', 128, 4),
        ('import', 'custom/localize', 4, 4),
        ('path', 'custom/localize', 4, 4),
        ('import', 'custom/pretrain_rvtclr', 32, 4),
    ],
)
def test_a_config_of_ours_is_a_base_of_another_project(
    form, config, batch_size, hooks, python, tmp_path
):
    save_annotation(tmp_path / 'swings.pkl', annotation())
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    environment['MMSNIP_ANN_FILE'] = 'swings.pkl'
    here = dict(cwd=tmp_path, env=environment)
    if form == 'import':
        text = BY_IMPORT.format(config.replace('/', '.'))
    else:
        text = BY_PATH.format(run(python, '-c', WHERE, **here).strip(), config)
    (tmp_path / 'own.py').write_text(text)

    shown = run(python, '-c', READ, **here)

    assert shown.split() == ['24', f'{batch_size}', 'mmsnip', f'{hooks}']
