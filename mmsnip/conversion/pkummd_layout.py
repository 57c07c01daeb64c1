"""Where the files of PKU-MMD lie below a folder, told by their content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mmsnip.conversion.source import Skipped
from mmsnip.conversion.tree import files_below
from mmsnip.io.formats.ntu_names import stem
from mmsnip.io.reading import SequenceError
from mmsnip.io.splits import pkummd_view

__all__ = ['PKUMMDFiles', 'find_pkummd_files', 'split_kind']

ENDING = '.txt'
SKELETONS, LABELS = 'skeletons', 'labels'
LONG_ROW = 100  # words, from which a row is one of joints
SHORT_ROW = 4  # words, up to which it is one of labels
PEEKED = 4096  # bytes that are looked at
TRIED = 9  # files of a folder


@dataclass
class PKUMMDFiles:
    """Files of PKU-MMD.

    Attributes:
        skeletons (dict[str, Path]): File of each video.
        labels (dict[str, Path]): Its labels.
        lists (list[Path]): Split lists.
        skipped (list[Skipped]): What is none of these.
    """

    skeletons: dict[str, Path] = field(default_factory=dict)
    labels: dict[str, Path] = field(default_factory=dict)
    lists: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find_pkummd_files(
    root: Path,
    skeletons: str | Path | None = None,
    labels: str | Path | None = None,
) -> PKUMMDFiles:
    """Skeletons, labels and split lists of PKU-MMD.

    Skeletons and labels have equal names (``0002-L.txt``), in folders of
    their own. A folder is told by the first row of most of its files: 150
    numbers are a frame, three or four are a label. A ``.txt`` file of
    another name that begins with ``Training videos`` is a split list.

    Args:
        root (Path): Folder; it and all folders in it are looked at.
        skeletons (str | Path, optional): Folder of skeletons, which with
            those in it is the only one.
        labels (str | Path, optional): Folder of labels, likewise.

    Returns:
        PKUMMDFiles: What was found.

    Raises:
        FileNotFoundError: If there is no such folder.
        SequenceError: If two folders have a file of the same video.
    """
    found = PKUMMDFiles()
    folders: dict[Path, dict[str, Path]] = {}
    for path in files_below(root, found.skipped):
        video = _video_of(path)
        if path.suffix.lower() != ENDING:
            found.skipped.append(Skipped(str(path), 'is no .txt file'))
        elif video is not None:
            folders.setdefault(path.parent, {})[video] = path
        elif _first_row(path).lower().startswith('training videos'):
            found.lists.append(path)
        else:
            reason = 'is neither called as a video nor a list of splits'
            found.skipped.append(Skipped(str(path), reason))
    for folder, files in folders.items():
        kind = _kind_of(files.values())
        if kind == SKELETONS and skeletons is None:
            _add(found.skeletons, files, SKELETONS)
        elif kind == LABELS and labels is None:
            _add(found.labels, files, LABELS)
        elif kind is None:
            reason = (
                f'its {len(files)} files begin with neither a row of 150 '
                'numbers nor one of label,start,end,confidence'
            )
            found.skipped.append(Skipped(str(folder), reason))
    for given, table, kind in (
        (skeletons, found.skeletons, SKELETONS),
        (labels, found.labels, LABELS),
    ):
        if given is not None:
            for path in files_below(given, found.skipped):
                video = _video_of(path)
                if video is not None:
                    _add(table, {video: path}, kind)
    return found


def split_kind(path: Path) -> str | None:
    """Protocol of a split list, by its name.

    Args:
        path (Path): List, such as ``cross-subject.txt``.

    Returns:
        str | None: 'xsub', 'xview' or None.

    Examples:
        >>> split_kind(Path('cross_view_v2.txt'))
        'xview'
    """
    name = path.name.lower()
    kinds = [
        kind
        for kind, words in (
            ('xsub', ('subject', 'xsub')),
            ('xview', ('view',)),
        )
        if any(word in name for word in words)
    ]
    return kinds[0] if len(kinds) == 1 else None


def _video_of(path: Path) -> str | None:
    """Video that a file is of, by its name."""
    try:
        pkummd_view(path.name)
    except SequenceError:
        return None
    right = path.suffix.lower() == ENDING and path.stem == stem(path.name)
    return path.stem if right else None


def _first_row(path: Path) -> str:
    """Begin of the first row that is not blank; empty if unreadable."""
    try:
        with path.open('rb') as file:
            content = file.read(PEEKED)
    except OSError:
        return ''
    text = content.decode('utf-8-sig', 'replace').lstrip()
    return text.split('\n', 1)[0].strip()


def _kind_of(paths: Iterable[Path]) -> str | None:
    """What most of the first files are."""
    kinds: list[str] = []
    for path in paths:
        words = _first_row(path).replace(',', ' ').split()
        if len(words) >= LONG_ROW:
            kinds.append(SKELETONS)
        elif 3 <= len(words) <= SHORT_ROW:
            kinds.append(LABELS)
        if len(kinds) == TRIED:
            break
    return max(sorted(set(kinds)), key=kinds.count, default=None)


def _add(
    table: dict[str, Path], files: dict[str, Path], argument: str
) -> None:
    """Add files of videos that are not there yet."""
    for name, path in files.items():
        if name in table:
            raise SequenceError(
                f'{table[name]} and {path} are both of the video {name!r}; '
                f'say which folder to take: {argument}={path.parent}'
            )
        table[name] = path
