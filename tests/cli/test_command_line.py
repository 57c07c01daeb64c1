"""The command: help, unknown words, and the tools behind it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from mmsnip import __version__
from mmsnip.cli import command_line
from mmsnip.cli.commands import COMMANDS, offered
from mmsnip.cli.places import home

ROOT = Path(__file__).resolve().parents[2]


def call(*arguments, **more):
    """The command as a user runs it."""
    return subprocess.run(
        [sys.executable, '-m', 'mmsnip.cli', *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **more,
    )


def folder_with(tmp_path, **tools):
    """A folder with these tools alone."""
    for name, source in tools.items():
        path = tmp_path / 'tools' / f'{name}.py'
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return tmp_path


def test_the_help_fits_one_screen(capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.main(['--help'])

    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) < 80


def test_the_help_would_fit_with_every_tool_there(capsys, monkeypatch):
    everything = {command.name: command for command in COMMANDS}
    monkeypatch.setattr(command_line, 'offered', lambda home: everything)

    with pytest.raises(SystemExit):
        command_line.main(['--help'])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert all(
        any(f'  {name} ' in line for line in lines) for name in everything
    )


def test_the_help_imports_nothing_heavy():
    code = (
        'import sys\n'
        'from mmsnip.cli.command_line import main\n'
        'try:\n    main(["--help"])\nexcept SystemExit:\n    pass\n'
        "heavy = {'torch', 'numpy', 'mmengine', 'mmcv', 'mmaction'}\n"
        'assert not heavy & set(sys.modules), heavy & set(sys.modules)'
    )

    done = subprocess.run([sys.executable, '-c', code], capture_output=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_help_takes_less_than_a_third_of_a_second_of_a_core():
    taken = []
    for _ in range(5):
        before = os.times()  # of the processor: others may keep it busy
        call('--help')
        after = os.times()
        taken.append(sum(after[2:4]) - sum(before[2:4]))

    assert 0 < statistics.median(taken) < 0.3


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit):
        command_line.main(['--version'])

    assert capsys.readouterr().out == f'mmsnip {__version__}\n'


def test_no_command_shows_the_help(capsys):
    assert command_line.main([]) == 2
    assert 'usage: mmsnip' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('word', 'message'),
    [
        ('trian', "'trian' is no command; did you mean 'train'"),
        ('validat', "did you mean 'validate'"),
        ('zzz', "'zzz' is no command; see mmsnip --help"),
        ('--nonsense', 'unrecognized arguments: --nonsense'),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(
    word, message, capsys
):
    with pytest.raises(SystemExit) as ended:
        command_line.main([word])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_command_without_its_tool_is_not_offered(
    tmp_path, monkeypatch, capsys
):
    folder = folder_with(tmp_path, train='')
    monkeypatch.setattr(command_line, 'home', lambda: folder)

    assert list(offered(folder)) == ['train', 'doctor', 'completion']
    with pytest.raises(SystemExit):
        command_line.main(['fuse'])
    assert "'fuse' needs tools/fuse.py" in capsys.readouterr().err


def test_every_command_of_the_checkout_has_its_tool():
    there = {path.name for path in (ROOT / 'tools').glob('*.py')}

    known = {command.tool for command in COMMANDS}

    assert there <= known  # a new tool needs a line in commands.py
    assert set(offered(home())) == {
        command.name
        for command in COMMANDS
        if command.tool is None or command.tool in there
    }


def test_a_tool_sees_its_arguments_as_a_program_would(
    tmp_path, monkeypatch, capsys
):
    source = (
        'import argparse, sys\n'
        'def here(): pass\n'
        'import __main__\n'
        'assert __main__.here is here\n'
        "if __name__ == '__main__':\n"
        '    parser = argparse.ArgumentParser()\n'
        "    parser.add_argument('first')\n"
        "    parser.add_argument('--second', type=int)\n"
        '    print(parser.prog, parser.parse_args(), __file__)\n'
        '    sys.exit(7)\n'
    )
    folder = folder_with(tmp_path, validate_data=source)
    monkeypatch.setattr(command_line, 'home', lambda: folder)
    before = sys.argv, sys.modules['__main__']

    with pytest.raises(SystemExit) as ended:
        command_line.main(['validate', 'x y', '--second', '5'])

    assert ended.value.code == 7
    assert capsys.readouterr().out == (
        "mmsnip validate Namespace(first='x y', second=5) "
        f'{folder / "tools" / "validate_data.py"}\n'
    )
    assert (sys.argv, sys.modules['__main__']) == before


def test_a_missing_package_is_named_with_the_way_out(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(
        command_line,
        'home',
        lambda: folder_with(tmp_path, train='import mmengine.nowhere\n'),
    )
    monkeypatch.delenv('MMSNIP_TRACEBACK', raising=False)

    assert command_line.main(['train']) == 2

    error = capsys.readouterr().err
    assert 'mmsnip train needs mmengine' in error
    assert '`mmsnip doctor`' in error


@pytest.mark.parametrize(
    ('command', 'tool', 'arguments'),
    [
        ('synthesize', 'synthesize', ['--frames', '9', '5', 'out']),
        ('validate', 'validate_data', ['nothing.pkl']),
        ('prepare', 'prepare_data', ['npy', 'nothing', 'out.txt']),
        ('fuse', 'fuse', ['a.npz', '--per-class', '--weights', '1']),
    ],
)
def test_a_command_answers_as_its_tool(command, tool, arguments, tmp_path):
    direct = subprocess.run(
        [sys.executable, ROOT / 'tools' / f'{tool}.py', *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    ours = call(command, *arguments, cwd=tmp_path)

    def plain(text):  # the name, and with it the width, is all that differs
        text = text.replace(f'mmsnip {command}', 'X')
        return ' '.join(text.replace(f'{tool}.py', 'X').split())

    assert ours.returncode == direct.returncode
    assert plain(ours.stdout + ours.stderr) == plain(
        direct.stdout + direct.stderr
    )
