"""A class name a line, as MS-TCN's data sets have their labels."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path, PureWindowsPath

import numpy as np

from mmsnip.io.labels.label_set import (
    LabelRow,
    LabelSet,
    build_label_set,
    names_of,
)
from mmsnip.structures.errors import DataError
from mmsnip.structures.files import read_text, safe_name

__all__ = ['read_frame_text']

MAX_TEXT = 2**28
BACKGROUND = ('background',)


def read_frame_text(
    path: str | os.PathLike[str],
    background: Collection[str] | str | None = BACKGROUND,
) -> LabelSet:
    """Read frame-wise labels: line t of a file names the class of frame t."""
    path, none = Path(path), names_of(background) or set()
    files, mapping, bundles = {path.stem: path}, None, None
    if path.is_dir():
        folder = path / 'groundTruth'
        folder = folder if folder.is_dir() else path
        mapping, bundles = (
            next(filter(Path.exists, (folder / n, folder.parent / n)), None)
            for n in ('mapping.txt', 'splits')
        )
        files = {
            file.stem: file
            for file in sorted(folder.glob('*.txt'))
            if file != mapping
        }
        if not files:
            raise DataError(f'{folder} has no .txt file of frame labels')
    classes = None if mapping is None else _read_mapping(mapping)
    rows, facts = {}, {}
    for video, file in files.items():
        safe_name(video, file)
        rows[video], T = _read_runs(file, classes, none)
        facts[video] = dict(num_frames=T)
    mended: list[str] = []
    splits = {
        bundle.stem: _read_bundle(bundle, files, mended)
        for bundle in sorted(bundles.glob('*.bundle') if bundles else ())
    }
    if classes is not None:
        classes = [name for name in classes if name not in none]
    return build_label_set(
        rows, 'frames', path, classes, splits, facts, mended
    )


def _read_runs(
    file: Path, classes: list[str] | None, background: Collection[str]
) -> tuple[list[LabelRow], int]:
    index_of: dict[str, int] = {}
    lines = read_text(file, MAX_TEXT).rstrip().split('\n')
    labels = np.fromiter(
        (index_of.setdefault(line.strip(), len(index_of)) for line in lines),
        np.int64,
        len(lines),
    )
    known = index_of if classes is None else {*classes, *background}
    for name, index in index_of.items():
        if not name or name not in known:
            why = f'{name[:40]!r} is none of {len(known)} names of the mapping'
            if not name:
                why = 'it is blank; expected the class of this frame'
            line = int((labels == index).argmax()) + 1
            raise DataError(f'{file}, line {line}: {why}')
    names = list(index_of)
    edges = (np.flatnonzero(np.diff(labels)) + 1).tolist()
    rows = [
        LabelRow(
            names[labels[start]], start, end, f'{file.name}, line {start + 1}'
        )
        for start, end in zip([0, *edges], [*edges, len(labels)])
        if names[labels[start]] not in background
    ]
    return rows, len(labels)


def _read_mapping(path: Path) -> list[str]:
    names: dict[str, int] = {}
    for number, line in enumerate(read_text(path, MAX_TEXT).split('\n'), 1):
        words = line.split(None, 1)
        if not words:
            continue
        digits = words[0].isascii() and words[0].isdigit()
        if len(words) < 2 or not digits or len(words[0]) > 18:
            raise DataError(
                f"{path}, line {number}: {line[:40]!r} is no row 'index name'"
            )
        index, name = int(words[0]), words[1].strip()
        if index in names.values() or name in names:
            raise DataError(
                f'{path}, line {number}: {line.strip()[:40]!r} repeats an '
                'index or a name'
            )
        names[name] = index
    return sorted(names, key=names.__getitem__)


def _read_bundle(
    path: Path, files: dict[str, Path], mended: list[str]
) -> list[str]:
    if path.is_file() and path.stat().st_size < 2:
        return []  # a part may be empty
    found: dict[str, None] = {}
    for number, line in enumerate(read_text(path, MAX_TEXT).split('\n'), 1):
        place = f'{path.name}, line {number}'
        name = line.strip()
        if name:
            safe_name(name, f'{path}, line {number}')
            name = PureWindowsPath(name.removesuffix('.txt')).name
            if name in files:
                found[name] = None
            else:
                mended.append(f'{place}: {name!r} has no labels, left out')
    return list(found)
