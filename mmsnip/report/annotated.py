"""What an annotation file knows of the videos that were predicted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.annotation import complete_metainfo, open_annotation
from mmsnip.io.formats import READERS, read
from mmsnip.io.store import SkeletonStore
from mmsnip.io.video_check import as_labels, as_segments
from mmsnip.report.bodies import Bodies
from mmsnip.skeleton.layout import from_metainfo, get_layout, layout_names
from mmsnip.structures.files import safe_name

__all__ = ['Annotated', 'open_annotated', 'read_recording']


class Annotated:
    """Ground truth and skeletons of an annotation file, by video.

    A store's joints are read video by video.

    Args:
        path (str | os.PathLike[str]): Pickle or store.

    Attributes:
        path (str): The file.
        classes (list[str]): Its classes.
        named (bool): Whether the file names them.
        fps (float): Frames per second of videos that state none.

    Raises:
        AnnotationError: If the file is missing, refused or malformed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        data = open_annotation(path)
        self._videos = data['annotations']
        self.named = data['metainfo'].get('classes') is not None
        meta = complete_metainfo(data, path)
        self.classes = [str(name) for name in meta['classes']]
        self.fps = float(meta['fps'])
        self._meta = meta
        self._place: dict[str, int] = {}
        if isinstance(self._videos, SkeletonStore):
            names: Sequence[Any] = self._videos.names
        else:
            names = [video.get('frame_dir') for video in self._videos]
        for place, name in enumerate(names):
            self._place.setdefault(str(name), place)

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def facts(self, name: str) -> tuple[int, float]:
        """T and frames per second of a video."""
        video = self._info(name)
        fps = float(video.get('fps') or self.fps)
        return int(video['total_frames']), fps

    def truth(self, name: str) -> np.ndarray:
        """label, start, end of a video, (num_segments, 3) int64.

        A trimmed clip is one segment as long as it is.

        Raises:
            ValueError: If segments are malformed; file and video are named.
        """
        video = self._info(name)
        if video.get('segments') is None:
            if video.get('label') is None:
                return np.zeros((0, 3), np.int64)
            whole = [int(video['label']), 0, int(video['total_frames'])]
            return np.array([whole], np.int64)
        segments = as_segments(video['segments'])
        labels = as_labels(video.get('segment_labels'))
        if segments is None or labels is None or len(segments) != len(labels):
            raise ValueError(
                f"{self.path}, video {name!r}, keys 'segments' and "
                "'segment_labels': found no pair of (n, 2) and (n,) "
                'integers; run tools/validate_data.py on the file'
            )
        return np.column_stack([labels, segments])

    def bodies(self, name: str) -> Bodies:
        """Skeletons of a video."""
        return Bodies.of(
            np.asarray(self._joints(name)), from_metainfo(self._meta), name
        )

    def _joints(self, name: str) -> np.ndarray:
        place = self._place[name]
        if isinstance(self._videos, SkeletonStore):
            return self._videos.keypoint(place)
        return self._videos[place]['keypoint']

    def _info(self, name: str) -> Mapping[str, Any]:
        """All but the joints; ``total_frames`` is theirs."""
        place = self._place[name]
        if isinstance(self._videos, SkeletonStore):
            video = dict(self._videos.info(place))
            video['total_frames'] = self._videos.num_frames(place)
            return video
        video = self._videos[place]
        joints = video.get('keypoint')
        if np.ndim(joints) != 4:
            raise ValueError(
                f"{self.path}, video {name!r}, key 'keypoint': found the "
                f'shape {np.shape(joints)}; expected (M, T, V, C)'
            )
        return {**video, 'total_frames': np.shape(joints)[1]}


def open_annotated(path: str | os.PathLike[str] | None) -> Annotated | None:
    """Annotation file, or None where none is given.

    Args:
        path (str | os.PathLike[str], optional): Pickle or store.

    Returns:
        Annotated | None: The open file.

    Raises:
        AnnotationError: If the file is missing, refused or malformed.
    """
    return None if path is None else Annotated(path)


def read_recording(
    name: str, folder: str | os.PathLike[str] | None
) -> Bodies | None:
    """Skeletons of the recording that a result is called after.

    The name comes out of a file, maybe a stranger's, and the page is sent
    around: it leads to files of that folder only.

    Args:
        name (str): Name of the video: a path, with its ending or without.
        folder (str | os.PathLike[str] | None): Where to look.

    Returns:
        Bodies | None: None where no such file is found, none reads it, or
        its joints fit no layout.

    Raises:
        DataError: If the name leads out of the folder.
    """
    if folder is None:
        return None
    bare = Path(folder, safe_name(name, 'the results'))
    tried = [bare] if bare.suffix.lower() in READERS else []
    tried += [Path(f'{bare}{ending}') for ending in sorted(READERS)]
    for path in tried:
        try:
            if not path.is_file():
                continue
            found = read(path)
            layout = found.layout or _layout_of(found.keypoint)
            return Bodies.of(found.keypoint, layout, name)
        except (ValueError, OSError):
            continue
    return None


def _layout_of(joints: np.ndarray) -> Any:
    """The first layout of as many joints."""
    fits = [get_layout(name) for name in ('nturgb+d', *layout_names())]
    for layout in fits:
        if layout.num_joints == joints.shape[2]:
            return layout
    raise ValueError(f'no layout has {joints.shape[2]} joints')
