"""BABEL's json files and AMASS's motions."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmsnip.conversion.source import Item, Recording, Skipped, Source
from mmsnip.io.formats.amass import (
    data_set_of,
    find_motion,
    read_amass,
    read_amass_joints,
    read_amass_motion,
)
from mmsnip.io.formats.babel import (
    BabelSegment,
    BabelSequence,
    act_categories,
    babel_segments,
    read_babel_json,
)
from mmsnip.io.formats.smpl import load_smplh
from mmsnip.io.reading import SequenceError
from mmsnip.skeleton.layout import from_graph_cfg

__all__ = ['BabelSource', 'add_babel_arguments']

FPS = 30.0
LAYOUT = 'nturgb+d-official'
AXES = 'before any change of axes z points up, as AMASS has it'
SPLITS = ('train', 'val')
EXTRA_SPLITS = ('extra_train', 'extra_val')
_RELEASE = 'babel_v1.0_release'
_JOINTS = ('amass/babel_joint_pos', 'amass/joint_pos')


def add_babel_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `BabelSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    for name, text in (
        ('amass', "AMASS's data sets (default: INPUT/amass)"),
        ('joints', 'joints that are extracted already, a file a motion'),
        ('model', 'your SMPL-H, a file or a folder; needs pip install smplx'),
    ):
        parser.add_argument(f'--{name}', metavar='PATH', help=text)
    parser.add_argument(
        '--extra', action='store_true', help='take extra_train and extra_val'
    )


class BabelSource(Source):
    """BABEL, its motions out of AMASS, prepared as the benchmark does.

    Only densely annotated sequences are taken. Joints come from a folder of
    extracted ones, or from AMASS's poses and a model of SMPL-H that the user
    has; in the order of NTU RGB+D, at 30 frames a second, up to
    ``int(30 * dur)`` frames. All categories that occur are classes, in the
    order of their letters; segments overlap where BABEL's do, and
    `mmsnip.datasets.BABELDataset` picks its four.

    z points up and the body stays at the origin, as in the benchmark; see
    `mmsnip.io.formats.amass`. ``up='z'`` of the conversion turns it upright.

    A frame without a label is background here. The benchmark's preparation
    moves all later labels forward by it.

    Args:
        root (str | Path): Folder with ``train.json`` and ``val.json``, or
            with ``babel_v1.0_release`` that has them; sequences of a split
            without a file are missing.
        amass (str | Path, optional): Folder of AMASS's data sets; None takes
            ``amass`` in the root.
        joints (str | Path, optional): Folder of extracted joints, under the
            names of the motions; None takes ``amass/babel_joint_pos`` in the
            root, if it is there and there is no `model`.
        model (str | Path, optional): Model of SMPL-H, see
            `mmsnip.io.formats.smpl.load_smplh`; not used with `joints`.
        gender (str): Of the model. Defaults to 'male', as published.
        extra (bool): Take the densely annotated ones of ``extra_train`` and
            ``extra_val`` too, as splits of these names. Defaults to False.

    Source:
        METHOD.md section 3; line/Skeleton-Temporal-Action-Localization.
    """

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
        self.amass = str(self.root / 'amass' if amass is None else amass)
        if joints is None and model is None:
            places = (self.root / place for place in _JOINTS)
            joints = next((p for p in places if p.is_dir()), None)
        self.joints = None if joints is None else str(joints)
        self.model = None if model is None else str(model)
        self.gender = gender
        self.extra = extra
        self._classes: list[str] = []
        self._split_of: dict[str, str] = {}

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        return dict(
            joints=self.joints,
            model=self.model,
            gender=self.gender,
            classes=self._classes,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the splits here."""
        return {**vars(self), '_split_of': {}, 'skipped': []}

    def items(self) -> list[Item]:
        """Sequences in the order of the files, train before val."""
        if self.joints is None and self.model is None:
            raise SequenceError(
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
                reason = (
                    f'{sparse} of {len(found)} sequences are not densely '
                    'annotated'
                )
                self.skipped.append(Skipped(str(path), reason))
        self._classes = act_categories(one for _, one in dense)
        items, missing, there = [], [], set()
        for path, sequence in dense:
            name, split = sequence.sid, Path(path).stem
            if name in self._split_of:
                reason = f'sid {name} is in {self._split_of[name]} already'
                self.skipped.append(Skipped(path, reason))
                continue
            item = self._item(sequence)
            if item is None:
                missing.append(sequence)
                continue
            self._split_of[name] = split
            there.add(data_set_of(sequence.feat_p))
            items.append(item)
        self._report_missing(missing, there)
        return items

    def _json_files(self) -> list[Path]:
        """Files of the splits that are there."""
        if not self.root.is_dir():
            kind = 'is no folder' if self.root.exists() else 'does not exist'
            raise FileNotFoundError(f'{self.root} {kind}; expected a folder')
        folder = self.root
        if (self.root / _RELEASE).is_dir():
            folder = self.root / _RELEASE
        wanted = [*SPLITS, *(EXTRA_SPLITS if self.extra else ())]
        found = []
        for split in wanted:
            path = folder / f'{split}.json'
            if path.is_file():
                found.append(path)
            else:
                reason = 'there is no such file'
                self.skipped.append(Skipped(str(path), reason))
        if not found:
            raise FileNotFoundError(
                f'{folder} holds none of {[f"{s}.json" for s in wanted]}; '
                'expected the release of BABEL'
            )
        return found

    def _item(self, sequence: BabelSequence) -> Item | None:
        """The sequence with its motion, None where that is missing."""
        motion = find_motion(self.amass, sequence.feat_p)
        path, beside = motion, ()
        if self.joints is not None:
            path = find_motion(self.joints, sequence.feat_p, ('.npz', '.npy'))
            beside = () if motion in (None, path) else (str(motion),)
        if path is None:
            return None
        index = {name: label for label, name in enumerate(self._classes)}
        fields = dict(
            duration_s=sequence.duration_s,
            segments_s=[
                [s.start_s, s.end_s, list(s.act_cats)]
                for s in sequence.segments
            ],
            # for the counts of a dry run
            segment_labels=[
                index[c] for s in sequence.segments for c in s.act_cats
            ],
        )
        return Item(sequence.sid, str(path), fields, beside)

    def _report_missing(
        self, missing: list[BabelSequence], there: set[str]
    ) -> None:
        """One line for a whole data set, else one for each motion."""
        folder = self.amass if self.joints is None else self.joints
        lost = Counter(data_set_of(one.feat_p) for one in missing)
        for data_set in sorted(set(lost) - there):
            reason = (
                f'the data set is missing; {lost[data_set]} sequences have no '
                'motion'
            )
            self.skipped.append(Skipped(f'{folder}/{data_set}', reason))
        for one in missing:
            if data_set_of(one.feat_p) in there:
                reason = f'there is no such file, sid {one.sid} needs it'
                self.skipped.append(Skipped(f'{folder}/{one.feat_p}', reason))

    def read(self, item: Item) -> Recording:
        """Joints at 30 frames a second, and their segments."""
        if self.joints is None:
            if self.model is None:
                raise SequenceError(f'{item.path}: there is no model')
            body = load_smplh(self.model, self.gender)
            found = read_amass(item.path, body)
        else:
            rates = [read_amass_motion(path).fps for path in item.also_reads]
            found = read_amass_joints(
                item.path,
                fps=rates[0] if rates else None,
                duration_s=item.fields['duration_s'],
            )
        duration = item.fields['duration_s']
        keypoint = found.keypoint
        mended = [str(note) for note in found.notes]
        T, wanted = keypoint.shape[1], max(1, int(FPS * duration))
        if abs(T - wanted) > 1:
            mended.append(
                f'the motion has {T} frames at 30 frames/s, its labels '
                f'{wanted} ({duration:g} s); {min(T, wanted)} are kept'
            )
        T = min(T, wanted)
        sequence = BabelSequence(
            item.name,
            item.path,
            duration,
            tuple(
                BabelSegment(start, end, tuple(act_cats))
                for start, end, act_cats in item.fields['segments_s']
            ),
            True,
        )
        segments, labels, cut = babel_segments(sequence, self._classes, T)
        annotation = dict(
            frame_dir=item.name,
            total_frames=T,
            keypoint=keypoint[:, :T].copy(),
            segments=segments,
            segment_labels=labels,
            fps=FPS,
        )
        return Recording(
            annotation,
            (*mended, *cut),
            layout=LAYOUT,
            unit=found.unit,
        )

    def metainfo(self) -> dict[str, Any]:
        """Classes and joints; the axes are AMASS's."""
        layout = from_graph_cfg(LAYOUT)
        return dict(
            dataset='BABEL',
            classes=list(self._classes),
            layout=layout.name,
            joint_names=list(layout.joint_names),
            parents=[int(parent) for parent in layout.parents],
            fps=FPS,
            notes=[AXES],
        )

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """The files that the sequences come from."""
        splits: dict[str, list[str]] = {}
        for name in names:
            split = self._split_of.get(name)
            if split is not None:
                splits.setdefault(split, []).append(name)
        return splits
