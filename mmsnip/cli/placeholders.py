"""Stand-ins for heavy modules, while only a tool's arguments are wanted.

`tools/train.py` imports torch and mmengine before it knows any argument. In
here their names exist, do nothing, and cost nothing.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ['HEAVY', 'light_imports']

# Modules, with all below them, that an argument parser can do without.
HEAVY = (
    *('torch', 'mmengine', 'mmcv', 'mmaction', 'matplotlib', 'cv2'),
    *('onnx', 'onnxruntime', 'onnxscript', 'rich', 'PIL'),
    *('mmsnip.registry', 'mmsnip.hooks', 'mmsnip.models'),
    *('mmsnip.datasets', 'mmsnip.transforms', 'mmsnip.apis.inferencer'),
    *('mmsnip.apis.custom', 'mmsnip.apis.trained_model'),
)


class _NothingMeta(type):
    """Whatever is asked of the class gives the class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        # As a decorator it leaves alone what it decorates.
        if len(args) == 1 and callable(args[0]) and not kwargs:
            return args[0]
        return cls

    def __iter__(cls) -> Iterator[Any]:
        return iter(())

    def __len__(cls) -> int:
        return 0

    def __getitem__(cls, key: Any) -> Any:
        return cls

    def __format__(cls, spec: str) -> str:
        return ''

    def __str__(cls) -> str:
        return ''


class Nothing(metaclass=_NothingMeta):
    """Class, function, decorator, mapping, sequence: nothing of each."""


class _AnyAction(argparse.Action):
    """In place of mmengine's `DictAction`."""


class _EmptyModule(types.ModuleType):
    """A module, and package, that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        return _AnyAction if name.endswith('Action') else Nothing


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an `_EmptyModule` for each heavy name."""

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not _is_heavy(name):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(
        self, spec: importlib.machinery.ModuleSpec
    ) -> types.ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is in it."""


def _is_heavy(name: str) -> bool:
    return any(name == h or name.startswith(f'{h}.') for h in HEAVY)


@contextmanager
def light_imports(also: Sequence[str] = ('mmsnip',)) -> Iterator[None]:
    """Import without the heavy modules inside; all is undone behind.

    Args:
        also (Sequence[str]): Packages whose modules are imported anew inside,
            since they keep what they imported, and forgotten behind, for the
            same reason. Defaults to this one.

    Yields:
        None: Imports inside are light.
    """

    def forget() -> dict[str, types.ModuleType]:
        names = [
            name
            for name in sys.modules
            if _is_heavy(name) or name.split('.')[0] in also
        ]
        return {name: sys.modules.pop(name) for name in names}

    finder = _Finder()
    before = forget()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        forget()
        sys.modules.update(before)
