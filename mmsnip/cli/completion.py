"""Print a script that lets a shell complete ``mmsnip``.

bash: mmsnip completion bash > ~/.mmsnip.bash
      and in ~/.bashrc: source ~/.mmsnip.bash
zsh:  mmsnip completion zsh > ~/.zfunc/_mmsnip
      and in ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit
fish: mmsnip completion fish > ~/.config/fish/completions/mmsnip.fish
tcsh: mmsnip completion tcsh > ~/.mmsnip.tcsh, and source it in ~/.tcshrc

Write it again after an update: it lists the options of this version.
"""

from __future__ import annotations

import argparse
import importlib

SHELLS = ('bash', 'zsh', 'fish', 'tcsh', 'powershell')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('shell', choices=SHELLS, help='your shell')


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    print(shtab.complete(_whole_parser(), shell=args.shell))
    return 0


def _whole_parser() -> argparse.ArgumentParser:
    """All commands below one parser."""
    from mmsnip.cli.command_line import COMMANDS

    parser = argparse.ArgumentParser(prog='mmsnip')
    parser.add_argument('--version', action='store_true', help='print it')
    commands = parser.add_subparsers(dest='command')
    for name, command in COMMANDS.items():
        below = commands.add_parser(name, help=command.help)
        importlib.import_module(f'mmsnip.cli.{name}').add_arguments(below)
        _complete_files(below)
    return parser


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Mark what may be a file; configs that came along are offered, too."""
    import shtab

    from mmsnip.cli.places import home, list_configs

    words = ' '.join(list_configs(home()))
    name = '_mmsnip_config_files'
    configs = {
        **shtab.FILE,
        **dict.fromkeys(('bash', 'zsh'), name),
        'fish': f'(__fish_complete_path (commandline -ct); echo {words} | '
        "string split ' ')",
        'preamble': {
            'bash': f'{name}() {{ compgen -f -- "$1"; '
            f'compgen -W "{words}" -- "$1"; }}',
            'zsh': f'{name}() {{ _files; compadd -- {words} }}',
        },
    }
    # argparse has no public list of what was added to it.
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _complete_files(below)
        elif action.dest == 'config':
            action.complete = configs
        elif action.nargs != 0 and not action.choices and not action.type:
            action.complete = shtab.FILE
