"""``mmsnip COMMAND ..``: the commands, and what ends one of them in a line."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import NamedTuple, NoReturn

from mmsnip import __version__

__all__ = ['COMMANDS', 'main', 'parser_of', 'run_tool']

# A command that lacks one of these says so in a line; doctor knows the rest.
NEEDED = ('mmaction', 'mmcv', 'mmengine', 'numpy', 'scipy', 'torch')
LAST_WORDS = """\
mmsnip COMMAND --help says more. A config is looked for here first, then among
those that came with mmsnip: mmsnip train configs/custom/localize.py"""


class Command(NamedTuple):
    """A subcommand: module ``mmsnip.cli.NAME``, its heading, its help."""

    group: str
    help: str


DATA, RUNS, HERE = 'data', 'models and results', 'this installation'
# Each module has ``add_arguments(parser)`` and ``run(args) -> status``; what
# is heavy is imported inside ``run``, so that help is there at once.
COMMANDS = {
    'synthesize': Command(DATA, 'make data to try it on'),
    'prepare': Command(DATA, 'recordings to one annotation file'),
    'inspect': Command(DATA, 'facts and pictures of a file'),
    'validate': Command(DATA, 'name what is wrong in a file'),
    'train': Command(RUNS, 'run a config of either stage'),
    'test': Command(RUNS, 'metrics of a checkpoint'),
    'infer': Command(RUNS, 'localize in new recordings'),
    'stream': Command(RUNS, 'the same, while frames arrive'),
    'export': Command(RUNS, 'a checkpoint for other programs'),
    'fuse': Command(RUNS, 'merge scores of several networks'),
    'plot': Command(RUNS, 'pictures of runs and results'),
    'report': Command(RUNS, 'a page that shows a test'),
    'doctor': Command(HERE, 'check it, say what to mend'),
    'completion': Command(HERE, 'script that completes these in a shell'),
}


def build_parser() -> argparse.ArgumentParser:
    """Parser of the first word; its help fits one screen."""
    lines = []
    for group, members in groupby(COMMANDS.items(), lambda item: item[1][0]):
        lines.append(f'{group}:')
        lines += [f'  {name:<11} {command.help}' for name, command in members]
    parser = argparse.ArgumentParser(
        prog='mmsnip',
        usage='mmsnip [--help] [--version] COMMAND [ARGUMENTS]',
        description='Find when people do what in streams of 3D skeletons.',
        epilog='\n'.join([*lines, '', LAST_WORDS]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    hidden = dict(help=argparse.SUPPRESS)
    version = f'mmsnip {__version__}'
    parser.add_argument('-h', '--help', action='help', **hidden)
    parser.add_argument(
        '--version', action='version', version=version, **hidden
    )
    parser.add_argument('command', nargs='?', **hidden)
    return parser


def parser_of(name: str) -> argparse.ArgumentParser:
    """Parser of a command.

    Args:
        name (str): One of `COMMANDS`.

    Returns:
        argparse.ArgumentParser: With its arguments, made without torch.
    """
    module = importlib.import_module(f'mmsnip.cli.{name}')
    parser = argparse.ArgumentParser(
        prog=f'mmsnip {name}',
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        argv (Sequence[str] | None): Arguments, None takes the command line.

    Returns:
        int: Exit status of the command.

    Raises:
        SystemExit: Status 2 where a command is unknown, an argument is
            wrong, or a file or package cannot be used.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    name = parser.parse_args(words[:1]).command
    if name is None:
        parser.print_help()
        return 2
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1, cutoff=0.5)
        hint = f'did you mean {near[0]!r}?' if near else 'see mmsnip --help'
        parser.exit(2, f'mmsnip: error: {name!r} is no command; {hint}\n')
    with readable_errors(name):
        args = parser_of(name).parse_args(words[1:])
        return args.run(args)


def run_tool(name: str) -> NoReturn:
    """Be ``tools/NAME.py``: run a command with this process's arguments."""
    sys.exit(main([name, *sys.argv[1:]]))


@contextmanager
def readable_errors(command: str = 'mmsnip') -> Iterator[None]:
    """End with the message alone where it says what to do, status 2.

    A command that ends well leaves the process group first: its threads,
    left to the interpreter's end, abort it now and then.
    """
    from mmsnip.compat import VersionError

    try:
        yield
    except (OSError, VersionError) as error:
        _end_with(error, str(error))
    except ModuleNotFoundError as error:
        missing = (error.name or '').split('.')[0]
        if missing not in NEEDED:
            raise
        _end_with(
            error,
            f'mmsnip {command} needs {missing}, which is not installed here; '
            '`mmsnip doctor` says what to do',
        )
    except (KeyError, TypeError, ValueError) as error:
        from mmsnip.structures import DataError

        if isinstance(error, DataError):
            _end_with(error, str(error))
        if 'mmengine' not in sys.modules:
            raise
        from mmsnip.apis.construction import explain_construction

        line = explain_construction(error)
        if line is None:
            raise
        _end_with(error, f'{line} (MMSNIP_TRACEBACK=1 shows where)')
    if _is_distributed():
        sys.modules['torch.distributed'].destroy_process_group()


def _is_distributed() -> bool:
    distributed = sys.modules.get('torch.distributed')
    return (
        distributed is not None
        and distributed.is_available()
        and distributed.is_initialized()
    )


def _end_with(error: Exception, line: str) -> NoReturn:
    if os.environ.get('MMSNIP_TRACEBACK') == '1':
        raise error
    sys.stdout.flush()
    sys.stderr.write(f'error: {line}\n')
    sys.stderr.flush()
    if _is_distributed():
        os._exit(2)  # the other processes wait at a collective
    raise SystemExit(2) from None
