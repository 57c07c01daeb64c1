"""Data sets by name: where their file is, and what is in it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.holdout import held_out_names, hold_out
from mmsnip.io.annotation import load_annotation, save_annotation

__all__ = ['DataFolder', 'file_digest', 'find_data_dir', 'split_of']

ROOT = Path(__file__).resolve().parents[1]
HOLDOUT = '/holdout'
SUFFIXES = ('.pkl', '.safetensors')


def find_data_dir(given: str | None = None) -> Path:
    """Folder of the data sets.

    Args:
        given (str, optional): Of the command line; then the environment
            variable ``MMSNIP_DATA``, then ``../shared/data`` beside the
            repository.

    Returns:
        Path: An existing folder.

    Raises:
        FileNotFoundError: If there is none.
    """
    chosen = given or os.environ.get('MMSNIP_DATA')
    folder = Path(chosen or ROOT.parent / 'shared' / 'data')
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder}: no such folder of data sets; name it with --data-dir '
            'or the environment variable MMSNIP_DATA'
        )
    return folder


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def split_of(data: str) -> str:
    """Split that a run on this data set is evaluated on, for its row.

    Examples:
        >>> split_of('bandai_stitched/holdout'), split_of('bandai_stitched')
        ('holdout', 'val')
    """
    return 'holdout' if data.endswith(HOLDOUT) else 'val'


@dataclass
class DataFolder:
    """Data sets of a folder, each read once.

    Attributes:
        folder (Path): Holds ``<name>.pkl`` or ``<name>.safetensors``.
        made (Path): Where files with a held-out part are written.
        rules (Mapping[str, Mapping]): Per data set ``group`` and ``hold``
            of `held_out_names`; ``file``, the data set whose file it is,
            where that has another name.
    """

    folder: Path
    made: Path
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _digests: dict = field(default_factory=dict)

    def source(self, data: str) -> Path:
        """File that a data set comes from.

        Args:
            data (str): Its name, ``/holdout`` behind it or not.

        Returns:
            Path: An existing file.

        Raises:
            FileNotFoundError: If there is none of this name.
        """
        name, _ = self._rule(data)
        for suffix in SUFFIXES:
            path = self.folder / f'{name}{suffix}'
            if path.is_file():
                return path
        raise FileNotFoundError(
            f'{self.folder}: it has no data set {name!r}, neither '
            f'{name}.pkl nor {name}.safetensors'
        )

    def digest(self, data: str) -> str:
        """Hash of what a run on this data set sees.

        Args:
            data (str): Its name.

        Returns:
            str: 64 hexadecimal digits; of a held-out part, of the file and
            the names of the videos in it.

        Raises:
            FileNotFoundError: If there is no such data set.
            ValueError: If nothing can be held out of it.
        """
        if data not in self._digests:
            path = self.source(data)
            digest = file_digest(path)
            if data.endswith(HOLDOUT):
                names = self._held_out(data, path)
                text = json.dumps([digest, names])
                digest = hashlib.sha256(text.encode()).hexdigest()
            self._digests[data] = digest
        return self._digests[data]

    def file(self, data: str) -> Path:
        """File to train on; one with a held-out part is made if missing.

        Args:
            data (str): Name of the data set.

        Returns:
            Path: An annotation file.

        Raises:
            FileNotFoundError: If there is no such data set.
            ValueError: If nothing can be held out of it.
        """
        path = self.source(data)
        if not data.endswith(HOLDOUT):
            return path.resolve()
        name = f'{path.stem}-holdout-{self.digest(data)[:12]}.pkl'
        made = self.made / name
        if not made.is_file():
            _, rule = self._rule(data)
            content = hold_out(load_annotation(path), **rule)
            save_annotation(made, content)
        return made.resolve()

    def _rule(self, data: str) -> tuple[str, dict[str, Any]]:
        """Name of the file, and what is held out of it."""
        name = data.removesuffix(HOLDOUT)
        rule = dict(self.rules.get(name) or {})
        return rule.pop('file', name), rule

    def _held_out(self, data: str, path: Path) -> list[str]:
        names = load_annotation(path)['split']['train']
        _, rule = self._rule(data)
        return held_out_names(names, **rule)
