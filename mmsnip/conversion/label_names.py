"""What the names of recordings, folders and labelled videos say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mmsnip.io.formats import READERS

__all__ = ['folder_classes', 'match_names']

# Endings that a name in a label file may carry.
MEDIA = (
    *('.mp4', '.avi', '.mov', '.mkv', '.webm', '.mpg', '.mpeg', '.m4v'),
    *('.wmv', '.flv', '.mts', '.wav', '.mp3', '.eaf'),
)


def folder_classes(
    root: Path, files: Mapping[str, Path], classes: Sequence[str] | None
) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Class of each recording by the folder that it lies in.

    Args:
        root (Path): Folder of all; what lies in itself has no class.
        files (Mapping[str, Path]): Recordings.
        classes (Sequence[str] | None): All classes; None takes the folders.

    Returns:
        tuple[dict[str, dict[str, int]], list[str]]: ``label`` of each
        recording that has one, and the classes.
    """
    folders = {
        name: path.parent.name
        for name, path in files.items()
        if root not in (path, path.parent)
    }
    classes = list(classes or sorted(set(folders.values())))
    index = {name: label for label, name in enumerate(classes)}
    found = {
        name: dict(label=index[folder])
        for name, folder in folders.items()
        if folder in index
    }
    return found, classes


def match_names(
    videos: Iterable[str], names: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Find the recording that each video of a label file is.

    A video that is called exactly as a recording is this one. Else the
    ending of a video or a recording is left out (``p01.mp4``), and one name
    must end in the other, folder by folder: ``p01`` and ``data/walk/p01``
    are the recording ``walk/p01``, ``sit/p01`` is not.

    Args:
        videos (Iterable[str]): Names in the label file.
        names (Collection[str]): Recordings.

    Returns:
        tuple[dict[str, str], dict[str, str]]: Video of each recording that
        has one; and why, for each video that is no recording.

    Examples:
        >>> match_names(['p01.mp4', 'p02'], ['walk/p01'])
        ({'walk/p01': 'p01.mp4'}, {'p02': 'has labels, but no file'})
    """
    known, by_stem = set(names), {}
    for name in sorted(known):
        by_stem.setdefault(name.rsplit('/', 1)[-1], []).append(name)
    found: dict[str, str] = {}
    reasons: dict[str, str] = {}
    claims: dict[str, list[str]] = {}
    rest = []
    for video in videos:
        plain = video.replace('\\', '/')
        if plain in known:
            found[plain] = video
        else:
            rest.append((video, plain))
    for video, plain in rest:
        fits = sorted(
            {
                name
                for form in (plain, _without_ending(plain))
                for name in by_stem.get(form.rsplit('/', 1)[-1], ())
                if _ends_alike(name.split('/'), form.split('/'))
            }
        )
        exact = [name for name in fits if name == _without_ending(plain)]
        fits = exact or fits
        if len(fits) == 1 and fits[0] not in found:
            claims.setdefault(fits[0], []).append(video)
        elif len(fits) == 1:
            reasons[video] = (
                f'the labels of {video!r} are left out: {fits[0]!r} has '
                f'those of {found[fits[0]]!r}'
            )
        elif fits:
            listed = ' or '.join(map(repr, fits[:4]))
            more = f' or {len(fits) - 4} others' if len(fits) > 4 else ''
            reasons[video] = (
                f'the labels of {video!r} may be of {listed}{more}; write '
                'the folder, too'
            )
        else:
            reasons[video] = 'has labels, but no file'
    for name, claimed in claims.items():
        if len(claimed) == 1:
            found[name] = claimed[0]
            continue
        for video in claimed:
            other = next(one for one in claimed if one != video)
            reasons[video] = (
                f'the labels of {video!r} and of {other!r} may both be of '
                f'{name!r}'
            )
    return found, reasons


def _without_ending(name: str) -> str:
    path = PurePosixPath(name)
    known = path.suffix.lower() in (*MEDIA, *READERS)
    return path.with_suffix('').as_posix() if known else name


def _ends_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    shared = min(len(one), len(other))
    return list(one[-shared:]) == list(other[-shared:])
