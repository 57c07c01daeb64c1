"""Files in a folder and all folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mmsnip.conversion.source import Skipped

__all__ = ['files_below']


def files_below(
    root: str | os.PathLike[str], skipped: list[Skipped]
) -> Iterator[Path]:
    """All files, folder by folder, in the order of their names.

    Hidden files and folders are not looked at. Links to folders are
    followed, each folder once.

    Args:
        root (str | os.PathLike[str]): Folder.
        skipped (list[Skipped]): Gets the folders that cannot be listed.

    Yields:
        Path: A file.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        kind = 'is no folder' if root.exists() else 'does not exist'
        raise FileNotFoundError(f'{root} {kind}; expected a folder')
    seen = set()

    def note(error: OSError) -> None:
        skipped.append(Skipped(str(error.filename), str(error)))

    for folder, folders, files in os.walk(
        root, onerror=note, followlinks=True
    ):
        place = os.stat(folder)
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(f for f in folders if not f.startswith('.'))
        for file in sorted(files):
            if not file.startswith('.'):
                yield Path(folder, file)
