"""From the videos of an annotation file to what a data set keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.io.annotation import AnnotationError
from mmsnip.io.store import SkeletonStore
from mmsnip.io.video_check import as_labels, as_segments
from mmsnip.skeleton.geometry import present_frames

__all__ = [
    'choose_classes',
    'classes_of',
    'fetch_arrays',
    'override_metainfo',
    'parse_video',
    'run_window_first',
    'select_videos',
]

_BACKGROUND = -1  # of a label that is none of the chosen classes
_ARRAYS = ('keypoint', 'keypoint_score')
_PLACE = 'store_index'  # stands for the arrays that stay in the file


def override_metainfo(
    stated: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Metainfo of a file with some fields replaced, the classes kept.

    Args:
        stated (Mapping[str, Any]): Of the file.
        given (Mapping[str, Any]): Overrides; a skeleton replaces the other
            ways to state one.

    Returns:
        dict[str, Any]: Both.
    """
    given = {k: v for k, v in given.items() if k != 'classes'}
    replaced = ('layout',) if 'parents' in given else ()
    if 'layout' in given:
        replaced = ('parents', 'joint_names')
    kept = {k: v for k, v in stated.items() if k not in replaced}
    return {**kept, **given}


def choose_classes(
    names: Sequence[str],
    wanted: Sequence[str] | None,
    named: bool,
    ann_file: str,
) -> np.ndarray:
    """New index of each class of the file.

    Args:
        names (Sequence[str]): Classes of the file, or stand-ins.
        wanted (Sequence[str] | None): Classes to take; None takes all.
        named (bool): Whether the file names its classes; if not, `wanted`
            does.
        ann_file (str): Name for messages.

    Returns:
        np.ndarray: (len(names),) int64, -1 for a class that becomes
        background.

    Raises:
        AnnotationError: If the file lacks a class.
    """
    order = np.arange(len(names))
    if wanted is None:
        return order
    if not named:
        if len(wanted) < len(names):
            raise AnnotationError(
                f'annotation file {ann_file!r} has labels up to '
                f'{len(names) - 1} and no class names, but metainfo '
                f'names only {len(wanted)} classes; name all of them'
            )
        return order
    unknown = [name for name in wanted if name not in names]
    if unknown or len(set(wanted)) != len(wanted):
        raise AnnotationError(
            f'annotation file {ann_file!r}, key \'classes\': '
            f'metainfo asks for {wanted}, of which the file lacks '
            f'{unknown}; choose different names out of {names}'
        )
    order[:] = _BACKGROUND
    for index, name in enumerate(wanted):
        order[names.index(name)] = index
    return order


def parse_video(
    annotation: Mapping[str, Any], order: np.ndarray, fps: float
) -> dict[str, Any] | None:
    """What a data set keeps of a video.

    Args:
        annotation (Mapping[str, Any]): Entry of the annotation file.
        order (np.ndarray): New index of each class, -1 for background.
        fps (float): Frame rate of videos that state none.

    Returns:
        dict[str, Any] | None: None where its label is not chosen.
    """
    keypoint = annotation['keypoint']
    video = dict(
        frame_dir=annotation['frame_dir'],
        total_frames=int(keypoint.shape[1]),
        keypoint=keypoint,
        fps=float(annotation.get('fps') or fps),
    )
    for key in ('keypoint_score', 'img_shape', 'original_shape'):
        if annotation.get(key) is not None:
            video[key] = annotation[key]
    if annotation.get('segments') is not None:
        labels = order[as_labels(annotation['segment_labels'])]
        inside = labels != _BACKGROUND
        video['segments'] = as_segments(annotation['segments'])[inside]
        video['segment_labels'] = labels[inside].astype(np.int64)
    if annotation.get('label') is not None:
        label = int(order[annotation['label']])
        if label != _BACKGROUND:
            video['label'] = label
        elif 'segments' not in video:
            return None
    return video


def classes_of(video: Mapping[str, Any]) -> set[int]:
    """Classes that a video shows.

    Args:
        video (Mapping[str, Any]): As `parse_video` returns it.

    Returns:
        set[int]: Empty where all is background.
    """
    shown = {int(label) for label in video.get('segment_labels', ())}
    if 'label' in video:
        shown.add(video['label'])
    return shown


def select_videos(
    data: Mapping[str, Any],
    split: str | None,
    order: np.ndarray,
    fps: float,
    keep: Callable[[dict[str, Any]], bool],
) -> list[dict[str, Any]]:
    """What a data set keeps of an annotation file.

    Args:
        data (Mapping[str, Any]): As `open_annotation` returns it.
        split (str | None): Of these videos; None takes all.
        order (np.ndarray): New index of each class, -1 for background.
        fps (float): Frame rate of videos that state none.
        keep (Callable): Whether to keep a video; may change it.

    Returns:
        list[dict[str, Any]]: In the order of the file. The arrays of a store
        stay there, `fetch_arrays` finds them.
    """
    annotations = data['annotations']
    store = annotations if isinstance(annotations, SkeletonStore) else None
    chosen = None if split is None else set(data['split'][split])
    videos = []
    for index in range(len(annotations)):
        if store is None:
            name = annotations[index]['frame_dir']
        else:
            name = store.name(index)
        if chosen is not None and name not in chosen:
            continue
        annotation = annotations[index]
        video = parse_video(annotation, order, fps)
        if video is None or not keep(video):
            continue
        for key in _ARRAYS if store is not None else ():
            # What `keep` has replaced is not the store's any more.
            if key in video and video[key] is annotation[key]:
                del video[key]
                video[_PLACE] = index
        videos.append(video)
    return videos


def fetch_arrays(
    sample: dict[str, Any], store: SkeletonStore | None, whole: bool = True
) -> None:
    """Joints, scores and mask of a sample.

    Args:
        sample (dict[str, Any]): Copy of what `select_videos` kept, changed
            in place.
        store (SkeletonStore | None): Where arrays were left.
        whole (bool): Read all frames of a store, as an own float32 array;
            else ``keypoint`` is a read-only view of the file, of the file's
            type, and no joint is read. Defaults to True.
    """
    index = sample.pop(_PLACE, None)
    if index is None:
        for key in _ARRAYS:
            if key in sample:
                sample[key] = sample[key].astype(np.float32, copy=False)
        sample['body_mask'] = present_frames(sample['keypoint'])
        return
    if 'keypoint' not in sample:
        sample['keypoint'] = store.keypoint(index)
        sample['body_mask'] = store.body_mask(index)
    else:  # somebody else's, beside scores of the store
        sample['body_mask'] = present_frames(sample['keypoint'])
    score = store.keypoint_score(index)
    if 'keypoint_score' not in sample and score is not None:
        sample['keypoint_score'] = score
    for key in _ARRAYS:
        if key in sample and (whole or key != 'keypoint'):
            sample[key] = np.array(sample[key], np.float32, order='C')


def run_window_first(
    steps: Sequence[Callable], sample: dict[str, Any]
) -> Any:
    """Cut a window out of a view, then do what is left.

    Args:
        steps (Sequence[Callable]): Transforms, the first of which copies
            frames and does nothing else to them.
        sample (dict[str, Any]): Of `fetch_arrays`, not whole.

    Returns:
        Any: As if the sample had been whole; None where a step drops it.
    """
    sample = steps[0](sample)
    keypoint = np.require(sample['keypoint'], np.float32, ('C', 'W'))
    sample['keypoint'] = keypoint
    for step in steps[1:]:
        sample = step(sample)
        if sample is None:
            return None
    return sample
