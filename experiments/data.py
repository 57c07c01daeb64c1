"""Data sets by name: their files, held-out parts and joined clips."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from experiments.measure import clips_beside
from mmsnip.io.annotation import load_annotation, save_annotation
from mmsnip.structures.files import draft_of

ROOT = Path(__file__).resolve().parents[1]
HOLDOUT = '/holdout'
CLIPS = (4, 8)  # of a joined sequence
GAP = (1 / 3, 1.0)  # seconds of a transition
HEIGHT = 1  # axis that points up


def find_data_dir(given: str | None = None) -> Path:
    """Folder of the data sets: as given, ``MMSNIP_DATA``, or the shared one.

    Raises:
        FileNotFoundError: If there is none.
    """
    chosen = given or os.environ.get('MMSNIP_DATA')
    folder = Path(chosen or ROOT.parent / 'shared' / 'data')
    if not folder.is_dir():
        raise FileNotFoundError(
            f'{folder}: no such folder of data sets; name it with --data-dir '
            'or the environment variable MMSNIP_DATA'
        )
    return folder


@dataclass
class DataFolder:
    """Data sets of a folder, each read once.

    ``NAME`` is a whole data set, ``NAME/holdout`` its training part in two,
    ``NAME/random-5/3`` one in which the videos of draw 3 of ``random-5`` alone
    have labels; the last two go together. ``folder`` holds ``NAME.pkl`` or
    ``NAME.safetensors``, and ``NAME_few.json``, draws of labelled videos by
    budget. What is derived is written into ``made``. A rule of a data set has
    ``group`` and ``hold`` of `hold_out`; ``file``, where the file has another
    name; ``stitch``, arguments of `stitch`, where its clips are joined.
    """

    folder: Path
    made: Path
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _digests: dict = field(default_factory=dict)

    def source(self, data: str) -> Path:
        """File that a data set comes from, with its clips joined if asked."""
        path, joins = self._raw(data), self._rule(data).get('stitch')
        if joins is None:
            return path
        key = _hash([self._file_digest(path), joins])[:12]
        made = self.made / f'{path.stem}-stitched-{key}.pkl'
        if not made.is_file():
            content, sequences = stitch(load_annotation(path), **joins)
            clips = made.with_name(f'{made.stem}_clips.json')
            with draft_of(clips) as draft:
                text = json.dumps(dict(sequences=sequences), indent=1)
                draft.write_text(text, encoding='utf-8')
            save_annotation(made, content)
        return made

    def digest(self, data: str) -> str:
        """Hash of what a run on this data set sees.

        Of joined clips, of their file and where each of them lies; of a
        held-out part or a draw, of this and the names of its videos.
        """
        if data not in self._digests:
            path = self.source(data)
            digest = self._file_digest(self._raw(data))
            if 'stitch' in self._rule(data):
                digest = _hash([digest, clips_beside(path)])
            if HOLDOUT in data:
                names = load_annotation(path)['split']['train']
                held = held_out_names(names, **self._hold(data))
                digest = _hash([digest, held])
            drawn = self._labelled(data)
            self._digests[data] = _hash([digest, drawn]) if drawn else digest
        return self._digests[data]

    def file(self, data: str) -> Path:
        """File to train on; one with a held-out part is made if missing."""
        path, drawn = self.source(data), self._labelled(data)
        if HOLDOUT not in data and not drawn:
            return path.resolve()
        kind = 'holdout' if HOLDOUT in data else 'drawn'
        made = self.made / f'{path.stem}-{kind}-{self.digest(data)[:12]}.pkl'
        if not made.is_file():
            content = load_annotation(path)
            if HOLDOUT in data:
                content = hold_out(content, **self._hold(data))
            if drawn:
                content = label_only(content, drawn)
            save_annotation(made, content)
        return made.resolve()

    def _labelled(self, data: str) -> list[str] | None:
        """Training videos that keep their labels, if those of a draw do."""
        words = data.replace(HOLDOUT, '').split('/')[1:]
        if not words:
            return None
        path = self._raw(data)
        path = path.with_name(f'{path.stem}_few.json')
        draws = json.loads(path.read_text(encoding='utf-8'))
        try:
            budget, number = words
            return draws[budget][int(number)]
        except (KeyError, IndexError, ValueError):
            sizes = {name: len(found) for name, found in draws.items()}
            raise ValueError(
                f'data {data!r}: expected NAME, NAME/holdout, or one of these '
                f'with /BUDGET/DRAW; the draws of {path} are {sizes}'
            ) from None

    def _raw(self, data: str) -> Path:
        name = self._rule(data).get('file', data.split('/')[0])
        for suffix in ('.pkl', '.safetensors'):
            path = self.folder / f'{name}{suffix}'
            if path.is_file():
                return path
        raise FileNotFoundError(
            f'{self.folder}: it has no data set {name!r}, neither '
            f'{name}.pkl nor {name}.safetensors'
        )

    def _file_digest(self, path: Path) -> str:
        if path not in self._digests:
            content = path.read_bytes()
            self._digests[path] = hashlib.sha256(content).hexdigest()
        return self._digests[path]

    def _rule(self, data: str) -> Mapping[str, Any]:
        return self.rules.get(data.split('/')[0]) or {}

    def _hold(self, data: str) -> dict[str, Any]:
        rule = self._rule(data)
        return {key: rule[key] for key in ('group', 'hold') if key in rule}


def label_only(
    data: Mapping[str, Any], labelled: Sequence[str]
) -> dict[str, Any]:
    """Take the labels of all other training videos away."""
    bare = set(data['split']['train']) - set(labelled)
    unknown = sorted(set(labelled) - set(data['split']['train']))
    if unknown:
        raise ValueError(f'{unknown[0]!r} is no training video')
    labels = ('segments', 'segment_labels', 'label')
    return dict(
        data,
        annotations=[
            {k: v for k, v in video.items() if k not in labels}
            if video['frame_dir'] in bare
            else video
            for video in data['annotations']
        ],
    )


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def held_out_names(
    names: Sequence[str], group: str = '', hold: Sequence[str] = ()
) -> list[str]:
    """Training videos that validate: whole groups, never all of them."""
    groups = {name: group_of(name, group) for name in names}
    chosen = [name for name in names if groups[name] in hold]
    if set(hold) - set(groups.values()) or len(chosen) == len(names):
        raise ValueError(
            f'holding {list(hold)} out leaves no video to train on or to '
            f'validate; the groups are {sorted(set(groups.values()))}'
        )
    return chosen


def group_of(name: str, group: str) -> str:
    """What the first bracket of an expression finds in a video's name."""
    found = re.search(group, name)
    if not found or not found.groups():
        raise ValueError(
            f'the expression {group!r} finds no group in the video {name!r}; '
            'it needs one bracket that matches in every name'
        )
    return found[1]


