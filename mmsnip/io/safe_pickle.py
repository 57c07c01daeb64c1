"""Pickles of plain data, opened without running anything.

The pickle machine never sees a real callable: the few names that it may ask
for are inert stand-ins, which note what they were told. Afterwards the tree
is walked once, arrays take the place of their stand-ins, and whatever is no
builtin container, builtin scalar or numpy array of numbers or text is
refused, with its place in the tree.
"""

from __future__ import annotations

import copyreg
import pickle
import re
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

__all__ = ['RefusedPickle', 'load_plain']

MAX_DEPTH = 64
# Whoever copies the tree meets what is shared once a reference: up to as many
# nodes and numbers, and as many times those that the file holds.
MAX_UNFOLDED, MAX_SHARE = 200_000, 50
_SCALARS = (str, int, float, bool, bytes, bytearray, complex, type(None))
_CONTAINERS = (dict, list, tuple, set, frozenset)
_DTYPE = re.compile(r'[<>=|]?(\?|[biuf]\d{1,2}|[SU]\d{0,9})')


class RefusedPickle(ValueError):  # noqa: N818  (it says what happened)
    """A pickle holds more than plain data, or is broken.

    Its arguments are what was found and, where known, the tuple of keys and
    indices that lead to it.
    """

    @property
    def found(self) -> str:
        """What was found."""
        return self.args[0]

    @property
    def where(self) -> tuple:
        """Keys and indices that lead to it, empty if unknown."""
        return self.args[1] if len(self.args) > 1 else ()


class _Function:
    """A name that a pickle may use; it cannot be given attributes."""

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

    __slots__ = ('error', 'order', 'spec')

    def __init__(self, spec: Any = None, *_: Any) -> None:
        self.spec = spec
        self.order = '='
        self.error = None
        if type(spec) is not str or not _DTYPE.fullmatch(spec):
            name = 'object dtype' if spec in ('O', 'O8') else repr(spec)[:60]
            self.error = f'a numpy array of {name}'

    def __setstate__(self, state: Any) -> None:
        if (
            type(state) is not tuple
            or len(state) < 5
            or state[1] not in ('<', '>', '=', '|')
            or any(part is not None for part in state[2:5])
        ):
            self.error = self.error or 'a numpy array of a structured dtype'
            return
        self.order = state[1]

    def build(self) -> np.dtype:
        if self.error:
            raise RefusedPickle(self.error)
        try:
            return np.dtype(self.spec).newbyteorder(self.order)
        except TypeError as error:
            raise RefusedPickle(f'a numpy array of {self.spec!r}') from error


class _Array:
    """An array or numpy scalar in the making."""

    __slots__ = ('error', 'value')

    def __init__(self) -> None:
        self.value = None
        self.error = 'a numpy array without content'

    def __setstate__(self, state: Any) -> None:
        if type(state) is not tuple or len(state) != 5:
            raise RefusedPickle('a numpy array of unknown form')
        _, shape, dtype, fortran, data = state
        self.fill(data, dtype, shape, 'F' if fortran else 'C')

    def fill(self, data: Any, dtype: Any, shape: Any, order: str) -> None:
        """Read the buffer; a failure is told when its place is known."""
        try:
            self.value = _from_buffer(data, dtype, shape, order)
            self.error = None
        except RefusedPickle as refusal:
            self.value = None
            self.error = refusal.found


