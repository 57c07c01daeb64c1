"""Labels and splits of the recordings of a folder."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmsnip.io.formats import READERS
from mmsnip.io.labels import VideoLabels, to_frames
from mmsnip.io.splits import read_pkummd_split
from mmsnip.structures import DataError, Recording, Segments, show
from mmsnip.structures.files import read_json, read_text, safe_name

__all__ = [
    'apply_splits',
    'label_fields',
    'labelled',
    'labelled_splits',
    'match_names',
    'read_splits',
    'usual_label',
]

# Endings that a name in a label file may carry.
MEDIA = (
    *('.mp4', '.avi', '.mov', '.mkv', '.webm', '.mpg', '.mpeg', '.m4v'),
    *('.wmv', '.flv', '.mts', '.wav', '.mp3', '.eaf'),
)


def match_names(
    videos: Iterable[str], names: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Find the recording of each video: by full name, else by its end.

    Without endings one name must end in the other, folder by folder:
    ``data/walk/p01.mp4`` is ``walk/p01``, ``sit/p01`` is not.
    """
    # A Mac writes accents apart from their letters in names of files.
    own = {unicodedata.normalize('NFC', name): name for name in names}
    known, by_stem = set(own), {}
    for name in sorted(known):
        by_stem.setdefault(name.rsplit('/', 1)[-1], []).append(name)
    found: dict[str, str] = {}
    reasons: dict[str, str] = {}
    claims: dict[str, list[str]] = {}
    rest = []
    for video in videos:
        plain = unicodedata.normalize('NFC', video.replace('\\', '/'))
        if plain in known:
            found[plain] = video
        else:
            rest.append((video, plain))
    for video, plain in rest:
        path = PurePosixPath(plain)
        bare = plain
        if path.suffix.lower() in (*MEDIA, *READERS):
            bare = path.with_suffix('').as_posix()
        fits = sorted(
            {
                name
                for form in (plain, bare)
                for name in by_stem.get(form.rsplit('/', 1)[-1], ())
                if f'/{name}'.endswith(f'/{form}')
                or f'/{form}'.endswith(f'/{name}')
            }
        )
        fits = [bare] if bare in fits else fits
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
    return {own[name]: video for name, video in found.items()}, reasons


def label_fields(
    labels: VideoLabels, classes: Sequence[str]
) -> dict[str, Any]:
    """Labels as plain fields of an item, until rate and length are known."""
    index = {name: label for label, name in enumerate(classes)}
    return dict(
        timed_segments=labels.segments.tolist(),
        segment_labels=[index[name] for name in labels.names],
        timing=dict(
            video=labels.video,
            names=list(labels.names),
            unit=labels.unit,
            fps=labels.fps,
            num_frames=labels.num_frames,
        ),
    )


def usual_label(fields: Mapping[str, Any]) -> int:
    """Class that a recording is drawn with; -1 for none."""
    if fields.get('label') is not None:
        return int(fields['label'])
    labels = np.asarray(fields.get('segment_labels', ()))
    whole = labels.size and labels.dtype.kind in 'iu' and labels.min() >= 0
    return int(np.bincount(labels).argmax()) if whole else -1


def labelled(
    recording: Recording,
    fields: Mapping[str, Any],
    overlaps: str = 'keep',
    num_classes: int | None = None,
) -> Recording:
    """A recording with the labels of an item.

    Labels in frames are the numbers that a file gives its frames, those in
    seconds count from its first frame, or from that of the film it is of.
    """
    facts = dict(
        source=recording.source,
        num_frames=recording.num_frames,
        num_classes=num_classes,
    )
    if 'segment_labels' not in fields:
        return recording.but(label=fields.get('label'))
    segments, labels, notes = [], [], []
    if 'timed_segments' in fields:
        segments, labels, notes = _in_frames(fields, recording, overlaps)
    found = Segments.of(segments, labels, **facts)
    recording = recording.but(segments=found)
    for text in notes:
        recording = recording.noted(text)
    return recording


