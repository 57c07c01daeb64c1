"""Data sets as they are published, or as other projects prepared them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.annotation import metainfo_layout
from mmsnip.io.formats import read
from mmsnip.io.formats.amass import (
    data_set_of,
    find_motion,
    load_smplh,
    read_amass,
    read_amass_joints,
    read_amass_motion,
)
from mmsnip.io.formats.babel import (
    BabelSequence,
    act_categories,
    babel_segments,
    read_babel_json,
)
from mmsnip.io.formats.ntu import (
    NTU_CLASSES,
    ntu_name,
    read_name_list,
    stem,
)
from mmsnip.io.formats.pkummd import PKUMMD_CLASSES, read_pkummd_labels
from mmsnip.io.formats.prepared import Prepared, open_prepared
from mmsnip.io.splits import (
    ntu_split,
    pkummd_cross_view,
    pkummd_view,
    read_pkummd_split,
)
from mmsnip.prepare.folder import Item, Source, check_folder, files_below
from mmsnip.structures import DataError, Recording, Segments, show
from mmsnip.structures.errors import is_int
from mmsnip.structures.files import safe_name

__all__ = ['BabelSource', 'NTUSource', 'PKUMMDSource', 'PreparedSource']

ENTRY_KEYS = (  # that a Recording has
    *('frame_dir', 'total_frames', 'keypoint', 'keypoint_score', 'fps'),
    *('label', 'segments', 'segment_labels', 'track_ids', 'img_shape'),
)
LAYOUT = 'nturgb+d-official'
FPS = 30.0
# Names of the splits as pyskl has them, before _train and _val.
PROTOCOLS = {
    60: {'xsub': 'ntu60_xsub', 'xview': 'ntu60_xview'},
    120: {'xsub': 'ntu120_xsub', 'xset': 'ntu120_xset'},
}


class NTUSource(Source):
    """All ``.skeleton`` files of NTU RGB+D in a folder and those below."""

    published = True

    def __init__(
        self,
        root: str | Path,
        missing: str | Path | None = None,
        max_persons: int | None = 2,
        motion_rule: bool = False,
        classes: int | str = 'auto',
    ) -> None:
        super().__init__(root)
        self._missing, self._classes = missing, classes
        self.max_persons = max_persons
        self.motion_rule = motion_rule
        self._num_classes = 60 if classes == 'auto' else int(classes)

    def items(self) -> list[Item]:
        """Recordings in the order of their names."""
        self.skipped = []
        left_out = set()
        if self._missing is not None:
            left_out = {stem(name) for name in read_name_list(self._missing)}
        paths: dict[str, Path] = {}
        actions: dict[str, int] = {}
        for path in files_below(self.root, self.skipped):
            name = stem(path.name)
            try:
                if path.suffix.lower() != '.skeleton':
                    raise DataError("does not end in '.skeleton'")
                actions[name] = ntu_name(name).action
                if name in left_out:
                    raise DataError(f'is in the list {self._missing}')
                if name in paths:
                    raise DataError(f'has the name of {paths[name]}, too')
                paths[name] = path
            except DataError as error:
                self.skip(path, str(error))
        if self._classes == 'auto':
            largest = max((actions[name] for name in paths), default=1)
            self._num_classes = 120 if largest > 60 else 60
        items = []
        for name in sorted(paths):
            if actions[name] > self._num_classes:
                self.skip(
                    paths[name],
                    f'shows action {actions[name]}, only {self._num_classes} '
                    'are wanted',
                )
                continue
            label = dict(label=actions[name] - 1)
            items.append(Item(name, str(paths[name]), label))
        return items

    def read(self, item: Item, layout: Any = None) -> Recording:
        """Read a file and put its label to it."""
        how = dict(max_persons=self.max_persons, motion_rule=self.motion_rule)
        return read(item.path, **how).but(label=item.fields['label'])

    def metainfo(self) -> dict[str, Any]:
        """The data set's classes, joints, rate and most persons."""
        metainfo = dict(
            dataset=f'ntu{self._num_classes}',
            classes=list(NTU_CLASSES[: self._num_classes]),
            layout=LAYOUT,
            fps=FPS,
        )
        if self.max_persons is not None:
            metainfo['persons'] = int(self.max_persons)
        return metainfo

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Both protocols, told from the names."""
        return {
            f'{prefix}_{phase}': members
            for prefix, protocol in PROTOCOLS[self._num_classes].items()
            for phase, members in ntu_split(names, protocol).items()
        }


class PKUMMDSource(Source):
    """Videos of PKU-MMD, phase I or II or both, below a folder.

    Folders are told by the first rows of their files, whatever they are
    called: 150 numbers are a frame, three or four are a label, ``Training
    videos`` begins a split list. Lists of a protocol are joined.
    """

    published = True

    def __init__(
        self,
        root: str | Path,
        skeletons: str | Path | None = None,
        labels: str | Path | None = None,
        cross_subject: str | Path | None = None,
        cross_view: str | Path | None = None,
    ) -> None:
        super().__init__(root)
        self._folders = dict(skeletons=skeletons, labels=labels)
        self._given = dict(xsub=cross_subject, xview=cross_view)
        self._lists: dict[str, list[Path]] = {}

    def items(self) -> list[Item]:
        """Videos in the order of their names."""
        self.skipped = []
        found, lists = self._find()
        for kind, files in found.items():
            if not files:
                raise DataError(
                    f'{self.root} holds no {kind} of PKU-MMD, files such as '
                    f'0002-L.txt; name their folder with {kind}'
                )
        self._choose_lists(lists)
        items = []
        for name, path in sorted(found['skeletons'].items()):
            label_file = found['labels'].get(name)
            if label_file is None:
                self.skip(path, 'has no label file')
                continue
            try:
                # Of the dry run only: `read` knows the length of the video.
                _, labels, _ = read_pkummd_labels(label_file)
            except (DataError, OSError) as error:
                self.skip(path, str(error))
                continue
            fields = dict(
                label_file=str(label_file), segment_labels=labels.tolist()
            )
            items.append(Item(name, str(path), fields, (str(label_file),)))
        for name in sorted(set(found['labels']) - set(found['skeletons'])):
            self.skip(found['labels'][name], 'has no skeleton file')
        return items

    def _find(self) -> tuple[dict[str, dict[str, Path]], list[Path]]:
        """Skeletons and labels of each video, and the split lists."""
        found: dict[str, dict[str, Path]] = dict(skeletons={}, labels={})
        folders: dict[Path, dict[str, Path]] = {}
        lists = []
        for path in files_below(self.root, self.skipped):
            video = _video_of(path)
            if path.suffix.lower() != '.txt':
                self.skip(path, 'is no .txt file')
            elif video is not None:
                folders.setdefault(path.parent, {})[video] = path
            elif _first_row(path).lower().startswith('training videos'):
                lists.append(path)
            else:
                self.skip(
                    path, 'is neither called as a video nor a list of splits'
                )
        for folder, files in folders.items():
            kind = _kind_of(files.values())
            if kind is None:
                self.skip(
                    folder,
                    f'its {len(files)} files begin with neither a row of 150 '
                    'numbers nor one of label,start,end,confidence',
                )
            elif self._folders[kind] is None:
                _add(found[kind], files, kind)
        for kind, given in self._folders.items():
            if given is not None:
                for path in files_below(given, self.skipped):
                    video = _video_of(path)
                    if video is not None:
                        _add(found[kind], {video: path}, kind)
        return found, lists

    def _choose_lists(self, lists: Sequence[Path]) -> None:
        """Lists of both protocols; a list of neither is left out."""
        self._lists = {
            kind: [] if path is None else [Path(path)]
            for kind, path in self._given.items()
        }
        for path in lists:
            name = path.name.lower()
            kinds = ['xsub'] * ('subject' in name or 'xsub' in name)
            kinds += ['xview'] * ('view' in name)
            if len(kinds) != 1:
                self.skip(
                    path,
                    'is a list of splits, but its name has neither subject '
                    'nor view; name it with cross_subject or cross_view',
                )
            elif self._given[kinds[0]] is None:
                self._lists[kinds[0]].append(path)
        if not self._lists['xsub']:
            self.skip(
                self.root,
                'holds no list of the cross-subject split, so that there is '
                'none; name it with cross_subject',
            )

    def read(self, item: Item, layout: Any = None) -> Recording:
        """Read a video and its labels; frames of both count from 0."""
        recording = read(item.path, kind='PKU-MMD')
        T = recording.num_frames
        segments, labels, mended = read_pkummd_labels(
            item.fields['label_file'], T
        )
        facts = dict(num_frames=T, num_classes=len(PKUMMD_CLASSES))
        found = Segments.of(segments, labels, source=item.path, **facts)
        recording = recording.but(segments=found)
        for what in mended:
            recording = recording.noted(f'labels, {what}')
        return recording

    def metainfo(self) -> dict[str, Any]:
        """The data set's classes, joints and rate."""
        return dict(
            dataset='pku-mmd',
            classes=list(PKUMMD_CLASSES),
            layout=LAYOUT,
            fps=FPS,
        )

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Both protocols, by the data set's lists."""
        parts = {kind: _joined(paths) for kind, paths in self._lists.items()}
        if not self._lists['xview']:
            parts['xview'] = pkummd_cross_view(names)
        return {
            f'{kind}_{phase}': members
            for kind, phases in parts.items()
            for phase, members in phases.items()
        }


