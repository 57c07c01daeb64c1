"""Data sets by name: where their file is, and what is in it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.distractors import clips_beside
from experiments.holdout import held_out_names, hold_out
from experiments.stitch import stitch, write_stitched
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
            where that has another name; ``stitch``, arguments of `stitch`,
            where its clips are to be joined.
    """

    folder: Path
    made: Path
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _digests: dict = field(default_factory=dict)
    _file_digests: dict = field(default_factory=dict)

    def source(self, data: str) -> Path:
        """File that a data set comes from, its clips joined if they are to be.

        Args:
            data (str): Its name, ``/holdout`` behind it or not.

        Returns:
            Path: An existing file.

        Raises:
            FileNotFoundError: If there is none of this name.
            ValueError: If its clips cannot be joined.
        """
        path = self._raw(data)
        _, joins, _ = self._rule(data)
        if joins is None:
            return path
        key = _hash([self._file_digest(path), joins])[:12]
        made = self.made / f'{path.stem}-stitched-{key}.pkl'
        if not made.is_file():
            write_stitched(made, *stitch(load_annotation(path), **joins))
        return made

    def digest(self, data: str) -> str:
        """Hash of what a run on this data set sees.

        Args:
            data (str): Its name.

        Returns:
            str: 64 hexadecimal digits; of joined clips, of their file and
            where each of them lies; of a held-out part, of this and the
            names of the videos in it.

        Raises:
            FileNotFoundError: If there is no such data set.
            ValueError: If nothing can be held out of it, or its clips cannot
                be joined.
        """
        if data not in self._digests:
            path = self.source(data)
            _, joins, hold = self._rule(data)
            digest = self._file_digest(self._raw(data))
            if joins is not None:
                digest = _hash([digest, clips_beside(path)])
            if data.endswith(HOLDOUT):
                names = load_annotation(path)['split']['train']
                digest = _hash([digest, held_out_names(names, **hold)])
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
            ValueError: If nothing can be held out of it, or its clips cannot
                be joined.
        """
        path = self.source(data)
        if not data.endswith(HOLDOUT):
            return path.resolve()
        name = f'{path.stem}-holdout-{self.digest(data)[:12]}.pkl'
        made = self.made / name
        if not made.is_file():
            _, _, hold = self._rule(data)
            content = hold_out(load_annotation(path), **hold)
            save_annotation(made, content)
        return made.resolve()

    def _raw(self, data: str) -> Path:
        """File of the folder."""
        name, _, _ = self._rule(data)
        for suffix in SUFFIXES:
            path = self.folder / f'{name}{suffix}'
            if path.is_file():
                return path
        raise FileNotFoundError(
            f'{self.folder}: it has no data set {name!r}, neither '
            f'{name}.pkl nor {name}.safetensors'
        )

    def _file_digest(self, path: Path) -> str:
        if path not in self._file_digests:
            self._file_digests[path] = file_digest(path)
        return self._file_digests[path]

    def _rule(self, data: str) -> tuple[str, dict | None, dict]:
        """Name of the file, how to join its clips, what to hold out."""
        name = data.removesuffix(HOLDOUT)
        rule = dict(self.rules.get(name) or {})
        return rule.pop('file', name), rule.pop('stitch', None), rule


def _hash(content: Any) -> str:
    """SHA-256 of plain values, 64 hexadecimal digits."""
    return hashlib.sha256(
        json.dumps(content, sort_keys=True).encode()
    ).hexdigest()
