"""A class name a line, as MS-TCN's data sets have their labels."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from mmsnip.io.label_set import (
    LabelError,
    LabelRow,
    LabelSet,
    build_label_set,
)
from mmsnip.io.reading import SequenceError, read_text, safe_name

__all__ = ['read_frame_text']

MAX_TEXT = 2**28
BACKGROUND = ('background',)


def read_frame_text(
    path: str | os.PathLike[str],
    background: Collection[str] = BACKGROUND,
) -> LabelSet:
    """Read frame-wise labels: line t of a file names the class of frame t.

    A folder is that of a data set, ``groundTruth/<video>.txt`` with
    ``mapping.txt`` and ``splits/*.bundle`` where it has them, or the folder
    of label files itself, whose mapping and splits stand in it or beside it.
    Rows ``index name`` of the mapping say the order of the classes, and a
    name that it lacks is refused. A bundle lists a video a line, with or
    without ``.txt``; its file name without ending (``train.split1``) is the
    split. Equal lines that follow each other are one segment: two actions of
    a class without a frame between them cannot be told apart.

    Args:
        path (str | os.PathLike[str]): Folder, or one label file.
        background (Collection[str]): Names of no action. GTEA and others
            write ``background``, Breakfast ``SIL``, 50Salads
            ``action_start`` and ``action_end``.

    Returns:
        LabelSet: In frames, with ``num_frames`` of each video; splits hold
        only videos that have labels.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        SequenceError: If a file cannot be read, has a blank line before its
            last label, or the mapping does not fit; the line is named.
    """
    path = Path(path)
    if isinstance(background, str):
        background = (background,)
    if not path.is_dir():
        return _collect({path.stem: path}, path, None, [], background)
    folder = path / 'groundTruth'
    folder = folder if folder.is_dir() else path
    mapping = _beside(folder, 'mapping.txt')
    files = {
        file.stem: file
        for file in sorted(folder.glob('*.txt'))
        if file != mapping
    }
    if not files:
        raise LabelError(f'{folder} has no .txt file of frame labels')
    parts = _beside(folder, 'splits')
    bundles = [] if parts is None else sorted(parts.glob('*.bundle'))
    return _collect(files, path, mapping, bundles, background)


def _beside(folder: Path, name: str) -> Path | None:
    for place in (folder / name, folder.parent / name):
        if place.exists():
            return place
    return None


def _collect(
    files: dict[str, Path],
    source: Path,
    mapping: Path | None,
    bundles: list[Path],
    background: Collection[str],
) -> LabelSet:
    classes = None if mapping is None else _read_mapping(mapping)
    rows, facts = {}, {}
    for video, file in files.items():
        safe_name(video, file)
        rows[video], T = _read_runs(file, classes, background)
        facts[video] = dict(num_frames=T)
    splits: dict[str, list[str]] = {}
    mended: list[str] = []
    for bundle in bundles:
        splits[bundle.stem] = _read_bundle(bundle, files, mended)
    if classes is not None:
        classes = [name for name in classes if name not in background]
    return build_label_set(
        rows, 'frames', source, classes, splits, facts, mended
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
    known = index_of if classes is None else set(classes)
    for name, index in index_of.items():
        if name and (name in known or name in background):
            continue
        line = int((labels == index).argmax()) + 1
        raise LabelError(
            f'{file}, line {line}: '
            + (
                f'{name[:40]!r} is not in the mapping; expected one of its '
                f'{len(known)} names'
                if name
                else 'it is blank; expected the class of this frame'
            )
        )
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
    indices: set[int] = set()
    for number, line in enumerate(
        read_text(path, MAX_TEXT).split('\n'), start=1
    ):
        words = line.split(None, 1)
        if not words:
            continue
        digits = words[0].isascii() and words[0].isdigit()
        if len(words) < 2 or not digits or len(words[0]) > 18:
            raise LabelError(
                f"{path}, line {number}: {line[:40]!r} is no row 'index name'"
            )
        index, name = int(words[0]), words[1].strip()
        if index in indices or name in names:
            raise LabelError(
                f'{path}, line {number}: {line.strip()[:40]!r} repeats an '
                'index or a name'
            )
        names[name] = index
        indices.add(index)
    return sorted(names, key=names.__getitem__)


def _read_bundle(
    path: Path, files: dict[str, Path], mended: list[str]
) -> list[str]:
    try:
        lines = read_text(path, MAX_TEXT).split('\n')
    except SequenceError:
        if path.is_file() and path.stat().st_size < 2:
            return []  # a part may be empty
        raise
    found: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            continue
        place = f'{path}, line {number}'
        name = safe_name(name[:-4] if name.endswith('.txt') else name, place)
        name = name.replace('\\', '/').split('/')[-1]
        if name in files:
            found[name] = None
        else:
            mended.append(
                f'{path.name}, line {number}: {name!r} has no labels, left out'
            )
    return list(found)
