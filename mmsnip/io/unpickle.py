"""Pickles of plain data, opened without running anything.

The few names that a pickle may ask for are inert stand-ins; everything else
is refused by name. Only scalars are ever hashed, and what shared references
would multiply is bounded, so that a small file stays small.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

import numpy as np

from mmsnip.structures.errors import DataError

__all__ = ['RefusedPickle', 'unpickle']

MAX_DEPTH = 64
# Whoever copies the tree meets what is shared once a reference: up to as many
# nodes and numbers, and as many times those that the file holds.
MAX_UNFOLDED, MAX_SHARE = 200_000, 50
_SCALARS = (str, int, float, bool, bytes, bytearray, complex, type(None))
_DTYPE = re.compile(r'[<>=|]?(\?|[biuf]\d{1,2}|[SU]\d{0,9})')


class RefusedPickle(DataError):  # noqa: N818  (it says what happened)
    """A pickle holds more than plain data, or is broken."""

    def __init__(self, found: str, where: tuple = (), data: Any = None):
        super().__init__(found)
        self.found = found
        self.where = where
        self.data = data


class _Name:
    """A name that a pickle may call and cannot change."""

    __slots__ = ('call', 'name')

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name = name
        self.call = call

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickle(f'an attempt to change {self.name}')


class _Dtype:
    """What a pickle says about an array's dtype."""

    __slots__ = ('order', 'plain', 'spec')

    def __init__(self, spec: Any = None, *_: Any) -> None:
        self.spec = spec
        self.order = '='
        self.plain = type(spec) is str and bool(_DTYPE.fullmatch(spec))

    def __setstate__(self, state: Any) -> None:
        _, self.order, *parts = state[:5]
        self.plain &= self.order in ('<', '>', '=', '|')
        self.plain &= parts == [None, None, None]  # no fields


class _Array:
    """An array, or a scalar, in the making; its place is known later."""

    __slots__ = ('error', 'value')

    def __init__(self) -> None:
        self.error: str | None = 'a numpy array without content'

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.fill(data, dtype, shape, 'F' if fortran else 'C')

    def fill(self, data: Any, dtype: Any, shape: Any, order: str) -> _Array:
        if type(dtype) is not _Dtype or not dtype.plain:
            spec = getattr(dtype, 'spec', dtype)
            name = 'object dtype' if spec in ('O', 'O8') else f'{spec!r:.60}'
            self.error = f'a numpy array of {name}'
            return self
        try:
            kind = np.dtype(dtype.spec).newbyteorder(dtype.order)
            count = np.frombuffer(data, kind) if len(data) else np.zeros(0)
            array = count.astype(kind.newbyteorder('='))  # writable, native
            self.value = array.reshape(shape, order=order)
            self.error = None
        except (TypeError, ValueError, OverflowError) as error:
            self.error = f'a damaged numpy array ({error!s:.80})'
        return self


def _scalars(values: Any) -> Any:
    """The same values; hashing a nested one can take for ever."""
    for value in values:
        if type(value) not in _SCALARS:
            name = type(value).__name__.strip('_')
            raise RefusedPickle(f'a dict key or set member of type {name}')
    return values


def _reconstruct(subtype: Any, *_: Any) -> _Array:
    if getattr(subtype, 'name', None) != 'numpy.ndarray':
        raise RefusedPickle('a subclass of numpy.ndarray')
    return _Array()


def _scalar(dtype: Any, data: Any = b'') -> _Array:
    made = _Array().fill(data, dtype, (), 'C')
    if made.error is None:
        made.value = made.value[()]
    return made


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    """Bytes of protocols 0 to 2."""
    if encoding not in ('latin1', 'latin-1'):
        raise RefusedPickle('a call of _codecs.encode')
    return text.encode('latin1')


def _bytearray(data: Any = b'', encoding: str = 'latin1') -> bytearray:
    if type(data) is str:
        data = _encode(data, encoding)
    if type(data) is not bytes:  # a number would be a size
        raise RefusedPickle('a call of builtins.bytearray')
    return bytearray(data)


def _not_called(*_: Any) -> None:
    raise RefusedPickle('a direct call of numpy.ndarray')


