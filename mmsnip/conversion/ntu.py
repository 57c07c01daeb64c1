"""A folder of NTU RGB+D: `.skeleton` files, trimmed, two protocols."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmsnip.conversion.source import Item, Recording, Skipped, Source
from mmsnip.conversion.tree import files_below
from mmsnip.io.formats import load_sequence
from mmsnip.io.formats.ntu_names import (
    NTU_CLASSES,
    ntu_name,
    read_name_list,
    stem,
)
from mmsnip.io.reading import SequenceError
from mmsnip.io.splits import ntu_split

__all__ = ['NTUSource', 'add_ntu_arguments']

ENDING = '.skeleton'
LAYOUT = 'nturgb+d-official'
FPS = 30.0
# Names of the splits as pyskl has them, before _train and _val.
PROTOCOLS = {
    60: {'xsub': 'ntu60_xsub', 'xview': 'ntu60_xview'},
    120: {'xsub': 'ntu120_xsub', 'xset': 'ntu120_xset'},
}


class NTUSource(Source):
    """All ``.skeleton`` files of a folder and the folders in it.

    A recording is called as its file, ``S001C001P001R001A001``; the name
    says class and splits. It has as many persons as the file has actors, at
    most `max_persons`: a batch is padded where it is made, so that zeros for
    a second person, absent from most recordings, need not be stored.

    Splits are ``xsub_train`` and ``xsub_val``, with ``xview_train`` and
    ``xview_val`` for 60 classes, ``xset_train`` and ``xset_val`` for 120.

    Args:
        root (str | Path): Folder.
        missing (str | Path, optional): List of recordings to leave out, as
            ``NTU_RGBD_samples_with_missing_skeletons.txt``. Without it those
            with a body in some frames only are converted as they are; those
            without any body are left out anyway.
        max_persons (int, optional): Most persons, chosen by
            `mmsnip.io.formats.ntu.select_bodies`; None keeps every body.
            Defaults to 2.
        motion_rule (bool): Also drop bodies by their amount of motion, see
            there. Defaults to False.
        classes (int | str): 60 or 120; actions above are left out. 'auto'
            takes 120 where there is one above 60. Defaults to 'auto'.

    Raises:
        ValueError: If `classes` or `max_persons` is none of these.
    """

    def __init__(
        self,
        root: str | Path,
        missing: str | Path | None = None,
        max_persons: int | None = 2,
        motion_rule: bool = False,
        classes: int | str = 'auto',
    ) -> None:
        super().__init__(root)
        if classes not in (*PROTOCOLS, 'auto'):
            raise ValueError(
                f"classes={classes!r} is unknown; use 60, 120 or 'auto'"
            )
        if max_persons is not None and max_persons < 1:
            raise ValueError(
                f'max_persons={max_persons} must be at least 1, or None for '
                'all'
            )
        self.missing = missing
        self.max_persons = max_persons
        self.motion_rule = motion_rule
        self.classes = classes
        self._num_classes = 60 if classes == 'auto' else int(classes)

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        return dict(max_persons=self.max_persons, motion_rule=self.motion_rule)

    def items(self) -> list[Item]:
        """Recordings in the order of their names."""
        self.skipped = []
        left_out = set()
        if self.missing is not None:
            left_out = {stem(name) for name in read_name_list(self.missing)}
        paths: dict[str, Path] = {}
        for path in files_below(self.root, self.skipped):
            if path.suffix.lower() != ENDING:
                self._skip(path, f'does not end in {ENDING!r}')
                continue
            name = stem(path.name)
            try:
                ntu_name(name)
            except SequenceError as error:
                self._skip(path, str(error))
                continue
            if name in left_out:
                self._skip(path, f'is in the list {self.missing}')
            elif name in paths:
                self._skip(path, f'has the name of {paths[name]}, too')
            else:
                paths[name] = path
        actions = {name: ntu_name(name).action for name in paths}
        if self.classes == 'auto':
            largest = max(actions.values(), default=1)
            self._num_classes = 120 if largest > 60 else 60
        items = []
        for name in sorted(paths):
            if actions[name] > self._num_classes:
                reason = (
                    f'shows action {actions[name]}, only {self._num_classes} '
                    'are wanted'
                )
                self._skip(paths[name], reason)
                continue
            label = dict(label=actions[name] - 1)
            items.append(Item(name, str(paths[name]), label))
        return items

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(str(path), reason))

    def read(self, item: Item) -> Recording:
        """Read a file and put its label to it."""
        keypoint, found = load_sequence(
            item.path,
            max_persons=self.max_persons,
            motion_rule=self.motion_rule,
        )
        annotation = dict(
            frame_dir=item.name,
            total_frames=keypoint.shape[1],
            keypoint=keypoint,
            label=item.fields['label'],
        )
        return Recording(
            annotation,
            tuple(found.get('mended', ())),
            layout=found['layout'],
            unit=found['unit'],
            up=found['up'],
        )

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
        splits = {}
        for prefix, protocol in PROTOCOLS[self._num_classes].items():
            for phase, members in ntu_split(names, protocol).items():
                splits[f'{prefix}_{phase}'] = members
        return splits


def _persons(text: str) -> int | None:
    return None if text == 'all' else int(text)


def _classes(text: str) -> int | str:
    return text if text == 'auto' else int(text)


def add_ntu_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `NTUSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--missing',
        metavar='LIST',
        help='leave out what this file lists, such as '
        'NTU_RGBD_samples_with_missing_skeletons.txt',
    )
    parser.add_argument(
        '--max-persons',
        type=_persons,
        default=2,
        metavar='N',
        help="most bodies of a recording, or 'all' (default: 2)",
    )
    parser.add_argument(
        '--motion-rule',
        action='store_true',
        help='also drop bodies that move too little or too much',
    )
    parser.add_argument(
        '--classes',
        type=_classes,
        default='auto',
        choices=(60, 120, 'auto'),
        help='of NTU RGB+D 60 or 120; auto looks at the files (default)',
    )
