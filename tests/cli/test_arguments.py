"""What completion knows equals what the tools take."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmsnip.cli.arguments import parser_of, read_parser
from mmsnip.cli.commands import COMMANDS, offered
from mmsnip.cli.placeholders import light_imports
from mmsnip.cli.places import home
from tests import warm

ROOT = Path(__file__).resolve().parents[2]
TREE = """\
import json, sys
from dataclasses import asdict
from mmsnip.cli.arguments import all_arguments
from mmsnip.cli.places import home
tree = {k: asdict(v) for k, v in all_arguments(home()).items()}
heavy = {'torch', 'mmengine', 'mmcv', 'mmaction'} & set(sys.modules)
json.dump(dict(tree=tree, heavy=sorted(heavy)), sys.stdout)
"""


@pytest.fixture(scope='module')
def found():
    """The whole tree, read in a process of its own."""
    done = subprocess.run(
        [sys.executable, '-c', TREE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flags(arguments):
    return {flag for o in arguments['options'] for flag in o['flags']}


def test_arguments_are_read_without_importing_torch(found):
    assert found['heavy'] == []


def test_every_command_shows_its_options(found):
    silent = [k for k, v in found['tree'].items() if not v['options']]

    assert list(found['tree']) == list(offered(home()))
    assert silent == []


def test_arguments_that_come_from_elsewhere_are_there(found):
    tree = found['tree']

    assert {'--work-dir', '--cfg-options', '--launcher'} <= flags(
        tree['train']
    )
    assert '--local_rank' not in flags(tree['train'])  # hidden in the help
    assert '--amass' in flags(tree['prepare']['below']['babel'])
    assert '--unit' in flags(tree['prepare']['below']['bvh'])
    launcher = next(
        o for o in tree['train']['options'] if '--launcher' in o['flags']
    )
    assert launcher['choices'] == ['none', 'pytorch', 'slurm', 'mpi']
    assert tree['completion']['choices'] == ['bash', 'zsh', 'fish']


@pytest.mark.slow
@pytest.mark.parametrize('command', list(COMMANDS), ids=lambda c: c.name)
def test_options_are_those_of_the_tools_own_help(command, found):
    if command.name not in found['tree']:
        pytest.skip('its tool is not here')
    done = warm.run(
        ['-m', 'mmsnip.cli', command.name, '--help'],
        ROOT,
        {**os.environ, 'COLUMNS': '400'},
        timeout=100,
    )

    # Options stand at the margin of the help, and nowhere else there.
    rows = re.findall(r'^  (-[^ ].*?)(?:  |$)', done.stdout, re.MULTILINE)
    shown = {
        re.split(r'[ ,]', part)[0]
        for row in rows
        for part in re.split(r', (?=-)', row)
    }
    assert flags(found['tree'][command.name]) == shown


def test_a_tool_that_cannot_be_read_has_no_options(tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text('raise RuntimeError\n')

    assert parser_of(path) is None


def test_heavy_modules_are_real_again_behind():
    import torch

    with light_imports(also=()):
        import torch as stand_in

        assert stand_in.nn.Module is not torch.nn.Module
    import torch as again

    assert again is torch


def test_a_parser_is_read_down_to_its_leaves():
    parser = argparse.ArgumentParser()
    parser.add_argument('--hidden', help=argparse.SUPPRESS)
    parser.add_argument('-n', '--number', type=int, help='50%% of\n  it')
    parser.add_argument('--flag', action='store_true')
    below = parser.add_subparsers()
    deep = below.add_parser('deep', help='further down')
    deep.add_argument('way', choices=['in', 'out'])

    found = read_parser(parser, 'top')

    assert [o.flags for o in found.options] == [
        ('-h', '--help'),
        ('-n', '--number'),
        ('--flag',),
    ]
    assert [o.takes_value for o in found.options] == [False, True, False]
    assert found.options[1].help == '50% of it'
    assert found.below['deep'].help == 'further down'
    assert found.below['deep'].choices == ('in', 'out')
