"""Which paths of a folder are a recording each: a file, or its frames."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from mmsnip.io.formats.registry import FOLDERS, READERS

__all__ = ['group_frames', 'recordings_in']


def recordings_in(
    folder: str | os.PathLike[str],
    endings: Collection[str] | None = None,
    frames_in_folders: bool | None = None,
) -> list[Path]:
    """Files, and folders of frames, that are one recording each.

    All folders below are looked at; hidden files and folders are not.

    Args:
        folder (str | os.PathLike[str]): Folder.
        endings (Collection[str] | None): Of the files; None takes all that
            are read.
        frames_in_folders (bool | None): See `group_frames`.

    Returns:
        list[Path]: Sorted.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: there is no such folder')
    wanted = set(READERS if endings is None else endings)
    paths = (
        path
        for path in root.rglob('*')
        if path.suffix.lower() in wanted
        and not any(
            part.startswith('.') for part in path.relative_to(root).parts
        )
        and path.is_file()
    )
    return group_frames(paths, frames_in_folders)


def group_frames(
    paths: Iterable[Path], frames_in_folders: bool | None = None
) -> list[Path]:
    """Put the folder in the place of files that are its frames."""
    found: list[Path] = []
    folders: dict[tuple[Path, str], list[Path]] = {}
    endings = {ending for known in FOLDERS for ending in known.endings}
    for path in paths:
        if path.suffix.lower() in endings:
            key = (path.parent, path.suffix.lower())
            folders.setdefault(key, []).append(path)
        else:
            found.append(path)
    for (folder, ending), files in folders.items():
        frames = any(
            known.holds_frames(sorted(files))
            if frames_in_folders is None or ending != '.json'
            else frames_in_folders
            for known in FOLDERS
            if ending in known.endings
        )
        found += [folder] if frames else files
    return sorted(set(found))
