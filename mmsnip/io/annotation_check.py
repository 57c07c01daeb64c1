"""What may be wrong in an annotation file, told before training starts."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.io.video_check import check_video
from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_graph_cfg,
    from_metainfo,
    get_layout,
)
from mmsnip.structures.errors import DataError, is_rate, show

__all__ = [
    'AnnotationError',
    'Problem',
    'annotation_error',
    'find_metainfo_problems',
    'find_problems',
    'metainfo_layout',
]

LAYOUT_OF_JOINTS = {25: 'nturgb+d', 17: 'coco', 18: 'openpose'}
MAX_SHOWN = 20
_SKELETON_KEYS = ('layout', 'parents')


AnnotationError = DataError  # the name that other rooms still use


@dataclass(frozen=True)
class Problem:
    """One malformed field of an annotation file.

    Args:
        video (str | None): ``frame_dir`` of the video, None where the
            problem belongs to the whole file.
        key (str): Field.
        found (str): What it holds.
        expected (str): What it should hold.
        remedy (str): What to do.
    """

    video: str | None
    key: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        """One line for an error message."""
        video = '' if self.video is None else f'video {self.video!r}, '
        return (
            f'{video}key {self.key!r}: found {self.found}, expected '
            f'{self.expected}; {self.remedy}'
        )


def annotation_error(
    path: Any, problems: Sequence[Problem]
) -> AnnotationError:
    """One error for all problems of a file, the first 20 spelt out.

    Args:
        path (str | Path): Annotation file.
        problems (Sequence[Problem]): At least one.

    Returns:
        AnnotationError: Ready to be raised.
    """
    lines = [f'- {problem}' for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f'- ... and {len(problems) - MAX_SHOWN} more')
    count = f'{len(problems)} problem' + ('s' if len(problems) > 1 else '')
    return AnnotationError(
        f'annotation file {str(path)!r} cannot be used, {count}:\n'
        + '\n'.join(lines)
    )


def metainfo_layout(
    metainfo: Mapping[str, Any], num_joints: int | None
) -> SkeletonLayout:
    """Body of an annotation file.

    Args:
        metainfo (Mapping[str, Any]): Of the file; ``layout`` wins over
            ``parents``.
        num_joints (int | None): V of the file's keypoints; decides where
            neither is given: 25 is NTU RGB+D, 17 COCO, 18 OpenPose.

    Returns:
        SkeletonLayout: The layout.

    Raises:
        ValueError: If the layout is malformed or cannot be guessed.
    """
    if metainfo.get('layout') is not None:
        return from_graph_cfg(metainfo['layout'])
    if metainfo.get('parents') is not None:
        return from_metainfo(metainfo)
    if num_joints in LAYOUT_OF_JOINTS:
        return get_layout(LAYOUT_OF_JOINTS[num_joints])
    raise ValueError(
        f'neither parents nor layout, and V = {num_joints} joints, which is '
        f'none of {LAYOUT_OF_JOINTS}'
    )


def _check_names(metainfo: Mapping, key: str) -> Iterator[Problem]:
    names = metainfo.get(key)
    if names is None:
        return
    expected = 'a list of different, non-empty names'
    if not isinstance(names, (list, tuple)):
        yield Problem(None, key, show(names), expected, 'write a list')
        return
    wrong = [n for n in names if not isinstance(n, str) or not n]
    if wrong:
        found = show(wrong[0])
        yield Problem(None, key, found, expected, 'write each name as str')
        return
    twice = sorted(n for n, count in Counter(names).items() if count > 1)
    if twice:
        found = f'{twice} more than once'
        yield Problem(None, key, found, expected, 'rename or merge them')


def find_metainfo_problems(
    metainfo: Mapping[str, Any], num_joints: int | None
) -> Iterator[Problem]:
    """Malformed fields of the metainfo alone.

    Args:
        metainfo (Mapping[str, Any]): Of the file.
        num_joints (int | None): V of the file's keypoints.

    Yields:
        Problem: One per malformed field.
    """
    yield from _check_names(metainfo, 'classes')
    yield from _check_names(metainfo, 'joint_names')
    fps = metainfo.get('fps')
    if fps is not None and not is_rate(fps):
        yield Problem(
            None,
            'fps',
            show(fps),
            'frames per second, a positive number',
            'state the frame rate of the keypoints',
        )

    key = 'layout' if metainfo.get('layout') is not None else 'parents'
    try:
        layout = metainfo_layout(metainfo, num_joints)
        parents = metainfo.get('parents')
        if parents is not None and tuple(parents) != layout.parents:
            raise ValueError('a tree that disagrees with parents')
        if num_joints is not None and layout.num_joints != num_joints:
            raise ValueError(
                f'{layout.num_joints} joints, but V = {num_joints} in the '
                'first keypoint array'
            )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        yield Problem(
            None,
            key,
            str(error),
            'the parent of each joint, root -1, one per joint name',
            'give joint_names and parents of this skeleton in metainfo',
        )


def _check_videos_of_split(
    name: Any, videos: Any, known: Collection[str]
) -> Iterator[Problem]:
    key = f'split[{name!r}]'
    if not isinstance(videos, (list, tuple, set, frozenset)):
        expected = 'a list of frame_dir names'
        yield Problem(None, key, show(videos), expected, 'list the names')
        return
    strange = [v for v in videos if not isinstance(v, str)]
    if strange:
        expected = 'frame_dir names, str'
        found = show(strange[0])
        yield Problem(None, key, found, expected, 'list names, not indices')
        return
    unknown = sorted(set(videos) - set(known))
    if unknown:
        yield Problem(
            unknown[0],
            key,
            f'{len(unknown)} videos without annotation, '
            f'{reprlib.repr(unknown)}',
            'names of annotated videos',
            'drop them from the split or add their annotations',
        )
    twice = sorted(v for v, count in Counter(videos).items() if count > 1)
    if twice:
        yield Problem(
            twice[0],
            key,
            f'{reprlib.repr(twice)} more than once',
            'each video once',
            'drop the repetitions; samples_per_video repeats videos',
        )


def _check_split(
    splits: Mapping, known: Collection[str], split: str | None
) -> Iterator[Problem]:
    if split is not None and split not in splits:
        yield Problem(
            None,
            'split',
            f'no split {split!r}',
            f'one of {sorted(map(str, splits))}',
            'name one of these, or None for all videos',
        )
    elif split is not None and not splits[split]:
        key = f'split[{split!r}]'
        expected = 'at least one video'
        yield Problem(None, key, 'no video', expected, 'use another split')
    for name, videos in splits.items():
        yield from _check_videos_of_split(name, videos, known)


def _check_frame_dirs(
    annotations: Sequence[Mapping], places: dict[str, int]
) -> Iterator[Problem]:
    """Problems of the names; fills `places` with the index of each."""
    for index, annotation in enumerate(annotations):
        name = annotation.get('frame_dir')
        if not isinstance(name, str) or not name:
            yield Problem(
                None,
                f'annotations[{index}].frame_dir',
                show(name),
                'the name of the video, str',
                'give every video a name of its own',
            )
        elif name in places:
            yield Problem(
                name,
                'frame_dir',
                f'the same name in annotations[{places[name]}] and '
                f'annotations[{index}]',
                'a name of its own for every video',
                'rename or drop one',
            )
        else:
            places[name] = index


def first_shape(annotations: Sequence[Mapping]) -> tuple | None:
    """Shape of the first keypoint array with four axes."""
    for annotation in annotations:
        keypoint = annotation.get('keypoint')
        if isinstance(keypoint, np.ndarray) and keypoint.ndim == 4:
            return keypoint.shape
    return None


def find_problems(
    data: Mapping[str, Any], split: str | None = None
) -> list[Problem]:
    """Every malformed field of an annotation file.

    Args:
        data (Mapping[str, Any]): As `mmsnip.io.annotation.load_annotation`
            returns it.
        split (str | None): Look only into the videos of this split; names,
            splits and metainfo are checked for the whole file. None looks
            into all videos.

    Returns:
        list[Problem]: Empty if the file is sound.
    """
    metainfo, splits = data['metainfo'], data['split']
    annotations = data['annotations']
    if not annotations:
        remedy = 'check the program that wrote the file'
        return [
            Problem(
                None, 'annotations', 'no video', 'at least one video', remedy
            )
        ]
    places: dict[str, int] = {}
    problems = list(_check_frame_dirs(annotations, places))
    problems += _check_split(splits, places, split)
    shape = first_shape(annotations)
    V, C = (shape[2], shape[3]) if shape else (None, None)
    C = C if C in (2, 3) else None
    wrong = list(find_metainfo_problems(metainfo, V))
    problems += wrong
    if V is not None and not any(p.key in _SKELETON_KEYS for p in wrong):
        V = metainfo_layout(metainfo, V).num_joints
    elif isinstance(metainfo.get('parents'), (list, tuple)):
        V = len(metainfo['parents'])
    classes = metainfo.get('classes')
    num_classes = len(classes) if isinstance(classes, (list, tuple)) else None
    untrimmed = any(a.get('segments') is not None for a in annotations)
    wanted = splits.get(split) if split is not None else None
    if not isinstance(wanted, (list, tuple, set, frozenset)):
        wanted = places
    wanted = {name for name in wanted if isinstance(name, str)}
    for index, annotation in enumerate(annotations):
        name = annotation.get('frame_dir')
        if not isinstance(name, str):
            name = f'annotations[{index}]'
        elif name not in wanted:
            continue
        rows = check_video(annotation, V, C, num_classes, untrimmed)
        problems += [Problem(name, *row) for row in rows]
    return problems
