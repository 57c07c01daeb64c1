"""A folder of files that are a recording each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.drawn_split import UNLABELLED, labelled_splits
from mmsnip.conversion.folder_files import find_recordings, frames_state
from mmsnip.conversion.label_names import folder_classes, match_names
from mmsnip.conversion.remap import fit_bodies
from mmsnip.conversion.segment_labels import (
    label_fields,
    open_labels,
    segments_in,
    usual_label,
)
from mmsnip.conversion.source import Item, Recording, Skipped, Source
from mmsnip.io.formats import READERS, load_sequence
from mmsnip.io.labels import OVERLAPS
from mmsnip.skeleton.layout import from_graph_cfg, get_layout
from mmsnip.structures.errors import is_rate

__all__ = ['FolderSource']

# What a reader says beside its joints and the annotation takes over.
_TAKEN = ('keypoint_score', 'img_shape', 'track_ids')


class FolderSource(Source):
    """A folder, with all folders in it, of files that `load_sequence` reads.

    A recording is called as its file, with the folders below the root and
    without the ending: ``walk/p01.npy`` is ``walk/p01``. A folder whose
    ``.json`` files are frames (`mmsnip.io.formats.pose_json.holds_frames`) is
    one recording, called as the folder. Hidden files are not looked at,
    links to folders are followed.

    Labels of a file are matched by name, see `match_names`, and put to the
    frames of each recording by `frame_labels`. Its splits, if it has any,
    are those of the recordings.

    Args:
        root (str | Path): Folder.
        endings (Collection[str], optional): Endings that are read; None
            takes all of `READERS`.
        layout (Any): Joints of all files: a built-in name, or
            ``joint_names`` and ``parents``; None takes what the files say,
            or what the number of joints says.
        source_fps (float, optional): Frame rate of files that state none.
        frames_in_folders (bool, optional): Each folder with ``.json`` files
            is a recording, or none is; None looks at them.
        classes_from_folders (bool): The folder that a recording lies in
            names its class.
        labels (str | Path | Mapping, optional): File or folder of segment
            labels; or for each recording its half-open segments in frames,
            (num_segments, 2), and their class indices.
        labels_kind (str, optional): Key of `LABEL_READERS`; None goes by
            the ending.
        labels_unit (str, optional): 'frames', 's' or 'ms', of a table that
            does not say it.
        tiers (Sequence[str], optional): Tiers of ELAN; None reads all.
        background (Sequence[str], optional): Names of no action in
            frame-wise text.
        overlaps (str): Key of `OVERLAPS`. Defaults to 'keep'.
        keep_unlabelled (bool): Keep recordings without labels, without any
            segment and in a split ``unlabelled``; else they are left out.
        classes (Sequence[str], optional): Names of the classes; needed with
            a mapping, the order of those of a label file.
        persons (int, optional): Most persons of a recording, those that
            move most (`motion_of`); None keeps all.
        map_layout (str, optional): Built-in layout that all joints are
            brought to.
        val_fraction (float): Share of the recordings of each class that
            goes into ``val`` where no split is given; 0 makes no split.
        seed (int): Of the drawing of that split.

    Raises:
        ValueError: If arguments contradict each other.
    """

    def __init__(
        self,
        root: str | Path,
        endings: Collection[str] | None = None,
        layout: Any = None,
        source_fps: float | None = None,
        frames_in_folders: bool | None = None,
        classes_from_folders: bool = False,
        labels: str | Path | Mapping[str, tuple[Any, Any]] | None = None,
        labels_kind: str | None = None,
        labels_unit: str | None = None,
        tiers: Sequence[str] | None = None,
        background: Sequence[str] | None = None,
        overlaps: str = 'keep',
        keep_unlabelled: bool = False,
        classes: Sequence[str] | None = None,
        persons: int | None = None,
        map_layout: str | None = None,
        val_fraction: float = 0.2,
        seed: int = 0,
    ) -> None:
        super().__init__(root)
        if not 0 <= val_fraction < 1:
            raise ValueError(f'val_fraction={val_fraction} must be in [0, 1)')
        if source_fps is not None and not is_rate(source_fps):
            raise ValueError(
                f'source_fps={source_fps!r} must be frames a second, above 0'
            )
        if overlaps not in OVERLAPS:
            raise ValueError(
                f'overlaps={overlaps!r} is unknown; use one of '
                f'{sorted(OVERLAPS)}'
            )
        if persons is not None and persons < 1:
            raise ValueError(f'persons={persons} must be at least 1, or None')
        if labels is not None and classes_from_folders:
            raise ValueError('give labels or classes_from_folders, not both')
        if isinstance(labels, Mapping) and classes is None:
            raise ValueError('labels are of classes; give classes with them')
        self.endings = sorted(READERS if endings is None else endings)
        self.layout = layout
        self.source_fps = source_fps
        self.overlaps = overlaps
        self.persons = persons
        self.map_layout = map_layout
        self.val_fraction = val_fraction
        self.seed = seed
        self._layout = None if layout is None else from_graph_cfg(layout)
        self._target = None if map_layout is None else get_layout(map_layout)
        self._frames_in_folders = frames_in_folders
        self._by_folder = classes_from_folders
        self._labels = labels
        self._label_options = dict(
            kind=labels_kind,
            labels_unit=labels_unit,
            tiers=tiers,
            background=background,
        )
        self._keep_unlabelled = keep_unlabelled
        self._given_classes = None if classes is None else list(classes)
        self._classes = self._given_classes
        self._class_of: dict[str, int | None] = {}  # None: not labelled
        self._splits: dict[str, list[str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tables here; an item carries its own labels."""
        return {**vars(self), '_labels': None, '_class_of': {}, '_splits': {}}

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        keys = ('source_fps', 'layout', 'overlaps', 'persons', 'map_layout')
        return {key: getattr(self, key) for key in keys}

    def items(self) -> list[Item]:
        """Recordings in the order of their names."""
        self.skipped, self.mended = [], []
        self._class_of, self._splits = {}, {}
        files = find_recordings(
            self.root,
            self.endings,
            self.skipped,
            self._frames_in_folders,
            None if isinstance(self._labels, Mapping) else self._labels,
        )
        labels = self.read_labels(files)
        items = []
        for name, path in files.items():
            fields: dict[str, Any] = {}
            if labels is not None and name in labels:
                fields = dict(labels[name])
            elif labels is not None and not self._keep_unlabelled:
                self.skipped.append(Skipped(str(path), 'it has no label'))
                continue
            elif self._labels is not None:
                fields = dict(segments=[], segment_labels=[])
            there = labels is None or name in labels
            self._class_of[name] = usual_label(fields) if there else None
            if path.is_dir():
                fields['frame_files'] = frames_state(path)
            items.append(Item(name, str(path), fields))
        for name in sorted(set(labels or ()) - set(files)):
            self.skipped.append(Skipped(name, 'has labels, but no file'))
        return items

    def read_labels(
        self, files: Mapping[str, Path]
    ) -> dict[str, dict[str, Any]] | None:
        """Labels of the recordings; sets the classes.

        A source with labels of another kind overrides it.

        Args:
            files (Mapping[str, Path]): File of each recording.

        Returns:
            dict[str, dict[str, Any]] | None: ``label``, or ``segments`` and
            ``segment_labels``, of each recording that has any; None where
            nothing is labelled.
        """
        if self._by_folder:
            found, self._classes = folder_classes(
                self.root, files, self._given_classes
            )
            return found
        if self._labels is None:
            return None
        if isinstance(self._labels, Mapping):
            return {
                name: dict(segments=segments, segment_labels=segment_labels)
                for name, (segments, segment_labels) in self._labels.items()
            }
        label_set = open_labels(self._labels, **self._label_options)
        self._classes = self._given_classes or label_set.classes
        self.mended += [(str(self._labels), what) for what in label_set.mended]
        matched, reasons = match_names(label_set.videos, files)
        self.skipped += [Skipped(*reason) for reason in reasons.items()]
        name_of = {video: name for name, video in matched.items()}
        self._splits = {
            split: [name_of.get(video, video) for video in members]
            for split, members in label_set.splits.items()
        }
        return {
            name: label_fields(label_set.videos[video], self._classes)
            for name, video in matched.items()
        }

    def load(self, path: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Joints of a file, and what it says beside them.

        A source whose reader takes options overrides it.

        Args:
            path (str): File.

        Returns:
            tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, V, C)
            float32; the rest as of `load_sequence`.

        Raises:
            SequenceError: If the file cannot be used.
        """
        return load_sequence(path)

    def read(self, item: Item) -> Recording:
        """Read a file and put the labels to it."""
        keypoint, found = self.load(item.path)
        keypoint, found, mended = fit_bodies(
            keypoint, found, self.persons, self._layout, self._target
        )
        T = keypoint.shape[1]
        annotation = dict(
            frame_dir=item.name, total_frames=T, keypoint=keypoint
        )
        fps = found.get('fps')
        if fps is None:
            fps = self.source_fps
        elif self.source_fps not in (None, fps):
            mended.append(
                f'its file states {fps:g} frames a second, which go before '
                f'source_fps={self.source_fps:g}'
            )
        if fps is not None:
            annotation['fps'] = float(fps)
        for key in _TAKEN:
            if found.get(key) is not None:
                annotation[key] = found[key]
        if 'label' in item.fields:
            annotation['label'] = item.fields['label']
        labels, notes = segments_in(item.fields, T, fps, found, self.overlaps)
        annotation.update(labels)
        return Recording(
            annotation,
            (*mended, *notes),
            layout=found.get('layout'),
            unit=found.get('unit'),
            up=found.get('up'),
        )

    def metainfo(self) -> dict[str, Any]:
        """Classes, joints and most persons, where they are known."""
        metainfo: dict[str, Any] = dict(dataset=self.root.resolve().name)
        if self._classes is not None:
            metainfo['classes'] = list(self._classes)
        body = self._target or self._layout
        if body is not None:
            metainfo['joint_names'] = list(body.joint_names)
            metainfo['parents'] = [int(p) for p in body.parents]
            if body is self._target or isinstance(self.layout, str):
                metainfo['layout'] = body.name
        if self.source_fps is not None:
            metainfo['fps'] = float(self.source_fps)
        if self.persons is not None:
            metainfo['persons'] = int(self.persons)
        return metainfo

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Those of the label file, or a drawn part of each class."""
        splits = labelled_splits(
            names, self._class_of, self.val_fraction, self.seed
        )
        if self._splits:
            bare = {k: v for k, v in splits.items() if k == UNLABELLED}
            splits = {**self._splits, **bare}
        return splits