def hold_out(data: Mapping[str, Any], **rule: Any) -> dict[str, Any]:
    """Split the training videos in two; the real ``val`` is left out.

    Of the rule, ``group`` is a regular expression whose first bracket is the
    group of a video, and ``hold`` names the groups that validate.
    """
    names = data['split']['train']
    chosen = set(held_out_names(names, **rule))
    return dict(
        data,
        split=dict(
            train=[name for name in names if name not in chosen],
            val=[name for name in names if name in chosen],
        ),
        annotations=[
            v for v in data['annotations'] if v['frame_dir'] in set(names)
        ],
    )


def stitch(
    data: Mapping[str, Any],
    group: str,
    background: Sequence[str] = (),
    seed: int = 0,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Join trimmed clips to untrimmed sequences.

    Every clip is used once, in its own split. A sequence has 4 to 8 clips of
    one group (the last of a group what is left), never two of a class side by
    side where another order exists. The next clip is moved over the ground to
    where the last one ended, and is not turned. Transitions last 1/3 to 1 s:
    every joint moves straight, eased in and out. Clips of background classes
    are distractors: they stay in, without a label.

    ``data`` has clips of one person with a ``label``, axis 1 up, and ``fps``;
    ``group`` is an expression whose first bracket is the group, ``background``
    classes become background, ``seed`` is that of order, lengths and
    transitions. Gives the annotation, and of each sequence ``frame_dir`` and
    its ``clips``, as `clips_beside` reads them.
    """
    meta = data['metainfo']
    old = list(meta['classes'])
    unknown = sorted(set(background) - set(old))
    kept = [name for name in old if name not in set(background)]
    if unknown or not kept:
        raise ValueError(
            f'background {list(background)}: {unknown or "all"} of the '
            f'classes {old}; name some of them'
        )
    clips = {clip['frame_dir']: clip for clip in data['annotations']}
    rng = np.random.default_rng(seed)
    annotations, tables = [], []
    split: dict[str, list[str]] = {}
    for part, names in data['split'].items():
        groups = {name: group_of(name, group) for name in names}
        for its in sorted(set(groups.values())):
            own = [name for name in names if groups[name] == its]
            for number, drawn in enumerate(_sequences(own, clips, rng)):
                name = f'{part}_{its}_{number:02d}'
                entry, table = _join(
                    [clips[clip] for clip in drawn],
                    [old[clips[clip]['label']] for clip in drawn],
                    kept,
                    float(meta['fps']),
                    rng,
                )
                annotations.append(dict(entry, frame_dir=name))
                tables.append(dict(frame_dir=name, clips=table))
                split.setdefault(part, []).append(name)
    name = f'{meta.get("dataset", "clips")}_stitched'
    made = dict(
        metainfo=dict(meta, dataset=name, classes=kept),
        split=split,
        annotations=annotations,
    )
    return made, tables


def _sequences(
    names: Sequence[str], clips: Mapping[str, Any], rng: np.random.Generator
) -> list[list[str]]:
    """Names of clips, a list for each sequence."""
    left = [names[index] for index in rng.permutation(len(names))]
    found = []
    while left:
        drawn = [left.pop(0)]
        count = int(rng.integers(CLIPS[0], CLIPS[1] + 1))
        while left and len(drawn) < count:
            last = clips[drawn[-1]]['label']
            others = (
                index
                for index, name in enumerate(left)
                if clips[name]['label'] != last
            )
            drawn.append(left.pop(next(others, 0)))
        found.append(drawn)
    return found


def _join(
    drawn: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    kept: Sequence[str],
    fps: float,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One sequence: its annotation without a name, and its clips."""
    parts: list[np.ndarray] = []
    table: list[dict[str, Any]] = []
    frames = 0
    for clip, label in zip(drawn, labels):
        points = np.asarray(clip['keypoint'], dtype=np.float64)  # M, T, V, C
        way = -_place(points[:, 0])
        if parts:
            way = way + _place(parts[-1][:, -1])
        points = points + way
        if parts:
            count = max(1, round(rng.uniform(*GAP) * fps))
            parts.append(_between(parts[-1][:, -1], points[:, 0], count))
            frames += count
        start, frames = frames, frames + points.shape[1]
        parts.append(points)
        table.append(
            dict(
                clip=clip['frame_dir'],
                content=label,
                start=start,
                end=frames,
                labelled=label in kept,
            )
        )
    labelled = [row for row in table if row['labelled']]
    bounds = [[row['start'], row['end']] for row in labelled]
    indices = [kept.index(row['content']) for row in labelled]
    entry = dict(
        total_frames=frames,
        keypoint=np.concatenate(parts, axis=1).astype(np.float32),
        segments=np.asarray(bounds, dtype=np.int64).reshape(-1, 2),
        segment_labels=np.asarray(indices, dtype=np.int64),
    )
    return entry, table


def _place(pose: np.ndarray) -> np.ndarray:
    """Where a pose (M, V, C) stands on the ground, (C,), 0 upwards."""
    place = pose[0].mean(axis=0)
    place[HEIGHT] = 0
    return place


def _between(first: np.ndarray, last: np.ndarray, count: int) -> np.ndarray:
    """Poses on the way from one to the next, (M, count, V, C)."""
    share = np.arange(1, count + 1) / (count + 1)
    eased = (share**2 * (3 - 2 * share))[None, :, None, None]
    return (1 - eased) * first[:, None] + eased * last[:, None]
