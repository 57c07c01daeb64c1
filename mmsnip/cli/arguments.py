"""The arguments of each subcommand, read from its own parser."""

from __future__ import annotations

import argparse
import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mmsnip.cli.commands import Command, offered
from mmsnip.cli.placeholders import light_imports

__all__ = ['Arguments', 'Option', 'all_arguments', 'read_parser']


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Args:
        flags (tuple[str, ...]): As typed, long and short.
        help (str): One line, no markup.
        takes_value (bool): Whether a value follows.
        choices (tuple[str, ...]): All that may follow; empty: anything.
    """

    flags: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arguments:
    """What can be typed behind a command.

    Args:
        help (str): Of the command, one line.
        options (tuple[Option, ...]): All but the hidden ones.
        choices (tuple[str, ...]): Words that its first argument is one of;
            empty: files.
        below (dict[str, Arguments]): Commands of the command.
        takes_config (bool): Whether the first argument is a config.
    """

    help: str = ''
    options: tuple[Option, ...] = ()
    choices: tuple[str, ...] = ()
    below: dict[str, Arguments] = field(default_factory=dict)
    takes_config: bool = False


class _Read(Exception):  # noqa: N818 -- carries, reports nothing
    """Carries a parser out of the tool that has just made it."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def _words(text: Any) -> str:
    """One line without argparse's doubled percent signs."""
    hidden = text is None or text is argparse.SUPPRESS
    return '' if hidden else ' '.join(str(text).split()).replace('%%', '%')


def read_parser(
    parser: argparse.ArgumentParser,
    about: str = '',
    takes_config: bool = False,
) -> Arguments:
    """What a parser takes.

    Args:
        parser (argparse.ArgumentParser): Of a tool.
        about (str): The command's help. Defaults to ''.
        takes_config (bool): Whether its first argument is a config.

    Returns:
        Arguments: With the subparsers below it.
    """
    options, below, choices = [], {}, ()
    # argparse has no public list of what was added to it.
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {a.dest: a.help for a in action._choices_actions}
            below = {
                name: read_parser(each, _words(helps.get(name)))
                for name, each in action.choices.items()
            }
        elif not action.option_strings:
            choices = choices or tuple(map(str, action.choices or ()))
        elif action.help is not argparse.SUPPRESS:
            options.append(
                Option(
                    tuple(action.option_strings),
                    _words(action.help),
                    action.nargs != 0,
                    tuple(map(str, action.choices or ())),
                )
            )
    return Arguments(about, tuple(options), choices, below, takes_config)


def parser_of(tool: Path) -> argparse.ArgumentParser | None:
    """The parser that a tool builds, without anything heavy imported.

    Args:
        tool (Path): With a function ``parse_args``, or else ``main``.

    Returns:
        argparse.ArgumentParser | None: None where the tool shows none.
    """

    def caught(parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        raise _Read(parser)

    kind = argparse.ArgumentParser
    try:
        with light_imports(), patch.object(kind, 'parse_args', caught):
            names = runpy.run_path(str(tool), run_name='mmsnip_tool')
            names.get('parse_args', names.get('main', int))()
    except _Read as read:
        return read.parser
    except Exception:  # completion without options beats no completion
        return None
    return None


def all_arguments(home: Path | None) -> dict[str, Arguments]:
    """Arguments of all subcommands.

    Args:
        home (Path | None): Of `mmsnip.cli.places.home`.

    Returns:
        dict[str, Arguments]: By the name of the subcommand.
    """
    return {
        name: arguments_of(command, home)
        for name, command in offered(home).items()
    }


def arguments_of(command: Command, home: Path | None) -> Arguments:
    """Arguments of one subcommand.

    Args:
        command (Command): Of `offered`.
        home (Path | None): Of `mmsnip.cli.places.home`.

    Returns:
        Arguments: Without options where its parser cannot be read.
    """
    if command.tool is not None:
        parser = parser_of(home / 'tools' / command.tool)
    elif command.name == 'doctor':
        from mmsnip.cli import doctor

        parser = doctor.build_parser()
    else:
        from mmsnip.cli import completion

        parser = completion.build_parser()
    if parser is None:
        return Arguments(command.help, takes_config=command.takes_config)
    return read_parser(parser, command.help, command.takes_config)
