"""The command: help without torch, unknown words, the shims in ``tools/``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmsnip import __version__
from mmsnip.cli import command_line
from mmsnip.cli.command_line import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {'prepare': 'prepare_data', 'inspect': 'inspect_data'}
TOOLS['validate'] = 'validate_data'
# Help, and then the modules that it took.
HELP = """\
import sys
from mmsnip.cli.command_line import main
try:
    main(sys.argv[1:])
finally:
    heavy = {'torch', 'mmengine', 'mmcv', 'mmaction', 'scipy', 'matplotlib',
             'pandas', 'pydantic', 'sklearn'} & set(sys.modules)
    assert not heavy, heavy
"""


@pytest.mark.parametrize('words', [[], *([name] for name in COMMANDS)])
def test_help_is_there_at_once_and_without_torch(words):
    """0.4 s of processor time; twice that, since others may be busy here."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, '-c', HELP, *words, '--help'],
        capture_output=True,
        text=True,
        check=False,
    )
    after = os.times()

    assert done.returncode == 0, done.stderr
    assert f'usage: {" ".join(["mmsnip", *words])}' in done.stdout
    assert sum(after[2:4]) - sum(before[2:4]) < 0.8


def test_the_help_fits_one_screen(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['--help'])

    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) < 80
    assert all(any(f'  {n} ' in line for line in lines) for n in COMMANDS)


def test_the_version_is_the_packages_and_no_command_shows_the_help(capsys):
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out == f'mmsnip {__version__}\n'

    assert main([]) == 2
    assert 'usage: mmsnip' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('word', 'message'),
    [
        ('trian', "did you mean 'train'"),
        ('zzz', 'see mmsnip --help'),
        ('--nonsense', 'unrecognized arguments: --nonsense'),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(
    word, message, capsys
):
    with pytest.raises(SystemExit) as ended:
        main([word])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_way_out(monkeypatch, capsys):
    def fail(name):
        raise ModuleNotFoundError(name='mmengine.nowhere')

    monkeypatch.setattr(command_line, 'parser_of', fail)
    monkeypatch.delenv('MMSNIP_TRACEBACK', raising=False)

    with pytest.raises(SystemExit):
        main(['train'])

    error = capsys.readouterr().err
    assert 'mmsnip train needs mmengine' in error
    assert '`mmsnip doctor`' in error


def test_every_tool_is_a_command_and_the_other_way():
    there = {path.stem for path in (ROOT / 'tools').glob('*.py')}

    assert there == {TOOLS.get(name, name) for name in COMMANDS} - {
        *('doctor', 'completion')
    }


@pytest.mark.parametrize(
    ('command', 'arguments'),
    [
        ('synthesize', ['--frames', '9', '5', 'out']),
        ('validate', ['nothing.pkl']),
        ('prepare', ['npy', 'nothing', 'out.txt']),
        ('train', ['no.py', '--cfg-options', 'a']),
    ],
)
def test_a_tool_answers_as_its_command(command, arguments, tmp_path):
    tool = ROOT / 'tools' / f'{TOOLS.get(command, command)}.py'

    ours, theirs = (
        subprocess.run(
            [sys.executable, *words, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )
        for words in (['-m', 'mmsnip.cli', command], [tool])
    )

    assert ours.returncode == theirs.returncode in (1, 2)
    assert ours.stdout + ours.stderr == theirs.stdout + theirs.stderr
