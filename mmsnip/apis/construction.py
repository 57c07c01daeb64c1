"""Which part of a config could not be built, in a line."""

from __future__ import annotations

import difflib
import inspect
import re
from contextlib import suppress
from traceback import walk_tb
from typing import Any

from mmengine.registry import build_from_cfg

__all__ = ['explain_construction']


def explain_construction(error: BaseException) -> str | None:
    """Name the component that an error ended, and what it was given.

    None where nothing was being built: the config is not what is wrong.
    """
    builders = [
        frame.f_locals
        for frame, _ in walk_tb(error.__traceback__)
        if frame.f_code is build_from_cfg.__code__
    ]
    if not builders:
        return None
    component = builders[-1].get('obj_cls')
    if component is None:  # the registry has no such type
        return str(error.args[0]) if error.args else None
    name = getattr(component, '__name__', str(component))
    wrong = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if isinstance(error, TypeError) and wrong:
        return f'{name} takes no argument {wrong[1]!r}; ' + _instead(
            wrong[1], component
        )
    text = str(error) or type(error).__name__
    return text if text.startswith(name) else f'{name}: {text}'


def _instead(wrong: str, component: Any) -> str:
    names: list[str] = []
    for each in getattr(component, '__mro__', (component,)):
        with suppress(ValueError):  # written in C
            parameters = inspect.signature(each).parameters
            names += [
                n for n, p in parameters.items() if 'VAR_' not in p.kind.name
            ]
    near = difflib.get_close_matches(wrong, names, 1)
    if near:
        return f'did you mean {near[0]!r}?'
    return f'it takes {", ".join(dict.fromkeys(names))}'
