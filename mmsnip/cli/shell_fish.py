"""Completion for fish, with the help of each option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmsnip.cli.arguments import Arguments

__all__ = ['fish_script']


def fish_script(tree: Mapping[str, Arguments], configs: Sequence[str]) -> str:
    """Script for fish's folder of completions.

    Args:
        tree (Mapping[str, Arguments]): Of `all_arguments`.
        configs (Sequence[str]): Of `list_configs`.

    Returns:
        str: A ``complete`` a line.
    """
    lines = [
        '# fish completion of mmsnip; made by: mmsnip completion fish',
        "complete -c mmsnip -n __fish_use_subcommand -l help -d 'show help'",
        'complete -c mmsnip -n __fish_use_subcommand -l version '
        "-d 'show the version'",
    ]
    for name, arguments in tree.items():
        lines.append(
            f'complete -c mmsnip -f -n __fish_use_subcommand -a {name} '
            f'-d {_quote(arguments.help)}'
        )
    for name, arguments in tree.items():
        lines += _lines([name], arguments, configs)
    return '\n'.join(lines) + '\n'


def _lines(
    path: Sequence[str], arguments: Arguments, configs: Sequence[str]
) -> Iterator[str]:
    """What completes behind these words."""
    seen = '; and '.join(f'__fish_seen_subcommand_from {w}' for w in path)
    start = f'complete -c mmsnip -n {_quote(seen)}'
    for option in arguments.options:
        line = start
        for flag in option.flags:
            long = flag.startswith('--')
            line += f' -l {flag[2:]}' if long else f' -s {flag[1:]}'
        line += f' -d {_quote(option.help)}'
        if option.choices:
            line += f' -x -a {_quote(" ".join(option.choices))}'
        elif option.takes_value:
            line += ' -r'
        yield line
    if arguments.takes_config:
        yield f'{start} -a {_quote(" ".join(configs))}'
    words = [*arguments.choices, *arguments.below]
    if words:
        not_yet = f'not __fish_seen_subcommand_from {" ".join(words)}'
        yield (
            f'complete -c mmsnip -f -n {_quote(f"{seen}; and {not_yet}")} '
            f'-a {_quote(" ".join(words))}'
        )
    for name, each in arguments.below.items():
        yield from _lines([*path, name], each, configs)


def _quote(text: str) -> str:
    text = text.replace('\\', '\\\\').replace("'", "\\'")
    return f"'{text}'"
