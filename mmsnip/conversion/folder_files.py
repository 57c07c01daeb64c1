"""The recordings of a folder, each with a name of its own."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from mmsnip.conversion.source import Skipped
from mmsnip.conversion.tree import files_below
from mmsnip.io.formats import group_frames
from mmsnip.io.reading import SequenceError, safe_name

__all__ = ['find_recordings', 'frames_state']

_OURS = ('.report.json', '.recording')  # what a conversion writes


def find_recordings(
    root: str | os.PathLike[str],
    endings: Collection[str],
    skipped: list[Skipped],
    frames_in_folders: bool | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> dict[str, Path]:
    """Files that a reader reads, and folders of frames, by name.

    Args:
        root (str | os.PathLike[str]): Folder.
        endings (Collection[str]): Endings that are read.
        skipped (list[Skipped]): Gets what is left out.
        frames_in_folders (bool | None): See `group_frames`.
        labels (str | os.PathLike[str] | None): File or folder of labels,
            maybe below the root; it is no recording and not reported.

    Returns:
        dict[str, Path]: Recordings in the order of their paths, called as
        these without root and ending; the root itself is called as it is.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    root = Path(root)
    place = None if labels is None else Path(labels).resolve()
    listed = _listed(root, endings, skipped, place)
    found: dict[str, Path] = {}
    for path in group_frames(listed, frames_in_folders):
        if path == root:
            name = path.resolve().name
        elif path.is_dir():
            name = path.relative_to(root).as_posix()
        else:
            name = path.relative_to(root).with_suffix('').as_posix()
        try:
            safe_name(name, path)
        except SequenceError as error:
            skipped.append(Skipped(str(path), str(error)))
            continue
        if name in found:
            reason = f'{name!r} is also the name of {found[name]}'
            skipped.append(Skipped(str(path), reason))
            continue
        found[name] = path
    return found


def frames_state(folder: Path) -> list[int]:
    """Tell whether frames were changed.

    Args:
        folder (Path): Of a file a frame.

    Returns:
        list[int]: Number, bytes and latest time of its files.
    """
    with os.scandir(folder) as entries:
        found = [entry.stat() for entry in entries if entry.is_file()]
    latest = max((stat.st_mtime_ns for stat in found), default=0)
    return [len(found), sum(stat.st_size for stat in found), latest]


def _listed(
    root: Path,
    endings: Collection[str],
    skipped: list[Skipped],
    labels: Path | None,
) -> Iterator[Path]:
    for path in files_below(root, skipped):
        if path.name.endswith(_OURS):
            continue
        if labels is not None and _is_label(path, labels, root):
            continue
        if path.suffix.lower() in endings:
            yield path
            continue
        reason = f'ends in {path.suffix!r}; read are {", ".join(endings)}'
        skipped.append(Skipped(str(path), reason))


def _is_label(path: Path, labels: Path, root: Path) -> bool:
    """Whether a file below the root belongs to the labels."""
    path, root = path.resolve(), root.resolve()
    if path == labels or path.suffix.lower() == '.eaf':
        return True
    return root in labels.parents and labels in path.parents
