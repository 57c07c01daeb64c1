"""Print a script that lets a shell complete ``mmsnip``.

bash: mmsnip completion bash > ~/.mmsnip.bash
      and in ~/.bashrc: source ~/.mmsnip.bash
zsh:  mmsnip completion zsh > ~/.zfunc/_mmsnip
      and in ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit
fish: mmsnip completion fish > ~/.config/fish/completions/mmsnip.fish

Write it again after an update: it lists the options of this version.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmsnip.cli.arguments import all_arguments
from mmsnip.cli.places import home, list_configs
from mmsnip.cli.shell_bash import bash_script
from mmsnip.cli.shell_fish import fish_script
from mmsnip.cli.shell_zsh import zsh_script

__all__ = ['SCRIPTS', 'build_parser', 'main']

SCRIPTS = {'bash': bash_script, 'zsh': zsh_script, 'fish': fish_script}


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command.

    Returns:
        argparse.ArgumentParser: Of one word.
    """
    parser = argparse.ArgumentParser(
        prog='mmsnip completion',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('shell', choices=list(SCRIPTS), help='your shell')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the script.

    Args:
        argv (Sequence[str] | None): Arguments, None takes the command line.

    Returns:
        int: Exit status.
    """
    args = build_parser().parse_args(argv)
    folder = home()
    script = SCRIPTS[args.shell](all_arguments(folder), list_configs(folder))
    sys.stdout.write(script)
    return 0
