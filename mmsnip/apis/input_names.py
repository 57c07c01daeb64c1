"""Which recordings a command line names, and what each is called."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mmsnip.apis.results_folder import ALL
from mmsnip.io.formats import READERS, group_frames
from mmsnip.io.labels.table import choose_columns
from mmsnip.structures.errors import DataError
from mmsnip.visualization import safe_file_name

__all__ = ['find_inputs']


def find_inputs(
    given: Sequence[str], out: Path | None = None
) -> list[tuple[str, Path]]:
    """Name and path of each recording; a folder gives what lies in it.

    A folder of pose JSON files that hold a frame each is one recording, see
    `mmsnip.io.formats.pose_json.holds_frames`. A table of segment labels in a
    folder (its first row names video, label, start and end) is none.

    Args:
        given (Sequence[str]): Files and folders.
        out (Path, optional): Folder of results; in a folder that is
            searched it is left out.

    Returns:
        list[tuple[str, Path]]: Different names, also where file names are
        not: the path below the folder without its ending, or the stem.
    """
    found: list[tuple[str, Path]] = []
    own = None if out is None else out.resolve()
    for text in given:
        path = Path(text)
        if not path.is_dir():
            found.append((path.stem, path))
            continue
        within = own is not None and path.resolve() in own.parents
        below = group_frames(
            file
            for file in path.rglob('*')
            if file.suffix.lower() in READERS
            and file.is_file()
            and not _holds_labels(file)
            and not (within and own in file.resolve().parents)
        )
        if not below:
            found.append((path.name, path))  # reported as unreadable
        for file in below:
            place = file.relative_to(path)
            if file == path:
                place = Path(path.resolve().name)
            elif not file.is_dir():
                place = place.with_suffix('')
            found.append((place.as_posix(), file))
    named, taken = [], {ALL}
    for name, path in found:
        free, count = name, 1
        while safe_file_name(free).lower() in taken:
            count += 1
            free = f'{name}-{count}'
        taken.add(safe_file_name(free).lower())
        named.append((free, path))
    return named


def _holds_labels(path: Path) -> bool:
    """Whether a table's first row names video, label, start and end."""
    if path.suffix.lower() != '.csv':
        return False
    with suppress(OSError, UnicodeDecodeError, DataError):
        with path.open(encoding='utf-8-sig') as file:
            row = file.readline().rstrip('\n')
        return choose_columns(row, 's', str(path)).header
    return False
