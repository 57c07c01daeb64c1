"""What a checkpoint may hold, and reading it below torch 2.6.

There ``torch.load(weights_only=True)`` cannot be told the names under which
numpy and ``getattr`` are pickled, and in 1.13 it reads no floats. So this
module has ``Unpickler`` and ``load``, as ``pickle`` has them, and hands itself
to the readers under ``torch.load``. Delete all but ``mmengine_types`` with the
support of torch < 2.6.
"""

from __future__ import annotations

import collections
import io
import pickle
import sys
from typing import Any, BinaryIO, ClassVar

__all__ = ['Unpickler', 'load', 'mmengine_types', 'read_safely']

ZIP_MAGIC = b'PK\x03\x04'


def _statistic(owner: type, name: str) -> Any:
    """What ``getattr`` may do while a checkpoint is read: very little.

    A pickled ``HistoryBuffer`` looks up its own statistics by ``getattr``.
    The real one would open every attribute of every allowed type.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    if owner is HistoryBuffer and name in ('min', 'max', 'current', 'mean'):
        return getattr(owner, name)
    raise ValueError(
        f'the checkpoint asks for the attribute {name!r} of {owner!r}; only '
        'the statistics of HistoryBuffer are allowed'
    )


def mmengine_types() -> dict[str, Any]:
    """What mmengine's checkpoints hold beside tensors.

    Returns:
        dict[str, Any]: Type or function by the name that a file calls it.
    """
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    found = {
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'builtins.getattr': _statistic,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
    }
    for kind in ('float64', 'float32', 'float16', 'int64', 'int32', 'bool'):
        dtype = type(np.dtype(kind))
        found[f'{dtype.__module__}.{dtype.__name__}'] = dtype
    # Files written under either major version of numpy load.
    for core in ('numpy._core', 'numpy.core'):
        array, scalar = np.empty(0), np.float64(0)
        found[f'{core}.multiarray._reconstruct'] = array.__reduce__()[0]
        found[f'{core}.multiarray.scalar'] = scalar.__reduce__()[0]
    return found


def _encode(text: str, encoding: str) -> bytes:
    """Bytes of protocol 2; another encoding would be imported by name."""
    if type(text) is not str or encoding not in ('latin1', 'latin-1'):
        raise ValueError(
            f'the checkpoint asks for the encoding {encoding!r}; only bytes '
            'as latin1 text are allowed'
        )
    return text.encode('latin1')


def _tensor_types() -> dict[str, Any]:
    """What tensors and state dicts are made of, by name; storages apart.

    torch itself looks up the storages. Sparse and quantized tensors and
    subclasses of tensors are not among them.
    """
    import torch

    found = {
        'collections.OrderedDict': collections.OrderedDict,
        'collections.Counter': collections.Counter,
        'builtins.bytearray': bytearray,
        'builtins.complex': complex,
        'builtins.set': set,
        '_codecs.encode': _encode,
        'torch.Size': torch.Size,
        'torch.device': torch.device,
    }
    for what in ('tensor', 'tensor_v2', 'parameter'):
        name = f'_rebuild_{what}'
        found[f'torch._utils.{name}'] = getattr(torch._utils, name)
    for value in vars(torch).values():
        if isinstance(value, torch.dtype):
            found[str(value)] = value
    return found


class Unpickler(pickle._Unpickler):
    """Reads a checkpoint; finds, calls and changes what it may hold only.

    The one written in Python, whose instructions can be replaced: that of C
    would let a pickle set attributes of what it has found.
    """

    dispatch: ClassVar[dict] = dict(pickle._Unpickler.dispatch)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mmengine = mmengine_types()
        self.permitted = {**_tensor_types(), **mmengine}
        self.callables = {id(value) for value in self.permitted.values()}
        self.changeable = (collections.OrderedDict, *mmengine.values())

    def find_class(self, module: str, name: str) -> Any:
        """What goes by this name.

        Raises:
            pickle.UnpicklingError: If it is not permitted.
        """
        if module == '__builtin__':  # protocol 2, that of torch.save
            module = 'builtins'
        if f'{module}.{name}' not in self.permitted:
            raise pickle.UnpicklingError(
                f'it asks for {module}.{name}, which is neither of torch nor '
                'of mmengine'
            )
        return self.permitted[f'{module}.{name}']

    def load_reduce(self) -> None:
        """Call a function, if it is permitted."""
        self._check_callable()
        super().load_reduce()

    def load_newobj(self) -> None:
        """Make an instance of a class, if it is permitted."""
        self._check_callable()
        super().load_newobj()

    def load_build(self) -> None:
        """Set the state of an instance, if its class is permitted."""
        kind = type(self.stack[-2])
        if kind not in self.changeable:
            raise pickle.UnpicklingError(
                f'it sets attributes of a {kind.__name__}'
            )
        super().load_build()

    def load_refused(self) -> None:
        """Stop at an instruction that no checkpoint needs."""
        raise pickle.UnpicklingError('it has code that torch never writes')

    def _check_callable(self) -> None:
        if id(self.stack[-2]) not in self.callables:
            raise pickle.UnpicklingError(f'it calls {self.stack[-2]!r:.60}')

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build
    for _code in (
        pickle.INST
        + pickle.OBJ
        + pickle.NEWOBJ_EX
        + pickle.EXT1
        + pickle.EXT2
        + pickle.EXT4
    ):
        dispatch[_code] = load_refused


def load(file: BinaryIO, **kwargs: Any) -> Any:
    """The next pickle of a file; torch asks for it in files before 1.6.

    Args:
        file (BinaryIO): Open file.
        **kwargs (Any): Arguments of ``pickle.Unpickler``.

    Returns:
        Any: What it holds.
    """
    return Unpickler(file, **kwargs).load()


def read_safely(data: bytes) -> Any:
    """Content of a checkpoint; nothing in it is executed.

    Not by ``torch.load(pickle_module=..)``: 1.13 takes the argument and uses
    ``pickle`` all the same.

    Args:
        data (bytes): The file.

    Returns:
        Any: What it holds, on the CPU.

    Raises:
        pickle.UnpicklingError: If it holds anything but tensors, plain data
            and what mmengine writes; a damaged file raises other errors, too.
    """
    import torch

    module, file = sys.modules[__name__], io.BytesIO(data)
    if not data.startswith(ZIP_MAGIC):
        return torch.serialization._legacy_load(
            file, 'cpu', module, encoding='utf-8'
        )
    archive = torch._C.PyTorchFileReader(file)
    if 'constants.pkl' in archive.get_all_records():
        raise pickle.UnpicklingError('it is code, written by torch.jit')
    return torch.serialization._load(archive, 'cpu', module, encoding='utf-8')
