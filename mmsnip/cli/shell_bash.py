"""Completion for bash 3.2 and later."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from mmsnip.cli.arguments import Arguments

__all__ = ['bash_script']

# Readline completes file names by itself where COMPREPLY stays empty.
HEAD = """\
# bash completion of mmsnip; made by: mmsnip completion bash
_mmsnip() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    local words='' options='' first=2 files='' IFS=$' \\t\\n'
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W {commands} -- "$cur"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
"""
TAIL = """\
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif ((COMP_CWORD == first)); then
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        if [[ -n $files ]]; then
            IFS=$'\\n'
            COMPREPLY+=($(compgen -f -- "$cur"))
        fi
    fi
}
complete -o default -F _mmsnip mmsnip
"""


def bash_script(tree: Mapping[str, Arguments], configs: Sequence[str]) -> str:
    """Script to be sourced by bash.

    Args:
        tree (Mapping[str, Arguments]): Of `all_arguments`.
        configs (Sequence[str]): Of `list_configs`.

    Returns:
        str: It defines ``_mmsnip`` and completes ``mmsnip`` by it.
    """
    lines = []
    for name, arguments in tree.items():
        lines.append(f'{name})')
        lines += [f'    {line}' for line in _body(arguments, 1, configs)]
        lines.append('    ;;')
    head = HEAD.format(commands=shlex.quote(' '.join([*tree, *GENERAL])))
    return head + ''.join(f'    {line}\n' for line in lines) + TAIL


GENERAL = ('--help', '--version')


def _body(
    arguments: Arguments, depth: int, configs: Sequence[str]
) -> Iterator[str]:
    """Lines that set words, options and first, or answer at once."""
    words = [*arguments.choices, *arguments.below]
    if arguments.takes_config:
        words += configs
    flags = [flag for option in arguments.options for flag in option.flags]
    if depth > 1:
        yield f'first={depth + 1}'
    yield f'words={shlex.quote(" ".join(words))}'
    yield f'options={shlex.quote(" ".join(flags))}'
    if arguments.takes_config:
        yield 'files=yes'
    chosen = [option for option in arguments.options if option.choices]
    if chosen:
        yield 'case $prev in'
        for option in chosen:
            found = shlex.quote(' '.join(option.choices))
            yield f'{"|".join(option.flags)})'
            yield f'    COMPREPLY=($(compgen -W {found} -- "$cur"))'
            yield '    return'
            yield '    ;;'
        yield 'esac'
    if arguments.below:
        yield f'if ((COMP_CWORD > {depth + 1})); then'
        yield f'    case ${{COMP_WORDS[{depth + 1}]}} in'
        for name, each in arguments.below.items():
            yield f'    {name})'
            for line in _body(each, depth + 1, configs):
                yield f'        {line}'
            yield '        ;;'
        yield '    esac'
        yield 'fi'
