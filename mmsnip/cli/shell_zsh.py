"""Completion for zsh, with the help of each option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmsnip.cli.arguments import Arguments, Option

__all__ = ['zsh_script']


def zsh_script(tree: Mapping[str, Arguments], configs: Sequence[str]) -> str:
    """Script for a folder of zsh's ``fpath``, or to be sourced.

    Args:
        tree (Mapping[str, Arguments]): Of `all_arguments`.
        configs (Sequence[str]): Of `list_configs`.

    Returns:
        str: A function for mmsnip and one for each of its commands.
    """
    top = Arguments(
        options=(
            Option(('--help',), 'show what there is', False),
            Option(('--version',), 'show the version', False),
        ),
        below=dict(tree),
    )
    lines = [
        '#compdef mmsnip',
        '# zsh completion of mmsnip; made by: mmsnip completion zsh',
        *_function('_mmsnip', top),
        '_mmsnip_configs() {',
        '    local -a configs',
        f'    configs=({" ".join(map(_quote, configs))})',
        "    _alternative 'configs:config:compadd -a configs' "
        "'files:file:_files'",
        '}',
        # Sourced, or called by compinit: by the name of the function.
        'if [[ ${funcstack[1]} == _mmsnip ]]; then',
        '    _mmsnip "$@"',
        'else',
        '    compdef _mmsnip mmsnip',
        'fi',
    ]
    return '\n'.join(lines) + '\n'


def _function(name: str, arguments: Arguments) -> Iterator[str]:
    """The function of a command, those of its commands before it."""
    for word, each in arguments.below.items():
        yield from _function(f'{name}_{word.replace("-", "_")}', each)
    yield f'{name}() {{'
    specs = [spec for o in arguments.options for spec in _specs(o)]
    if not arguments.below:
        specs += _positionals(arguments)
        yield from _call('_arguments', specs)
        yield '}'
        return
    yield '    local curcontext=$curcontext state line'
    specs += [_quote('1:command:->command'), _quote('*::argument:->rest')]
    yield from _call('_arguments -C', specs)
    yield '    case $state in'
    yield '    command)'
    yield '        local -a commands'
    described = [
        _quote(f'{word}:{each.help}') for word, each in arguments.below.items()
    ]
    yield f'        commands=({" ".join(described)})'
    yield "        _describe -t commands 'command' commands"
    yield '        ;;'
    yield '    rest)'
    yield '        case ${words[1]} in'
    for word in arguments.below:
        yield f'        {word}) {name}_{word.replace("-", "_")} ;;'
    yield '        *) _files ;;'
    yield '        esac'
    yield '        ;;'
    yield '    esac'
    yield '}'


def _call(command: str, specs: Sequence[str]) -> Iterator[str]:
    yield f'    {command} \\'
    for index, spec in enumerate(specs):
        yield f'        {spec}' + (' \\' if index + 1 < len(specs) else '')


def _positionals(arguments: Arguments) -> list[str]:
    if arguments.choices:
        words = ' '.join(arguments.choices)
        return [_quote(f'1:argument:({words})'), _quote('*:file:_files')]
    if arguments.takes_config:
        first = _quote('1:config:_mmsnip_configs')
        return [first, _quote('*:file:_files')]
    return [_quote('*:file:_files')]


def _specs(option: Option) -> Iterator[str]:
    """What `_arguments` reads of an option, one for each way to write it."""
    about = option.help
    for mark in '\\[]:':
        about = about.replace(mark, f'\\{mark}')
    for flag in option.flags:
        spec = f'{flag}[{about}]'
        if option.choices:
            spec += f':value:({" ".join(option.choices)})'
        elif option.takes_value:
            spec += ':value:_files'
        yield _quote(spec)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