def _from_buffer(data: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    if type(dtype) is not _Dtype:
        raise RefusedPickle('a numpy array without a dtype')
    kind = dtype.build()
    if type(shape) is not tuple or not all(
        type(size) is int and size >= 0 for size in shape
    ):
        raise RefusedPickle(f'a numpy array of shape {repr(shape)[:60]}')
    if type(data) not in (bytes, bytearray):
        raise RefusedPickle(
            f'a numpy array filled from {type(data).__name__}'
        )
    count = 1
    for size in shape:
        count *= size
    if len(data) != count * kind.itemsize:
        raise RefusedPickle(
            f'a numpy array of shape {shape} and dtype {kind} with '
            f'{len(data)} bytes, a damaged file'
        )
    if len(data) == 0:
        return np.zeros(shape, kind)
    array = np.frombuffer(data, dtype=kind).reshape(shape, order=order)
    return array.astype(kind.newbyteorder('='), order='K', copy=True)


def _reconstruct(subtype: Any, *_: Any) -> _Array:
    if subtype is not _NDARRAY:
        raise RefusedPickle('a subclass of numpy.ndarray')
    return _Array()


def _frombuffer(
    data: Any, dtype: Any, shape: Any, order: Any = 'C', *_: Any
) -> _Array:
    array = _Array()
    array.fill(data, dtype, shape, 'F' if order == 'F' else 'C')
    return array


def _scalar(dtype: Any, data: Any = b'') -> _Array:
    array = _Array()
    array.fill(data, dtype, (), 'C')
    if array.value is not None:
        array.value = array.value[()]
    return array


def _encode(text: Any, encoding: Any = 'latin1') -> bytes:
    """Bytes of protocols 0 to 2."""
    if type(text) is not str or encoding not in ('latin1', 'latin-1'):
        raise RefusedPickle('a call of _codecs.encode')
    return text.encode('latin1')


def _bytes(*args: Any) -> bytes:
    if args:
        raise RefusedPickle('a call of builtins.bytes')
    return b''


def _bytearray(data: Any = b'', encoding: Any = 'latin-1') -> bytearray:
    if type(data) is str:
        data = _encode(data, encoding)
    if type(data) not in (bytes, bytearray):
        raise RefusedPickle('a call of builtins.bytearray')
    return bytearray(data)


def _set(items: Any = ()) -> set:
    if type(items) is not list:
        raise RefusedPickle('a call of builtins.set')
    return set(items)


def _frozenset(items: Any = ()) -> frozenset:
    return frozenset(_set(items))


def _no_call(*_: Any) -> None:
    raise RefusedPickle('a direct call of numpy.ndarray')


_NDARRAY = _Function('numpy.ndarray', _no_call)
_STAND_INS = {
    ('numpy', 'ndarray'): _NDARRAY,
    ('numpy', 'dtype'): _Function('numpy.dtype', _Dtype),
    ('_codecs', 'encode'): _Function('_codecs.encode', _encode),
}
for _core in ('numpy.core', 'numpy._core'):
    _STAND_INS.update(
        {
            (f'{_core}.multiarray', '_reconstruct'): _Function(
                f'{_core}.multiarray._reconstruct', _reconstruct
            ),
            (f'{_core}.multiarray', 'scalar'): _Function(
                f'{_core}.multiarray.scalar', _scalar
            ),
            (f'{_core}.numeric', '_frombuffer'): _Function(
                f'{_core}.numeric._frombuffer', _frombuffer
            ),
        }
    )
for _builtins in ('builtins', '__builtin__'):
    for _name, _call in (
        ('bytes', _bytes),
        ('bytearray', _bytearray),
        ('set', _set),
        ('frozenset', _frozenset),
    ):
        _STAND_INS[_builtins, _name] = _Function(_name, _call)


class _PlainUnpickler(pickle.Unpickler):
    """Hands out stand-ins only."""

    def find_class(self, module: str, name: str) -> _Function:
        if (module, name) not in _STAND_INS:
            raise RefusedPickle(f'{module}.{name}')
        return _STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> None:
        raise RefusedPickle('a persistent id')


def _resolve(value: Any, where: tuple, done: dict, active: set) -> Any:
    """Value with arrays instead of stand-ins, containers in place."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is _Array:
        if value.error:
            raise RefusedPickle(value.error, where)
        return value.value
    if kind not in _CONTAINERS:
        name = value.name if kind is _Function else kind.__name__.strip('_')
        raise RefusedPickle(f'{name} as a value', where)
    if id(value) in done:
        return done[id(value)][1]
    if id(value) in active:
        raise RefusedPickle('a container that holds itself', where)
    if len(where) >= MAX_DEPTH:
        raise RefusedPickle(f'more than {MAX_DEPTH} nested containers', where)
    active.add(id(value))
    resolved = value
    if kind is dict:
        for key in value:
            if type(key) not in _SCALARS:
                raise RefusedPickle(
                    f'a dict key of type {type(key).__name__.strip("_")}',
                    where,
                )
        for key, item in value.items():
            value[key] = _resolve(item, (*where, key), done, active)
    elif kind is list:
        for index, item in enumerate(value):
            value[index] = _resolve(item, (*where, index), done, active)
    else:
        items = [
            _resolve(item, (*where, index), done, active)
            for index, item in enumerate(value)
        ]
        resolved = kind(items)
    active.discard(id(value))
    done[id(value)] = (value, resolved)  # the original keeps its id taken
    return resolved


def _check_unfolded(data: Any) -> None:
    """Refuse shared containers that a copy would multiply beyond measure."""
    sizes: dict[int, int] = {}  # of each container once it is unfolded
    held = 0

    def size(value: Any) -> int:
        nonlocal held
        kind = type(value)
        if kind is np.ndarray and id(value) not in sizes:
            sizes[id(value)] = 1 + value.size
            held += 1 + value.size
        elif kind in _CONTAINERS and id(value) not in sizes:
            items = value.values() if kind is dict else value
            held += 1 + len(value)
            sizes[id(value)] = 1 + sum(map(size, items))
        return sizes.get(id(value), 1)

    unfolded = size(data)
    if unfolded > MAX_UNFOLDED + MAX_SHARE * held:
        raise RefusedPickle(
            f'shared containers that unfold to {unfolded:.2g} entries, where '
            f'the file holds {held}'
        )


def load_plain(file: BinaryIO) -> tuple[Any, RefusedPickle | None]:
    """Read a pickle of builtin containers, scalars and numpy arrays.

    Nothing that the pickle names is imported or called. Protocols 0 to 5 and
    the module names of numpy 1 and 2 are understood.

    Args:
        file (BinaryIO): Open file.

    Returns:
        tuple[Any, RefusedPickle | None]: The data, and what was refused
        inside it together with its place, None if all is plain. Data with a
        refusal may only be looked at to name the place.

    Raises:
        RefusedPickle: If the pickle asks for a name that is not allowed
            (``found`` is that name), or is no pickle at all.

    Examples:
        >>> import io
        >>> load_plain(io.BytesIO(pickle.dumps({'a': (1, 2)})))
        ({'a': (1, 2)}, None)
    """
    # Cached extension codes would be handed out without asking find_class.
    copyreg.clear_extension_cache()
    try:
        data = _PlainUnpickler(file).load()
    except RefusedPickle:
        raise
    except Exception as error:
        raise RefusedPickle(
            f'an unreadable pickle ({type(error).__name__}: '
            f'{str(error)[:120]})'
        ) from error
    try:
        resolved = _resolve(data, (), {}, set())
        _check_unfolded(resolved)
        return resolved, None
    except RefusedPickle as refusal:
        return data, refusal
    except TypeError as error:  # an array inside a set
        return data, RefusedPickle(f'an unhashable member ({error})')
