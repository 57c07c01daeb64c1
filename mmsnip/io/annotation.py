"""The annotation pickle: restricted load, schema check, save."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.annotation_check import (
    AnnotationError,
    Problem,
    annotation_error,
    find_metainfo_problems,
    find_problems,
    first_shape,
    metainfo_layout,
)
from mmsnip.io.safe_pickle import RefusedPickle, load_plain
from mmsnip.io.video_check import as_labels
from mmsnip.structures.errors import is_int, show

__all__ = [
    'AnnotationError',
    'Problem',
    'check_annotation',
    'complete_metainfo',
    'load_annotation',
    'read_metainfo',
    'save_annotation',
    'to_plain',
    'validate_annotation',
]

DEFAULT_FPS = 30.0
PLAIN = 'builtin containers and scalars and numpy arrays of numbers or text'


def to_plain(value: Any) -> Any:
    """Value with builtin types only, as a checkpoint may carry it.

    Args:
        value (Any): Mappings, sequences, numpy arrays and scalars, nested.

    Returns:
        Any: dicts, lists and scalars.

    Examples:
        >>> to_plain({'parents': np.array([-1, 0]), 'fps': np.float32(30)})
        {'parents': [-1, 0], 'fps': 30.0}
    """
    if isinstance(value, Mapping):
        return {to_plain(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((to_plain(item) for item in value), key=str)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def _missing_file(path: Any) -> AnnotationError:
    """Error that also names the environment variable behind the path."""
    if not path:
        return AnnotationError(
            f'no annotation file is given (found {path!r}); set the '
            'environment variable MMSNIP_ANN_FILE, or ann_file in the '
            'config, to the path of an annotation pickle'
        )
    sources = sorted(
        name
        for name, value in os.environ.items()
        if name.startswith('MMSNIP_') and value == str(path)
    )
    where, remedy = '', 'the path'
    if sources:
        where = f' (from the environment variable {sources[0]})'
        remedy = sources[0]
    kind = 'is no file' if Path(path).exists() else 'does not exist'
    return AnnotationError(
        f'annotation file {str(path)!r}{where} {kind}, seen from '
        f'{str(Path.cwd())!r}; expected an annotation pickle: correct '
        f'{remedy}'
    )


def _refused(path: Any, data: Any, refusal: RefusedPickle) -> AnnotationError:
    """Error for a pickle that is not plain, with its place if known."""
    video, where = None, refusal.where
    if where[:1] == ('annotations',) or (where and isinstance(data, list)):
        entry, depth = data, 2 if where[0] == 'annotations' else 1
        try:
            for step in where[:depth]:
                entry = entry[step]
            names = (entry.get(k) for k in ('frame_dir', 'filename'))
            video = next((n for n in names if isinstance(n, str)), None)
            where = where[depth:] if video and where[depth:] else where
        except (LookupError, TypeError, AttributeError):
            pass
    key = str(where[0]) if where else 'pickle'
    if len(where) > 1:
        key += ''.join(f'[{step!r}]'[:60] for step in where[1:4])
    remedy = (
        'nothing was executed; write the file again with '
        'mmsnip.io.annotation.save_annotation'
    )
    if 'object dtype' in refusal.found:
        remedy = 'ragged shapes become object arrays: use one shape, or lists'
    problem = Problem(video, key, refusal.found, PLAIN, remedy)
    return annotation_error(path, [problem])


def _arrange(path: Any, data: Any) -> dict[str, Any]:
    """The contract's form of any layout that is understood."""

    def refuse(key: str, value: Any, expected: str) -> AnnotationError:
        remedy = 'see the annotation file in the documentation'
        found = show(value)
        return annotation_error(
            path, [Problem(None, key, found, expected, remedy)]
        )

    if isinstance(data, list):
        data = {'annotations': data}
    if not isinstance(data, dict):
        raise refuse('pickle', data, 'a dict with annotations, or a list')
    annotations = data.get('annotations')
    if not isinstance(annotations, list):
        raise refuse('annotations', annotations, 'a list of dicts')
    arranged = dict(data)
    for key in ('metainfo', 'split'):
        arranged[key] = data.get(key)
        if arranged[key] is None:
            arranged[key] = {}
        if not isinstance(arranged[key], dict):
            raise refuse(key, arranged[key], 'a dict')
    arranged['metainfo'] = to_plain(arranged['metainfo'])
    videos = []
    for index, entry in enumerate(annotations):
        if not isinstance(entry, dict):
            raise refuse(f'annotations[{index}]', entry, 'a dict')
        entry = dict(entry)
        if 'frame_dir' not in entry and 'filename' in entry:
            entry['frame_dir'] = entry['filename']
        if type(entry.get('frame_dir')) is np.str_:
            entry['frame_dir'] = str(entry['frame_dir'])
        videos.append(entry)
    arranged['annotations'] = videos
    for name, names in arranged['split'].items():
        if isinstance(names, np.ndarray):
            arranged['split'] = {**arranged['split'], name: names.tolist()}
    return arranged