def _video_of(path: Path) -> str | None:
    """Video of PKU-MMD that a file is of, by its name."""
    try:
        pkummd_view(path.name)
    except DataError:
        return None
    right = path.suffix.lower() == '.txt' and path.stem == stem(path.name)
    return path.stem if right else None


def _first_row(path: Path) -> str:
    """Begin of the first row that is not blank; empty if unreadable."""
    try:
        with path.open('rb') as file:
            content = file.read(4096)
    except OSError:
        return ''
    text = content.decode('utf-8-sig', 'replace').lstrip()
    return text.split('\n', 1)[0].strip()


def _kind_of(paths: Iterable[Path]) -> str | None:
    """What most of the first nine files of PKU-MMD are."""
    kinds: list[str] = []
    for path in paths:
        words = _first_row(path).replace(',', ' ').split()
        if len(words) >= 100:
            kinds.append('skeletons')
        elif 3 <= len(words) <= 4:
            kinds.append('labels')
        if len(kinds) == 9:
            break
    return max(sorted(set(kinds)), key=kinds.count, default=None)


def _add(
    table: dict[str, Path], files: Mapping[str, Path], argument: str
) -> None:
    for name, path in files.items():
        if name in table:
            raise DataError(
                f'{table[name]} and {path} are both of the video {name!r}; '
                f'say which folder to take: {argument}={path.parent}'
            )
        table[name] = path