_CALLS = {
    'numpy.ndarray': _not_called,
    'numpy.dtype': _Dtype,
    'numpy._core.multiarray._reconstruct': _reconstruct,
    'numpy._core.multiarray.scalar': _scalar,
    'numpy._core.numeric._frombuffer': lambda data, dtype, shape, order='C': (
        _Array().fill(data, dtype, shape, order)
    ),
    '_codecs.encode': _encode,
    'builtins.bytes': lambda: b'',
    'builtins.bytearray': _bytearray,
    'builtins.set': lambda items=(): set(_scalars(items)),
    'builtins.frozenset': lambda items=(): frozenset(_scalars(items)),
}
_RENAMED = {'numpy.core': 'numpy._core', '__builtin__': 'builtins'}


class _PlainUnpickler(pickle._Unpickler):  # the one whose steps can be seen
    """Hands out stand-ins only, and hashes scalars only."""

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> _Name:
        known = module
        for old, new in _RENAMED.items():  # of numpy 1 and of Python 2
            known = re.sub(rf'^{re.escape(old)}(?=\.|$)', new, known)
        if f'{known}.{name}' not in _CALLS:
            raise RefusedPickle(f'{module}.{name}')
        return _Name(f'{known}.{name}', _CALLS[f'{known}.{name}'])

    def get_extension(self, code: int) -> None:
        raise RefusedPickle('an extension code')

    def persistent_load(self, pid: Any) -> None:
        raise RefusedPickle('a persistent id')

    def load_bytearray8(self) -> None:
        """Read what is there, whatever length is announced."""
        size = int.from_bytes(self.read(8), 'little')
        self.append(bytearray(self.read(size)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


def _watch(code: bytes, hashed: slice) -> None:
    """Look at what an operation is going to hash."""
    load = pickle._Unpickler.dispatch[code[0]]

    def watched(self: _PlainUnpickler) -> None:
        _scalars(self.stack[hashed])
        load(self)

    _PlainUnpickler.dispatch[code[0]] = watched


_watch(pickle.SETITEM, slice(-2, -1))
_watch(pickle.SETITEMS, slice(None, None, 2))
_watch(pickle.DICT, slice(None, None, 2))
_watch(pickle.ADDITEMS, slice(None))
_watch(pickle.FROZENSET, slice(None))


class _Walk:
    """The tree with arrays in place of their stand-ins."""

    def __init__(self) -> None:
        self.done: dict[int, tuple[Any, Any, int]] = {}
        self.active: set[int] = set()
        self.held = 0

    def resolve(self, value: Any, where: tuple) -> tuple[Any, int]:
        kind = type(value)
        if kind in _SCALARS:
            return value, 1
        if kind is _Array:
            if value.error:
                raise RefusedPickle(value.error, where)
            size = 1 + np.size(value.value)
            self.held += 0 if id(value) in self.done else size
            self.done[id(value)] = value, value.value, size
            return value.value, size
        if kind not in (dict, list, tuple, set, frozenset):
            name = getattr(value, 'name', kind.__name__.strip('_'))
            raise RefusedPickle(f'{name} as a value', where)
        if id(value) in self.done:
            return self.done[id(value)][1:]
        if id(value) in self.active:
            raise RefusedPickle('a container that holds itself', where)
        if len(where) >= MAX_DEPTH:
            raise RefusedPickle(f'more than {MAX_DEPTH} nested levels', where)
        self.active.add(id(value))
        self.held += len(value) + 1
        keys = value if kind is dict else range(len(value))
        items = value.values() if kind is dict else value
        made = [self.resolve(v, (*where, k)) for k, v in zip(keys, items)]
        size = 1 + sum(n for _, n in made)
        resolved: Any = [v for v, _ in made]
        if kind is dict:
            value.update(zip(keys, resolved))
            resolved = value
        elif kind is list:
            value[:] = resolved
            resolved = value
        else:
            resolved = kind(resolved)
        self.active.discard(id(value))
        self.done[id(value)] = value, resolved, size
        return resolved, size


def unpickle(file: BinaryIO) -> Any:
    """Read a pickle of builtin containers, scalars and numpy arrays.

    Nothing that the pickle names is imported or called. Protocols 0 to 5 and
    the module names of numpy 1 and 2 are understood.
    """
    try:
        data = _PlainUnpickler(file).load()
    except RefusedPickle:
        raise
    except Exception as error:
        raise RefusedPickle(
            f'an unreadable pickle ({type(error).__name__}: {error!s:.120})'
        ) from error
    walk = _Walk()
    try:
        resolved, size = walk.resolve(data, ())
    except RefusedPickle as refusal:
        refusal.data = data
        raise
    if size > MAX_UNFOLDED + MAX_SHARE * walk.held:
        raise RefusedPickle(
            f'shared containers that unfold to {size:.2g} entries, where the '
            f'file holds {walk.held}'
        )
    return resolved
