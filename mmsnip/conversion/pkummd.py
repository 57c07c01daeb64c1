"""A folder of PKU-MMD: untrimmed skeletons, labels and split lists."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmsnip.conversion.pkummd_layout import find_pkummd_files, split_kind
from mmsnip.conversion.source import Item, Recording, Skipped, Source
from mmsnip.io.formats import load_sequence
from mmsnip.io.formats.pkummd import PKUMMD_CLASSES, read_pkummd_labels
from mmsnip.io.reading import SequenceError
from mmsnip.io.splits import pkummd_cross_view, read_pkummd_split

__all__ = ['PKUMMDSource', 'add_pkummd_arguments']

LAYOUT = 'nturgb+d-official'
FPS = 30.0


class PKUMMDSource(Source):
    """Videos of PKU-MMD, phase I or II or both, below a folder.

    The folders are found by their content, as published::

        ROOT/PKU_Skeleton_Renew/0002-L.txt       skeletons, a row a frame
        ROOT/Train_Label_PKU_final/0002-L.txt    labels, a row a segment
        ROOT/Split/cross-subject.txt, cross-view.txt

    A recording is called as its file, ``0002-L``, and has one person or two.
    Splits are ``xsub_train``, ``xsub_val``, ``xview_train`` and
    ``xview_val``; those of the views are told from the names where there is
    no list, those of the subjects cannot be. Several lists of a protocol, as
    of two phases, are joined.

    Args:
        root (str | Path): Folder.
        skeletons (str | Path, optional): Folder of skeletons; None looks
            for it.
        labels (str | Path, optional): Folder of labels; None looks for it.
        cross_subject (str | Path, optional): Split list; None looks for
            lists with ``subject`` in their names.
        cross_view (str | Path, optional): Likewise with ``view``.
    """

    def __init__(
        self,
        root: str | Path,
        skeletons: str | Path | None = None,
        labels: str | Path | None = None,
        cross_subject: str | Path | None = None,
        cross_view: str | Path | None = None,
    ) -> None:
        super().__init__(root)
        self._skeletons = skeletons
        self._labels = labels
        self._given = dict(xsub=cross_subject, xview=cross_view)
        self._lists: dict[str, list[Path]] = {}

    def items(self) -> list[Item]:
        """Videos in the order of their names."""
        found = find_pkummd_files(self.root, self._skeletons, self._labels)
        self.skipped = found.skipped
        for what, files, argument in (
            ('skeletons', found.skeletons, 'skeletons'),
            ('labels', found.labels, 'labels'),
        ):
            if not files:
                raise SequenceError(
                    f'{self.root} holds no {what} of PKU-MMD, files such as '
                    f'0002-L.txt; name their folder with {argument}'
                )
        self._choose_lists(found.lists)
        items = []
        for name, path in sorted(found.skeletons.items()):
            label_file = found.labels.get(name)
            if label_file is None:
                self._skip(path, 'has no label file')
                continue
            try:
                # Of the dry run only: `read` knows the length of the video.
                _, labels, _ = read_pkummd_labels(label_file)
            except (SequenceError, OSError) as error:
                self._skip(path, str(error))
                continue
            fields = dict(
                label_file=str(label_file), segment_labels=labels.tolist()
            )
            items.append(Item(name, str(path), fields, (str(label_file),)))
        for name in sorted(set(found.labels) - set(found.skeletons)):
            self._skip(found.labels[name], 'has no skeleton file')
        return items

    def _choose_lists(self, lists: Sequence[Path]) -> None:
        """Lists of both protocols; a list of neither is left out."""
        self._lists = {
            kind: [] if path is None else [Path(path)]
            for kind, path in self._given.items()
        }
        for path in lists:
            kind = split_kind(path)
            if kind is None:
                self._skip(
                    path,
                    'is a list of splits, but its name has neither subject '
                    'nor view; name it with cross_subject or cross_view',
                )
            elif self._given[kind] is None:
                self._lists[kind].append(path)
        if not self._lists['xsub']:
            self._skip(
                self.root,
                'holds no list of the cross-subject split, so that there is '
                'none; name it with cross_subject',
            )

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(str(path), reason))

    def read(self, item: Item) -> Recording:
        """Read a video and its labels; frames of both count from 0."""
        keypoint, found = load_sequence(item.path, kind='PKU-MMD')
        T = keypoint.shape[1]
        label_file = item.fields['label_file']
        segments, labels, mended = read_pkummd_labels(label_file, T)
        annotation = dict(
            frame_dir=item.name,
            total_frames=T,
            keypoint=keypoint,
            segments=segments,
            segment_labels=labels,
        )
        return Recording(
            annotation,
            (
                *found.get('mended', ()),
                *(f'labels, {what}' for what in mended),
            ),
            layout=found['layout'],
            unit=found['unit'],
            up=found['up'],
        )

    def metainfo(self) -> dict[str, Any]:
        """The data set's classes, joints and rate."""
        return dict(
            dataset='pku-mmd',
            classes=list(PKUMMD_CLASSES),
            layout=LAYOUT,
            fps=FPS,
        )

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Both protocols, by the data set's lists.

        Args:
            names (Sequence[str]): Videos.

        Returns:
            dict[str, list[str]]: Videos of each split; a list may name more
            than there are.

        Raises:
            SequenceError: If a list is malformed, or two contradict each
                other.
        """
        splits = {}
        for kind, paths in self._lists.items():
            parts = _joined(paths)
            if not paths and kind == 'xview':
                parts = pkummd_cross_view(names)
            for phase, members in parts.items():
                splits[f'{kind}_{phase}'] = members
        return splits


def _joined(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Names of both parts of all lists."""
    part_of: dict[str, str] = {}
    parts: dict[str, list[str]] = {}
    for path in paths:
        for phase, members in read_pkummd_split(path).items():
            for name in members:
                if part_of.setdefault(name, phase) != phase:
                    raise SequenceError(
                        f'{path} has {name!r} in {phase}, another list of '
                        f'the same protocol in {part_of[name]}; name the '
                        'list to use'
                    )
            new = [n for n in members if n not in parts.get(phase, ())]
            parts.setdefault(phase, []).extend(new)
    return parts


def add_pkummd_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `PKUMMDSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    for name, what in (
        ('skeletons', 'folder of the skeletons'),
        ('labels', 'folder of the labels'),
        ('cross-subject', 'list of the cross-subject split'),
        ('cross-view', 'list of the cross-view split'),
    ):
        parser.add_argument(
            f'--{name}',
            metavar='PATH',
            help=f'{what}, where it is not found by itself',
        )