def load_annotation(path: str | Path) -> dict[str, Any]:
    """Read an annotation file without executing anything in it.

    Understands the project's files, pyskl's (no ``metainfo``, no segments;
    ``filename`` instead of ``frame_dir``) and mmaction2's plain lists. The
    fields are not checked; `validate_annotation` does that.

    Args:
        path (str | Path): Pickle.

    Returns:
        dict[str, Any]: ``metainfo`` (dict of builtin types, empty if the file
        has none), ``split`` (dict of lists, may be empty), ``annotations``
        (list of dicts, each with ``frame_dir`` where the file names it).

    Raises:
        AnnotationError: If the file is missing, is no pickle, holds anything
            but plain data, or has no annotations.
    """
    if not path or not Path(path).is_file():
        raise _missing_file(path)
    try:
        with Path(path).open('rb') as file:
            data, refusal = load_plain(file)
    except RefusedPickle as error:
        raise _refused(path, None, error) from None
    except OSError as error:
        raise AnnotationError(
            f'annotation file {str(path)!r} cannot be read: {error}'
        ) from error
    if refusal is not None:
        raise _refused(path, data, refusal) from None
    return _arrange(path, data)


def check_annotation(
    data: Any, path: str | Path = '(memory)', split: str | None = None
) -> list[Problem]:
    """Every malformed field, without raising for them.

    Args:
        data (Any): As `load_annotation` returns it, or as it was pickled.
        path (str | Path): Name for messages.
        split (str | None): Look only into the videos of this split.

    Returns:
        list[Problem]: Empty if the file is sound.

    Raises:
        AnnotationError: If it is no annotation at all.
    """
    return find_problems(_arrange(path, data), split)


def validate_annotation(
    data: Any, path: str | Path = '(memory)', split: str | None = None
) -> None:
    """Refuse an annotation with malformed fields, all named in one error.

    Args:
        data (Any): As `load_annotation` returns it, or as it was pickled.
        path (str | Path): Name for messages.
        split (str | None): Look only into the videos of this split.

    Raises:
        AnnotationError: If there is a problem; the first 20 are spelt out.
    """
    problems = check_annotation(data, path, split)
    if problems:
        raise annotation_error(path, problems)


def _label_count(annotations: list[dict]) -> int:
    """One more than the largest label that occurs."""
    largest = -1
    for annotation in annotations:
        label = annotation.get('label')
        if is_int(label):
            largest = max(largest, int(label))
        labels = as_labels(annotation.get('segment_labels', ()))
        if labels is not None and labels.size:
            largest = max(largest, int(labels.max()))
    return largest + 1


def complete_metainfo(
    data: Mapping[str, Any], path: str | Path = '(memory)'
) -> dict[str, Any]:
    """Metainfo with everything that models and checkpoints need.

    What the file does not state is derived: classes ``class_0, ...`` from
    the labels, the layout from V (25 NTU RGB+D, 17 COCO, 18 OpenPose), 30
    frames per second.

    Args:
        data (Mapping[str, Any]): As `load_annotation` returns it.
        path (str | Path): Name for messages.

    Returns:
        dict[str, Any]: The file's metainfo with ``classes``,
        ``joint_names``, ``parents`` (root -1), ``fps`` (float), ``layout``
        (dict of `SkeletonLayout.to_dict`) and ``notes`` (list of str, what
        was derived), builtin types only.

    Raises:
        AnnotationError: If the skeleton is not stated and V fits no built-in
            one, or a stated field is malformed.
    """
    metainfo = to_plain(data['metainfo'])
    annotations = data['annotations']
    shape = first_shape(annotations)
    V = shape[2] if shape else None
    problems = list(find_metainfo_problems(metainfo, V))
    if problems:
        raise annotation_error(path, problems)
    layout = metainfo_layout(metainfo, V)
    notes = metainfo.get('notes')
    notes = list(notes) if isinstance(notes, list) else []
    if metainfo.get('layout') is None and metainfo.get('parents') is None:
        notes.append(
            f'the skeleton is not in the file, {layout.name} was taken '
            f'because V = {layout.num_joints}'
        )
    if metainfo.get('classes') is None:
        count = _label_count(annotations)
        metainfo['classes'] = [f'class_{index}' for index in range(count)]
        notes.append(
            f'classes are not in the file, {count} were counted from the '
            'labels'
        )
    if metainfo.get('fps') is None:
        metainfo['fps'] = DEFAULT_FPS
        notes.append(f'fps is not in the file, {DEFAULT_FPS} was assumed')
    metainfo.update(
        joint_names=list(layout.joint_names),
        parents=[int(parent) for parent in layout.parents],
        fps=float(metainfo['fps']),
        layout=to_plain(layout.to_dict()),
        notes=notes,
    )
    return metainfo


def read_metainfo(path: str | Path) -> dict[str, Any]:
    """Metainfo of an annotation file, completed; made for config files.

    Args:
        path (str | Path): Pickle.

    Returns:
        dict[str, Any]: See `complete_metainfo`.

    Raises:
        AnnotationError: If the file is missing, refused, or its metainfo is
            malformed.
    """
    return complete_metainfo(load_annotation(path), path)


def save_annotation(
    path: str | Path, data: Mapping[str, Any], validate: bool = True
) -> None:
    """Write an annotation file; a reader sees the old file or the new one.

    Args:
        path (str | Path): Pickle to write; its folder is made.
        data (Mapping[str, Any]): ``metainfo``, ``split`` and
            ``annotations``, see `load_annotation`.
        validate (bool): Refuse malformed content. Defaults to True.

    Raises:
        AnnotationError: If `validate` finds a problem.
    """
    path = Path(path)
    if validate:
        validate_annotation(data, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    try:
        with partial.open('wb') as file:
            pickle.dump(dict(data), file, protocol=4)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
