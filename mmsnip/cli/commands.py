"""The subcommands, and the tool behind each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ['COMMANDS', 'Command', 'offered']


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Args:
        name (str): What is typed.
        group (str): Heading of the help it stands under.
        help (str): One line, at most 60 characters.
        tool (str | None): File in ``tools``; None: part of `mmsnip.cli`.
        takes_config (bool): Its first argument is a config.
    """

    name: str
    group: str
    help: str
    tool: str | None = None
    takes_config: bool = False


DATA, RUNS, HERE = 'data', 'models and results', 'this installation'
COMMANDS = (
    Command('synthesize', DATA, 'make data to try it on', 'synthesize.py'),
    Command(
        'prepare', DATA, 'recordings to one annotation file', 'prepare_data.py'
    ),
    Command(
        'inspect', DATA, 'facts and pictures of a file', 'inspect_data.py'
    ),
    Command(
        'validate', DATA, 'name what is wrong in a file', 'validate_data.py'
    ),
    Command('train', RUNS, 'run a config of either stage', 'train.py', True),
    Command('test', RUNS, 'metrics of a checkpoint', 'test.py', True),
    Command('infer', RUNS, 'localize in new recordings', 'infer.py'),
    Command('stream', RUNS, 'the same, while frames arrive', 'stream.py'),
    Command('export', RUNS, 'a checkpoint for other programs', 'export.py'),
    Command('fuse', RUNS, 'merge scores of several networks', 'fuse.py'),
    Command('plot', RUNS, 'pictures of runs and results', 'plot.py'),
    Command('report', RUNS, 'a page that shows a test', 'report.py'),
    Command('doctor', HERE, 'check it, say what to mend'),
    Command('completion', HERE, 'script for bash, zsh or fish'),
)


def offered(home: Path | None) -> dict[str, Command]:
    """Subcommands that work in this installation.

    Args:
        home (Path | None): Of `mmsnip.cli.places.home`.

    Returns:
        dict[str, Command]: By name, in the order of the help; those whose
        tool is missing are left out.
    """
    return {
        command.name: command
        for command in COMMANDS
        if command.tool is None
        or (home is not None and (home / 'tools' / command.tool).is_file())
    }
