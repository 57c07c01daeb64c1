"""Lists of the names of each split."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsnip.io.reading import SequenceError, read_text, safe_name
from mmsnip.io.splits import read_pkummd_split
from mmsnip.structures.errors import show

__all__ = ['apply_splits', 'read_splits']

MAX_TEXT = 2**28
Paths = 'str | os.PathLike[str] | Sequence[str | os.PathLike[str]]'


def read_splits(paths: Paths) -> dict[str, list[str]]:
    """Names of each split.

    - ``.json``: ``{"train": [names], "val": [names]}``;
    - ``.txt``: one name a line, the file's stem is the split
      (``train.txt``); or a list of PKU-MMD with its two headings;
    - a folder: every ``.txt`` file in it.

    Args:
        paths (str | os.PathLike[str] | Sequence): One or several of these.

    Returns:
        dict[str, list[str]]: Names of each split in the files' order, each
        once.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If a file is none of these; file and line are named.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    found: dict[str, list[str]] = {}
    for path in map(Path, paths):
        files = sorted(path.glob('*.txt')) if path.is_dir() else [path]
        if not files:
            raise SequenceError(
                f'{path} holds no list; expected train.txt and val.txt'
            )
        for file in files:
            for split, names in _read_one(file).items():
                if split in found:
                    raise SequenceError(
                        f'{file}: split {split!r} is in an earlier file, too'
                    )
                found[split] = names
    return found


def _read_one(path: Path) -> dict[str, list[str]]:
    text = read_text(path, MAX_TEXT)
    if path.suffix.lower() == '.json':
        return _json_splits(path, text)
    if path.suffix.lower() != '.txt':
        raise SequenceError(
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


def _json_splits(path: Path, text: str) -> dict[str, list[str]]:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SequenceError(f'{path} is no JSON: {error}') from None
    if not isinstance(content, dict) or not content:
        raise SequenceError(
            f'{path}: found {show(content)}, expected an object of lists '
            'such as {"train": [names], "val": [names]}'
        )
    splits = {}
    for split, names in content.items():
        wrong = names
        if isinstance(names, list):
            wrong = next((n for n in names if not isinstance(n, str)), None)
        if wrong is not None:
            raise SequenceError(
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
    """Splits of what is there.

    A name may carry the ending of its file, and backslashes for slashes.

    Args:
        splits (Mapping[str, Sequence[str]]): Wanted names of each split.
        names (Iterable[str]): Names that exist.

    Returns:
        tuple[dict[str, list[str]], dict[str, list[str]]]: Names of each
        split that exist, and those that do not.
    """
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
