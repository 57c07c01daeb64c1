"""Which paths of a folder are a recording each: a file, or its frames."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmsnip.io.pose_facts import unpack
from mmsnip.io.pose_formats import parse_frames, recognise
from mmsnip.io.pose_numbers import frame_number
from mmsnip.io.reading import SequenceError, read_text

__all__ = ['group_frames', 'holds_frames']

FRAMES = '.json'
OPENPOSE = '_keypoints'  # ends its file names, always a file a frame
MAX_FRAME = 2**22  # bytes of text; a crowd with hands and faces has a tenth


def group_frames(
    paths: Iterable[Path], frames_in_folders: bool | None = None
) -> list[Path]:
    """Put the folder in the place of files that are its frames.

    Args:
        paths (Iterable[Path]): Files; all ``.json`` ones of a folder.
        frames_in_folders (bool | None): True takes each folder with
            ``.json`` files for a recording, False none; None asks
            `holds_frames`.

    Returns:
        list[Path]: Files and folders, a recording each, sorted.
    """
    found: list[Path] = []
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        if path.suffix.lower() == FRAMES:
            folders.setdefault(path.parent, []).append(path)
        else:
            found.append(path)
    for folder, files in folders.items():
        frames = frames_in_folders
        if frames is None:
            frames = holds_frames(files)
        found += [folder] if frames else files
    return sorted(found)


def holds_frames(files: Sequence[Path]) -> bool:
    """Whether the ``.json`` files of a folder are frames of one recording.

    They are if all are called as OpenPose calls them, ``.._keypoints.json``;
    or if most of them differ from another one in the last number of the
    name only and those that are looked at, the first, the middle and the
    last, hold a frame at most. Files of a whole recording each,
    ``take_01.json`` and so on, hold more.

    Args:
        files (Sequence[Path]): All ``.json`` files of the folder.

    Returns:
        bool: True also where a folder mixes frames of several recordings,
        which its reader refuses.
    """
    if all(path.stem.endswith(OPENPOSE) for path in files):
        return bool(files)
    series: dict[str, list[Path]] = {}
    for path in sorted(files):
        if frame_number(path.name) is not None:
            kind = re.sub('[0-9]+(?=[^0-9]*$)', '#', path.stem)
            series.setdefault(kind, []).append(path)
    frames = [p for own in series.values() if len(own) > 1 for p in own]
    return 2 * len(frames) > len(files) and _single_frames(frames)


def _single_frames(files: Sequence[Path]) -> bool:
    """Whether those of the files that can be read hold a frame each."""
    places = {0, len(files) // 2, len(files) - 1}
    counts = [_num_frames(files[place]) for place in sorted(places)]
    known = [count for count in counts if count is not None]
    return bool(known) and max(known) <= 1


def _num_frames(path: Path) -> int | None:
    """Frames of a file, 2 for any more; None where it cannot be read."""
    try:
        if path.stat().st_size > MAX_FRAME:
            return 2
        document, _ = unpack(json.loads(read_text(path, MAX_FRAME)))
        kind = recognise(document, path)
        if kind is None:
            return 0
        return min(2, len(parse_frames(document, kind, path, False)))
    except (SequenceError, OSError, ValueError, RecursionError):
        return None