def _in_frames(
    fields: Mapping[str, Any], recording: Recording, overlaps: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    timing, T = fields['timing'], recording.num_frames
    times = np.array(fields['timed_segments'], np.float64).reshape(-1, 2)
    fps = timing['fps'] if recording.fps is None else recording.fps
    seconds = timing['unit'] == 's'
    if seconds and fps is None:
        raise DataError(
            f'the labels of video {timing["video"]!r} are in seconds, but '
            'its file states no frame rate; state it with --source-fps'
        )
    first, step = recording.film_start, 1
    if not seconds:
        first, step = recording.first_frame, recording.frame_step
        if timing['num_frames'] == T:
            first, step = 0, 1
    mended: list[str] = []
    if (first, step) != (0, 1):
        times = (times - (first / fps if seconds else first)) / step
        text = f'labels were moved by {first} frames, the number with which '
        text += 'the file begins'
        text += f' and goes on in steps of {step}' if step > 1 else ''
        mended.append(text)
    length, rows = None if first else timing['num_frames'], recording.rows
    if rows is not None and not seconds and length != T:
        times = _over_gaps(times, np.asarray(rows))
        length = T if length == len(rows) else length
        text = f'labels count the {len(rows)} frames of the file; they were '
        text += 'moved over those that its times leave out'
        mended.append(text)
    labels = VideoLabels(
        timing['video'],
        times,
        list(timing['names']),
        timing['unit'],
        num_frames=length,
    )
    label_of = dict(zip(timing['names'], fields['segment_labels']))
    segments, names, notes = to_frames(
        labels, fps, T, overlaps, sorted(label_of, key=label_of.get)
    )
    indices = np.array([label_of[name] for name in names], np.int64)
    return segments, indices, mended + notes


def _over_gaps(segments: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Segments that count the rows of a file, in frames of its recording."""
    R = len(rows)
    borders = np.arange(R + 1)
    starts = np.interp(segments[:, 0], borders, [*rows, rows[-1] + 1])
    ends = np.interp(segments[:, 1], borders, [rows[0], *(rows + 1)])
    outside = segments - np.clip(segments, 0, R)
    return np.stack([starts, ends], axis=1) + outside


MAX_TEXT = 2**28


def read_splits(paths: Any) -> dict[str, list[str]]:
    """Names of each split, of .json, .txt (its stem), or a folder of .txt."""
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    found: dict[str, list[str]] = {}
    for path in map(Path, paths):
        files = sorted(path.glob('*.txt')) if path.is_dir() else [path]
        if not files:
            raise DataError(
                f'{path} holds no list; expected train.txt and val.txt'
            )
        for file in files:
            for split, names in _read_one(file).items():
                if split in found:
                    raise DataError(
                        f'{file}: split {split!r} is in an earlier file, too'
                    )
                found[split] = names
    return found


def _read_one(path: Path) -> dict[str, list[str]]:
    if path.suffix.lower() == '.json':
        return _json_splits(path)
    text = read_text(path, MAX_TEXT)
    if path.suffix.lower() != '.txt':
        raise DataError(
            f'{path} ends in {path.suffix!r}; expected .json or .txt, or a '
            'folder of .txt files'
        )
    lines = [line.strip() for line in text.split('\n')]
    if any(line.lower().startswith('training videos') for line in lines):
        return read_pkummd_split(path)
    names = {
        safe_name(line, f'{path}, line {number}'): None
        for number, line in enumerate(lines, start=1)
        if line
    }
    return {path.stem: list(names)}


def _json_splits(path: Path) -> dict[str, list[str]]:
    content = read_json(path, MAX_TEXT)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f'{path}: found {show(content)}, expected an object of lists '
            'such as {"train": [names], "val": [names]}'
        )
    splits = {}
    for split, names in content.items():
        wrong = names
        if isinstance(names, list):
            wrong = next((n for n in names if not isinstance(n, str)), None)
        if wrong is not None:
            raise DataError(
                f'{path}, key {split!r}: found {show(wrong)}, expected a '
                'list of names'
            )
        for name in names:
            safe_name(name, f'{path}, key {split!r}')
        splits[split] = list(dict.fromkeys(names))
    return splits


def apply_splits(
    splits: Mapping[str, Sequence[str]], names: Iterable[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Names of each split that exist among `names`, and those that do not."""
    known = {unicodedata.normalize('NFC', name): name for name in names}
    there: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for split, wanted in splits.items():
        found: dict[str, None] = {}
        for name in wanted:
            same = unicodedata.normalize('NFC', name)
            plain = same.replace('\\', '/')
            options = (same, plain, os.path.splitext(plain)[0])
            match = next((known[n] for n in options if n in known), None)
            if match is None:
                missing.setdefault(split, []).append(name)
            else:
                found[match] = None
        there[split] = list(found)
    return there, missing


def labelled_splits(
    names: Sequence[str],
    class_of: Mapping[str, int | None],
    val_fraction: float,
    seed: int,
    given: Mapping[str, list[str]],
) -> dict[str, list[str]]:
    """``train`` and ``val`` of what is labelled, given or drawn.

    The others join ``train``.
    """
    labels = {name: class_of.get(name, -1) for name in names}
    known = [name for name in names if labels[name] is not None]
    bare = [name for name in names if labels[name] is None]
    splits = dict(given)
    if not splits and val_fraction and known:
        splits = stratified_split(
            known, [labels[name] for name in known], val_fraction, seed
        )
    if splits and bare:
        splits['train'] = [*splits.get('train', ()), *bare]
    return splits


def stratified_split(
    names: Sequence[str], labels: Sequence[int], val_fraction: float, seed: int
) -> dict[str, list[str]]:
    """Draw the same share of each class, whatever the order of the names.

    What rounding takes from one class goes to the next; at least one of each
    class trains. Where that leaves none for ``val``, the share of the whole
    is drawn from what the classes can spare, or from all.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, list[str]] = {}
    for name, label in sorted(zip(names, labels)):
        groups.setdefault(label, []).append(name)
    held: set[str] = set()
    owed = 0.0
    for _, members in sorted(groups.items()):
        owed += val_fraction * len(members)
        count = min(int(owed + 0.5), len(members) - 1)
        owed -= count
        order = rng.permutation(len(members))
        held.update(members[i] for i in order[:count])
    if not held and val_fraction > 0:
        count = int(val_fraction * len(names) + 0.5)
        count = min(max(count, 1), len(names) - 1)
        mixed = [rng.permutation(m).tolist() for m in groups.values()]
        spare = [name for members in mixed for name in members[1:]]
        pool = spare or [name for members in mixed for name in members]
        held = set(rng.permutation(pool)[:count].tolist())
    return dict(
        train=[name for name in names if name not in held],
        val=[name for name in names if name in held],
    )
