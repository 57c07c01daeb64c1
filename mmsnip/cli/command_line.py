"""``mmsnip COMMAND ..``: hand the arguments to the tool of that name."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import types
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from mmsnip import __version__
from mmsnip.cli.commands import COMMANDS, Command, offered
from mmsnip.cli.places import home, with_configs

__all__ = ['build_parser', 'main', 'run_tool']

# A tool that lacks one of these says so in a line; doctor knows the rest.
NEEDED = ('mmaction', 'mmcv', 'mmengine', 'numpy', 'scipy', 'torch')
LAST_WORDS = """\
mmsnip COMMAND --help says more. A config is looked for here first, then among
those that came with mmsnip: mmsnip train configs/custom/localize.py"""


def build_parser(
    commands: Mapping[str, Command],
) -> argparse.ArgumentParser:
    """Parser of the first word; the tools parse the others.

    Args:
        commands (Mapping[str, Command]): Of `offered`.

    Returns:
        argparse.ArgumentParser: Its help fits one screen.
    """
    lines = []
    for group, members in groupby(commands.values(), lambda c: c.group):
        lines.append(f'{group}:')
        lines += [f'  {each.name:<11} {each.help}' for each in members]
    parser = argparse.ArgumentParser(
        prog='mmsnip',
        usage='mmsnip [--help] [--version] COMMAND [ARGUMENTS]',
        description='Find when people do what in streams of 3D skeletons.',
        epilog='\n'.join([*lines, '', LAST_WORDS]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    hidden = dict(help=argparse.SUPPRESS)
    parser.add_argument('-h', '--help', action='help', **hidden)
    parser.add_argument(
        '--version',
        action='version',
        version=f'mmsnip {__version__}',
        **hidden,
    )
    parser.add_argument('command', nargs='?', **hidden)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        argv (Sequence[str] | None): Arguments, None takes the command line.

    Returns:
        int: Exit status, the tool's own; 2 for an unknown command.

    Raises:
        SystemExit: Where the tool, or argparse, ends so.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    folder = home()
    commands = offered(folder)
    parser = build_parser(commands)
    name = parser.parse_args(words[:1]).command
    if name is None:
        parser.print_help()
        return 2
    if name not in commands:
        parser.exit(2, f'mmsnip: error: {why_not(name, commands)}\n')
    if name == 'doctor':
        from mmsnip.cli.doctor import main as doctor

        return doctor(words[1:])
    if name == 'completion':
        from mmsnip.cli.completion import main as completion

        return completion(words[1:])
    return run_tool(commands[name], words[1:], folder)


def why_not(name: str, commands: Mapping[str, Command]) -> str:
    """Why this is no command, and the nearest that is."""
    known = {command.name: command.tool for command in COMMANDS}
    if name in known:
        return (
            f'{name!r} needs tools/{known[name]}, which this installation '
            'lacks; reinstall mmsnip, `mmsnip doctor` checks it'
        )
    near = difflib.get_close_matches(name, commands, 1, cutoff=0.5)
    hint = f'did you mean {near[0]!r}?' if near else 'see mmsnip --help'
    return f'{name!r} is no command; {hint}'


def run_tool(command: Command, arguments: Sequence[str], folder: Path) -> int:
    """Run a tool as ``python tools/X.py`` would.

    Args:
        command (Command): With a ``tool``.
        arguments (Sequence[str]): Its own.
        folder (Path): Of `home`.

    Returns:
        int: 0 where the tool does not exit itself, 2 where a package is
        missing.

    Raises:
        SystemExit: The tool's own.
    """
    given = list(arguments)
    if command.takes_config:
        given = with_configs(given, folder)
    path = folder / 'tools' / command.tool
    # What `python tools/X.py` would be, but for the name argparse takes from
    # argv; runpy would put the path there.
    module = types.ModuleType('__main__')
    module.__file__ = str(path)
    before = sys.argv, sys.modules['__main__']
    sys.argv = [f'mmsnip {command.name}', *given]
    sys.modules['__main__'] = module
    try:
        code = compile(path.read_bytes(), str(path), 'exec')
        exec(code, module.__dict__)
    except ModuleNotFoundError as error:
        missing = (error.name or '').split('.')[0]
        if missing not in NEEDED or os.environ.get('MMSNIP_TRACEBACK') == '1':
            raise
        sys.stderr.write(
            f'error: mmsnip {command.name} needs {missing}, which is not '
            'installed here; `mmsnip doctor` says what to do\n'
        )
        return 2
    finally:
        sys.argv, sys.modules['__main__'] = before
    return 0