def _joined(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Names of both parts of all lists."""
    part_of: dict[str, str] = {}
    parts: dict[str, list[str]] = {}
    for path in paths:
        for phase, members in read_pkummd_split(path).items():
            for name in members:
                if part_of.setdefault(name, phase) != phase:
                    raise DataError(
                        f'{path} has {name!r} in {phase}, another list of '
                        f'the same protocol in {part_of[name]}; name the '
                        'list to use'
                    )
            new = [n for n in members if n not in parts.get(phase, ())]
            parts.setdefault(phase, []).extend(new)
    return parts


class BabelSource(Source):
    """BABEL, its motions out of AMASS, prepared as the benchmark does.

    Densely annotated sequences, at 30 frames a second, up to ``int(30 *
    dur)`` frames; z is up. A frame without a label is background here; the
    benchmark's preparation moves all later labels forward by it.

    Source:
        METHOD.md section 3; line/Skeleton-Temporal-Action-Localization.
    """

    published = True

    def __init__(
        self,
        root: str | Path,
        amass: str | Path | None = None,
        joints: str | Path | None = None,
        model: str | Path | None = None,
        gender: str = 'male',
        extra: bool = False,
    ) -> None:
        super().__init__(root)
        self._amass = str(self.root / 'amass' if amass is None else amass)
        if joints is None and model is None:
            folder = self.root / 'amass'
            places = (folder / 'babel_joint_pos', folder / 'joint_pos')
            joints = next((p for p in places if p.is_dir()), None)
        self.joints = None if joints is None else str(joints)
        self.model = None if model is None else str(model)
        self.gender = gender
        self._extra = extra
        self.classes: list[str] = []
        self._split_of: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the splits here."""
        return {**vars(self), '_split_of': {}, 'skipped': []}

    def items(self) -> list[Item]:
        """Sequences in the order of the files, train before val."""
        if self.joints is None and self.model is None:
            raise DataError(
                f'{self.root}: neither joints nor a model is given; name a '
                'folder of extracted joints, or your model of SMPL-H'
            )
        self.skipped, self._split_of = [], {}
        dense: list[tuple[str, BabelSequence]] = []
        for path in self._json_files():
            found = read_babel_json(path)
            dense += [(str(path), one) for one in found if one.dense]
            sparse = sum(not one.dense for one in found)
            if sparse:
                count = f'{sparse} of {len(found)} sequences'
                self.skip(path, f'{count} are not densely annotated')
        self.classes = act_categories(one for _, one in dense)
        items, missing, there = [], [], set()
        for path, sequence in dense:
            name, split = sequence.sid, Path(path).stem
            if name in self._split_of:
                self.skip(
                    path, f'sid {name} is in {self._split_of[name]} already'
                )
                continue
            item = self._item(sequence)
            if item is None:
                missing.append(sequence)
                continue
            self._split_of[name] = split
            there.add(data_set_of(sequence.feat_p))
            items.append(item)
        folder = self._amass if self.joints is None else self.joints
        lost = Counter(data_set_of(one.feat_p) for one in missing)
        for data_set in sorted(set(lost) - there):
            count = f'{lost[data_set]} sequences have no motion'
            self.skip(
                f'{folder}/{data_set}', f'the data set is missing; {count}'
            )
        for one in missing:
            if data_set_of(one.feat_p) in there:
                text = f'there is no such file, sid {one.sid} needs it'
                self.skip(f'{folder}/{one.feat_p}', text)
        return items

    def _json_files(self) -> list[Path]:
        """Files of the splits that are there."""
        check_folder(self.root)
        release = self.root / 'babel_v1.0_release'
        folder = release if release.is_dir() else self.root
        extra = ('extra_train', 'extra_val') if self._extra else ()
        wanted = [f'{split}.json' for split in ('train', 'val', *extra)]
        found = []
        for name in wanted:
            if (folder / name).is_file():
                found.append(folder / name)
            else:
                self.skip(folder / name, 'there is no such file')
        if not found:
            raise FileNotFoundError(
                f'{folder} holds none of {wanted}; expected the release of '
                'BABEL'
            )
        return found

    def _item(self, sequence: BabelSequence) -> Item | None:
        """The sequence with its motion, None where that is missing."""
        motion = find_motion(self._amass, sequence.feat_p)
        path, beside = motion, ()
        if self.joints is not None:
            path = find_motion(self.joints, sequence.feat_p, ('.npz', '.npy'))
            beside = () if motion in (None, path) else (str(motion),)
        if path is None:
            return None
        index = {name: label for label, name in enumerate(self.classes)}
        labels = [index[c] for s in sequence.segments for c in s.act_cats]
        fields = dict(sequence=sequence, segment_labels=labels)
        return Item(sequence.sid, str(path), fields, beside)

    def read(self, item: Item, layout: Any = None) -> Recording:
        """Joints at 30 frames a second, and their segments."""
        sequence: BabelSequence = item.fields['sequence']
        duration = sequence.duration_s
        if self.joints is None:
            body = load_smplh(self.model, self.gender)
            found = read_amass(item.path, body)
        else:
            rates = [read_amass_motion(path)[1] for path in item.also_reads]
            found = read_amass_joints(
                item.path,
                fps=rates[0] if rates else None,
                duration_s=duration,
            )
        T, wanted = found.num_frames, max(1, int(FPS * duration))
        kept = min(T, wanted)
        segments, labels, cut = babel_segments(sequence, self.classes, kept)
        facts = dict(num_frames=kept, source=item.path)
        recording = found.but(
            keypoint=found.keypoint[:, :kept].copy(),
            present=found.present[:, :kept].copy(),
            up=None,
            segments=Segments.of(segments, labels, **facts),
        )
        if abs(T - wanted) > 1:
            recording = recording.noted(
                f'the motion has {T} frames at 30 frames/s, its labels '
                f'{wanted} ({duration:g} s); {kept} are kept',
                abs(T - wanted),
            )
        for what in cut:
            recording = recording.noted(what)
        return recording

    def metainfo(self) -> dict[str, Any]:
        """Classes and joints; the axes are AMASS's."""
        return dict(
            dataset='BABEL',
            classes=list(self.classes),
            layout=LAYOUT,
            fps=FPS,
            notes=['before any change of axes z points up, as AMASS has it'],
        )

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """The files that the sequences come from."""
        splits: dict[str, list[str]] = {}
        for name in names:
            splits.setdefault(self._split_of[name], []).append(name)
        return splits


class PreparedSource(Source):
    """A file that another project prepared, or a folder of such files."""

    published = True

    def __init__(
        self, root: str | Path, labels: str | Path | None = None
    ) -> None:
        super().__init__(root)
        self.labels = None if labels is None else str(labels)
        self._metainfo: dict[str, Any] = {}
        self._splits: dict[str, list[str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tables here."""
        few = ('layout', 'parents', 'joint_names', 'fps', 'unit', 'classes')
        kept = {k: v for k, v in self._metainfo.items() if k in few}
        return {**vars(self), '_metainfo': kept, '_splits': {}, 'skipped': []}

    def items(self) -> list[Item]:
        """Videos in the order of the files, and of each file."""
        self.skipped, self._metainfo, self._splits = [], {}, {}
        items, stated = [], ''
        for path in self._files():
            try:
                prepared = _opened(path, self.labels)
            except (DataError, FileNotFoundError) as error:
                if not self.root.is_dir():
                    raise
                self.skip(path, str(error))
                continue
            for index, name in enumerate(prepared.names):
                fields: dict[str, Any] = dict(row=index)
                label = prepared.labels[index]
                if is_int(label):
                    fields['label'] = int(label)
                files = prepared.label_files
                try:
                    safe = safe_name(name, path)
                    items.append(Item(safe, str(path), fields, files))
                except DataError as error:
                    self.skip(path, str(error))
            self._take(path, prepared, stated)
            stated = stated or str(path)
        return items

    def _files(self) -> list[Path]:
        if self.root.is_file():
            return [self.root]
        if not self.root.is_dir():
            raise FileNotFoundError(f'{self.root} does not exist')
        endings = ('.npy', '.npz', '.pickle', '.pkl')
        # Labels lie beside their arrays; they are no data set of their own.
        return sorted(
            path
            for path in self.root.iterdir()
            if path.suffix.lower() in endings
            and path.name[0] != '.'
            and not path.stem.endswith('_label')
        )

    def _take(self, path: Path, prepared: Prepared, stated: str) -> None:
        """Metainfo and splits of one more file."""
        metainfo = dict(prepared.metainfo)
        if stated:
            ours = self._metainfo.get('classes')
            theirs = metainfo.get('classes')
            if not _agree(ours, theirs):
                raise DataError(
                    f'{path} has the classes {show(theirs)[:120]}, {stated} '
                    f'has {show(ours)[:120]}; convert one of them at a time'
                )
            if len(theirs or ()) < len(ours or ()):
                metainfo['classes'] = ours
        self._metainfo.update(metainfo)
        for split, names in prepared.splits.items():
            self._splits.setdefault(split, []).extend(names)

    def _entry(self, item: Item) -> dict[str, Any]:
        prepared = _opened(Path(item.path), self.labels)
        row = item.fields['row']
        if row >= len(prepared.names) or prepared.names[row] != item.name:
            raise DataError(f'{item.path} has changed; start again')
        return dict(prepared.entry(row))

    def read(self, item: Item, layout: Any = None) -> Recording:
        """Read one row; pickles are kept open by each process."""
        entry, known = self._entry(item), self._metainfo
        where = f'{item.path}, {item.name}'
        keypoint = entry.get('keypoint')
        V = keypoint.shape[-2] if np.ndim(keypoint) in (3, 4) else None
        segments, T = entry.get('segments'), entry.get('total_frames')
        if V is not None and T not in (None, keypoint.shape[-3]):
            raise DataError(
                f"{where}, key 'total_frames': found {show(T)}, but keypoint "
                f'has {keypoint.shape[-3]} frames'
            )
        if segments is not None:
            segments = Segments.of(
                segments,
                entry.get('segment_labels', ()),
                num_frames=keypoint.shape[-3],
                num_classes=len(known.get('classes') or ()) or None,
                source=where,
            )
        return Recording(
            item.name,
            keypoint,
            score=entry.get('keypoint_score'),
            layout=metainfo_layout(known, V),
            fps=entry.get('fps', known.get('fps')),
            unit=known.get('unit'),
            segments=segments,
            label=entry.get('label'),
            tracks=tuple(map(str, entry.get('track_ids') or ())),
            img_shape=entry.get('img_shape'),
            source=where,
        )

    def more(self, item: Item) -> dict[str, Any]:
        """What the entry says beside."""
        entry = self._entry(item)
        return {key: v for key, v in entry.items() if key not in ENTRY_KEYS}

    def metainfo(self) -> dict[str, Any]:
        """What the files say, or their kind fixes."""
        return dict(dict(dataset=self.root.resolve().stem), **self._metainfo)

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Splits of the files."""
        known = set(names)
        return {
            split: [name for name in members if name in known]
            for split, members in self._splits.items()
        }


def _agree(ours: Any, theirs: Any) -> bool:
    """Whether classes are the same, or one has more that were counted."""
    if ours is None or theirs is None:
        return ours is theirs
    shared = min(len(ours), len(theirs))
    counted = str(ours[:1]) == str(theirs[:1]) == "['class_0']"
    same = len(ours) == len(theirs) or counted
    return same and list(ours[:shared]) == list(theirs[:shared])


def _opened(path: Path, labels: str | None) -> Prepared:
    """The file, opened once in each process while it stays as it is."""
    stat = os.stat(path)
    return _open(str(path), labels, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _open(path: str, labels: str | None, *_: int) -> Prepared:
    return open_prepared(path, labels)
