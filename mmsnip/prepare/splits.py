"""Splits: lists of names, and those drawn where there are none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.splits import read_pkummd_split
from mmsnip.structures import DataError, show
from mmsnip.structures.files import read_json, read_text, safe_name

__all__ = ['apply_splits', 'labelled_splits', 'read_splits']

MAX_TEXT = 2**28
UNLABELLED = 'unlabelled'


def read_splits(paths: Any) -> dict[str, list[str]]:
    """Names of each split, of .json, .txt (its stem), or a folder of .txt."""
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    found: dict[str, list[str]] = {}
    for path in map(Path, paths):
        files = sorted(path.glob('*.txt')) if path.is_dir() else [path]
        if not files:
            raise DataError(
                f'{path} holds no list; expected train.txt and val.txt'
            )
        for file in files:
            for split, names in _read_one(file).items():
                if split in found:
                    raise DataError(
                        f'{file}: split {split!r} is in an earlier file, too'
                    )
                found[split] = names
    return found


def _read_one(path: Path) -> dict[str, list[str]]:
    if path.suffix.lower() == '.json':
        return _json_splits(path)
    text = read_text(path, MAX_TEXT)
    if path.suffix.lower() != '.txt':
        raise DataError(
            f'{path} ends in {path.suffix!r}; expected .json or .txt, or a '
            'folder of .txt files'
        )
    lines = [line.strip() for line in text.split('\n')]
    if any(line.lower().startswith('training videos') for line in lines):
        return read_pkummd_split(path)
    names = {
        safe_name(line, f'{path}, line {number}'): None
        for number, line in enumerate(lines, start=1)
        if line
    }
    return {path.stem: list(names)}


def _json_splits(path: Path) -> dict[str, list[str]]:
    content = read_json(path, MAX_TEXT)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f'{path}: found {show(content)}, expected an object of lists '
            'such as {"train": [names], "val": [names]}'
        )
    splits = {}
    for split, names in content.items():
        wrong = names
        if isinstance(names, list):
            wrong = next((n for n in names if not isinstance(n, str)), None)
        if wrong is not None:
            raise DataError(
                f'{path}, key {split!r}: found {show(wrong)}, expected a '
                'list of names'
            )
        for name in names:
            safe_name(name, f'{path}, key {split!r}')
        splits[split] = list(dict.fromkeys(names))
    return splits


def apply_splits(
    splits: Mapping[str, Sequence[str]], names: Iterable[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Names of each split that exist among `names`, and those that do not."""
    known = set(names)
    there: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for split, wanted in splits.items():
        found: dict[str, None] = {}
        for name in wanted:
            plain = name.replace('\\', '/')
            options = (name, plain, os.path.splitext(plain)[0])
            match = next((n for n in options if n in known), None)
            if match is None:
                missing.setdefault(split, []).append(name)
            else:
                found[match] = None
        there[split] = list(found)
    return there, missing


def labelled_splits(
    names: Sequence[str],
    class_of: Mapping[str, int | None],
    val_fraction: float,
    seed: int,
) -> dict[str, list[str]]:
    """Draw ``train`` and ``val`` from what is labelled."""
    labels = {name: class_of.get(name, -1) for name in names}
    known = [name for name in names if labels[name] is not None]
    bare = [name for name in names if labels[name] is None]
    splits = {}
    if val_fraction and known:
        splits = stratified_split(
            known, [labels[name] for name in known], val_fraction, seed
        )
    return {**splits, UNLABELLED: bare} if bare else splits


def stratified_split(
    names: Sequence[str], labels: Sequence[int], val_fraction: float, seed: int
) -> dict[str, list[str]]:
    """Draw the same share of each class, whatever the order of the names.

    What rounding takes from one class goes to the next; at least one of each
    class trains. Where that leaves none for ``val``, the share of the whole
    is drawn from what the classes can spare, or from all.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, list[str]] = {}
    for name, label in sorted(zip(names, labels)):
        groups.setdefault(label, []).append(name)
    held: set[str] = set()
    owed = 0.0
    for _, members in sorted(groups.items()):
        owed += val_fraction * len(members)
        count = min(int(owed + 0.5), len(members) - 1)
        owed -= count
        order = rng.permutation(len(members))
        held.update(members[i] for i in order[:count])
    if not held and val_fraction > 0:
        count = int(val_fraction * len(names) + 0.5)
        count = min(max(count, 1), len(names) - 1)
        mixed = [rng.permutation(m).tolist() for m in groups.values()]
        spare = [name for members in mixed for name in members[1:]]
        pool = spare or [name for members in mixed for name in members]
        held = set(rng.permutation(pool)[:count].tolist())
    return dict(
        train=[name for name in names if name not in held],
        val=[name for name in names if name in held],
    )
