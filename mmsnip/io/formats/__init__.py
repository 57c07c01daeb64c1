"""Recordings of any format: `read` a file, or a folder of frames."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Each module registers its formats; the table shows them in this order.
from mmsnip.io.formats import (  # noqa: F401
    arrays,
    bvh,
    csv_table,
    deeplabcut,
    freemocap,
    motive,
    ntu,
    pkummd,
    pose_json,
    trc,
    ultralytics,
    vicon,
)
from mmsnip.io.formats.registry import (
    FOLDERS,
    FORMATS,
    READERS,
    Format,
    group_frames,
    head_of,
    reader,
    recordings_in,
)
from mmsnip.io.formats.tracks import share_slots
from mmsnip.structures import DataError, Recording

__all__ = [
    'FORMATS',
    'READERS',
    'formats_table',
    'group_frames',
    'read',
    'reader',
    'recordings_in',
]


def read(
    path: str | os.PathLike[str],
    columns: Any = None,
    kind: str | None = None,
    **options: Any,
) -> Recording:
    """Read a recording; nothing in its file is executed.

    The ending picks the reader, and where several formats have it the look
    of the file. Persons who are never there at once share a place, in every
    format: someone who leaves and returns is one person.

    Args:
        path (str | os.PathLike[str]): File, or a folder with a file a frame.
        columns (ColumnMap | Mapping | str | os.PathLike[str] | None): What
            the columns of a table are, or the YAML file that says it; see
            `mmsnip.io.formats.columns.ColumnMap`. Other formats ignore it.
        kind (str | None): Title of a format, where the look of the file is
            not to decide.
        **options (Any): Keywords of single readers, such as ``positions`` of
            BVH; readers without them ignore them.

    Returns:
        Recording: Raw facts of the file: its own unit, axes and rate; a mask
        of what was seen; notes on what was assumed, mended or left out.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If the ending is unknown, or the file is unreadable.
    """
    path = Path(path)
    known = _format_of(path, columns, kind)
    given = {key: options[key] for key in known.options if key in options}
    if 'columns' in known.options:
        given['columns'] = columns
    try:
        recording = known.read(path, **given)
    except (DataError, FileNotFoundError):
        raise
    except Exception as error:  # whatever a parser says of foreign bytes
        raise DataError(
            f'{path} cannot be read as {known.title} '
            f'({type(error).__name__}: {str(error)[:200]}); is it whole? '
            'Pickled objects are refused'
        ) from error
    return share_slots(recording)


def _format_of(path: Path, columns: Any, kind: str | None) -> Format:
    if path.is_dir():
        there = {p.suffix.lower() for p in path.iterdir() if p.is_file()}
        for known in FOLDERS:
            if there & set(known.endings):
                return known
        raise DataError(
            f'{path} is a folder without .json files of poses; expected '
            f'such a folder, or a file that ends in one of {sorted(READERS)}'
        )
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    options = READERS.get(path.suffix.lower())
    if options is None:
        raise DataError(
            f'{path} ends in {path.suffix!r}, which is not read; expected '
            f'one of {sorted(READERS)}'
        )
    head = head_of(path)
    for known in options:
        # A column map is of tables only.
        fits = columns is None or 'columns' in known.options
        if kind is not None:
            fits = known.title == kind
        elif fits and known.sniff is not None:
            fits = known.sniff(path, head)
        if fits:
            return known
    return options[-1]


def formats_table() -> str:
    """The README's table of formats.

    Returns:
        str: Markdown, a row a format.
    """
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for known in FORMATS:
        endings, notes = rows.setdefault(known.title, ([], []))
        endings += [f'`{e}`' for e in known.endings if f'`{e}`' not in endings]
        notes += [known.note] if known.note else []
    lines = ['| format | files | what is read |', '|---|---|---|']
    lines += [
        f'| {title} | {", ".join(endings)} | {"; ".join(notes)} |'
        for title, (endings, notes) in sorted(rows.items())
    ]
    return '\n'.join(lines)
