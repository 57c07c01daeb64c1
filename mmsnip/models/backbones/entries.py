"""Reading checkpoints: tensors by name, refusals that name both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.fileio import get as read_bytes
from torch import Tensor

from mmsnip.compat import load_checkpoint
from mmsnip.structures import DataError

WRAPPERS = ('module.', '_orig_mod.')


class CheckpointError(DataError):
    """A checkpoint is unreadable or does not fit the model."""


@dataclass
class LoadReport:
    """What became of the names of a checkpoint.

    Args:
        loaded (list[str]): Names that were loaded.
        dropped (list[str]): Names that were left, such as heads.
        notes (list[str]): What else was changed or is worth knowing.
    """

    loaded: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Count of what was loaded, groups of what was left, notes."""
        text = f'loaded {len(self.loaded)} entries'
        groups: dict[str, int] = {}
        for name in self.dropped:
            group = name.split('.')[0]
            groups[group] = groups.get(group, 0) + 1
        if groups:
            left = ', '.join(f'{k} ({n})' for k, n in groups.items())
            text += f', left {left}'
        return '; '.join([text, *self.notes])


def read_checkpoint(path: str | Path) -> Any:
    """Content of a checkpoint file; nothing in it is executed.

    Args:
        path (str | Path): File, or an address that mmengine reads.

    Returns:
        Any: What the file holds, on the CPU.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is no checkpoint, or one with code in it.
    """
    try:
        data = read_bytes(str(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path}: there is no such checkpoint'
        ) from error
    except IsADirectoryError as error:
        raise CheckpointError(
            f'{path} is a folder; name a checkpoint file in it'
        ) from error
    try:
        return load_checkpoint(data)
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise CheckpointError(
            f'{path} is not a checkpoint that can be read without running '
            f'code from it ({len(data)} bytes; {reason})'
        ) from error


def tensor_entries(content: Any, origin: str) -> dict[str, Tensor]:
    """Tensors by name, the prefixes of wrappers stripped.

    Args:
        content (Any): State dict, or a dict that holds one as
            ``state_dict``.
        origin (str): What an error calls it.

    Returns:
        dict[str, Tensor]: The entries.

    Raises:
        CheckpointError: If there are none, or something else is among them.
    """
    if isinstance(content, Mapping) and isinstance(
        content.get('state_dict'), Mapping
    ):
        content = content['state_dict']
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f'{origin} holds a {type(content).__name__}; expected a dict of '
            'tensors, or a dict with such a dict as state_dict'
        )
    entries: dict[str, Tensor] = {}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f'{origin}: entry {name!r} is a {type(value).__name__}; '
                'expected tensors by name, or a dict of them as state_dict'
            )
        for wrapper in WRAPPERS:
            if name.startswith(wrapper):
                name = name[len(wrapper) :]
        entries[name] = value
    if not entries:
        raise CheckpointError(f'{origin} holds no weights')
    return entries


def first_few(lines: Sequence[str], count: int = 5) -> str:
    """The first of many lines as a list, and how many more there are.

    Args:
        lines (Sequence[str]): Lines of an error.
        count (int): Lines that are shown. Defaults to 5.

    Returns:
        str: Each line behind ``- ``, on a line of its own.

    Examples:
        >>> print(first_few(['a', 'b', 'c'], 2))
        - a
        - b
        (and 1 more)
    """
    shown = [f'- {line}' for line in lines[:count]]
    if len(lines) > count:
        shown.append(f'(and {len(lines) - count} more)')
    return '\n'.join(shown)


def refuse(
    what: str,
    missing: Sequence[str],
    unexpected: Sequence[str],
    misfits: Sequence[str],
) -> None:
    """Raise if anything is listed, naming all of it.

    Args:
        what (str): First line of the error.
        missing (Sequence[str]): Names that were not found.
        unexpected (Sequence[str]): Names that nobody asked for.
        misfits (Sequence[str]): Descriptions of shapes that differ.

    Raises:
        CheckpointError: If any of the three is not empty.
    """
    parts = []
    if missing:
        parts.append(f'missing names: {", ".join(missing)}')
    if unexpected:
        parts.append(f'unexpected names: {", ".join(unexpected)}')
    if misfits:
        parts.append(f'other shapes: {"; ".join(misfits)}')
    if parts:
        raise CheckpointError('\n- '.join([what, *parts]))
