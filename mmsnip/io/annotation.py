"""The annotation file: restricted load, one check, save."""

from __future__ import annotations

import json
import os
import pickle
import reprlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from mmsnip.io.store import SkeletonStore, is_store
from mmsnip.io.unpickle import RefusedPickle, unpickle
from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_graph_cfg,
    from_metainfo,
    get_layout,
)
from mmsnip.structures.errors import DataError, is_int, show
from mmsnip.structures.files import draft_of
from mmsnip.structures.plain import to_plain
from mmsnip.structures.recording import Recording
from mmsnip.structures.segments import Segments

__all__ = [
    'Problem',
    'annotation_error',
    'check_annotation',
    'check_metainfo',
    'check_video',
    'complete_metainfo',
    'load_annotation',
    'metainfo_layout',
    'open_annotation',
    'read_metainfo',
    'save_annotation',
    'validate_annotation',
]

DEFAULT_FPS = 30.0
LAYOUT_OF_JOINTS = {25: 'nturgb+d', 17: 'coco', 18: 'openpose'}
MAX_SHOWN = 20
_PASSED: set[tuple] = set()  # versions of files that were found sound


class Problem(NamedTuple):
    """One malformed field of an annotation file."""

    video: str | None
    key: str
    text: str

    def __str__(self) -> str:
        """One line for an error message."""
        video = '' if self.video is None else f'video {self.video!r}, '
        return f'{video}key {self.key!r}: {self.text}'


def annotation_error(path: Any, problems: Sequence[Problem]) -> DataError:
    """One error for all problems of a file, the first 20 spelt out."""
    lines = [f'- {problem}' for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f'- ... and {len(problems) - MAX_SHOWN} more')
    count = f'{len(problems)} problem' + ('s' if len(problems) > 1 else '')
    return DataError(
        f'annotation file {str(path)!r} cannot be used, {count}:\n'
        + '\n'.join(lines)
    )


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
        DataError: If the file is missing, is no pickle, holds anything but
            plain data, or has no annotations.
    """
    if not path or not Path(path).is_file():
        raise _missing_file(path)
    try:
        with Path(path).open('rb') as file:
            data = unpickle(file)
    except RefusedPickle as error:
        raise _refused(path, error) from None
    except OSError as error:
        raise DataError(
            f'annotation file {str(path)!r} cannot be read: {error}'
        ) from error
    return _arranged(path, data)


def open_annotation(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Annotation file of either form; a store's joints stay in the file.

    Args:
        path (str | os.PathLike[str]): Pickle or store.

    Returns:
        dict[str, Any]: ``metainfo``, ``split`` and ``annotations``, see
        `load_annotation`; of a store the last is the `SkeletonStore`.

    Raises:
        DataError: If the file is missing, refused or malformed.
    """
    if not path or not Path(path).is_file() or not is_store(path):
        return load_annotation(path)
    store = SkeletonStore(path)
    split = {
        split: [store.names[i] for i in indices]
        for split, indices in store.splits.items()
    }
    return dict(metainfo=store.metainfo, split=split, annotations=store)


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
        DataError: If `validate` finds a problem.
    """
    if validate:
        validate_annotation(data, path)
    with draft_of(path) as draft, draft.open('wb') as file:
        pickle.dump(dict(data), file, protocol=4)
        file.flush()
        os.fsync(file.fileno())


def check_annotation(
    data: Any, path: str | Path = '(memory)', split: str | None = None
) -> list[Problem]:
    """Every malformed field, without raising for them.

    Args:
        data (Any): As `open_annotation` returns it, or as it was pickled.
        path (str | Path): Name for messages.
        split (str | None): Look only into the videos of this split; names,
            splits and metainfo are checked for the whole file.

    Returns:
        list[Problem]: Empty if the file is sound. The joints of a store were
        checked when it was written, and are not read.

    Raises:
        DataError: If it is no annotation at all.
    """
    store = data['annotations'] if isinstance(data, Mapping) else None
    if isinstance(store, SkeletonStore):
        found = list(check_metainfo(data['metainfo'], store.num_joints))
        found += split_problems(data['split'], store.names, split)
        classes = data['metainfo'].get('classes')
        count = len(classes) if isinstance(classes, list) else None
        return found + [Problem(*row) for row in store.check(count)]
    data = _arranged(path, data)
    metainfo, annotations = data['metainfo'], data['annotations']
    if not annotations:
        text = 'found no video; check the program that wrote the file'
        return [Problem(None, 'annotations', text)]
    places: dict[str, int] = {}
    found = []
    for index, video in enumerate(annotations):
        found += name_problems(video.get('frame_dir'), index, places)
    found += split_problems(data['split'], places, split)
    V, C = _first_shape(annotations)
    found += check_metainfo(metainfo, V)
    classes = metainfo.get('classes')
    num_classes = len(classes) if isinstance(classes, list) else None
    chosen = set(data['split'].get(split) or () if split else places)
    for index, video in enumerate(annotations):
        name = video.get('frame_dir')
        if isinstance(name, str) and name not in chosen:
            continue
        name = name if isinstance(name, str) else f'annotations[{index}]'
        found += [
            Problem(name, *row)
            for row in check_video(video, V, C, num_classes)
        ]
    return found


def validate_annotation(
    data: Any,
    path: str | Path = '(memory)',
    split: str | None = None,
    once: bool = False,
) -> None:
    """Refuse an annotation with malformed fields, all named in one error.

    Args:
        data (Any): As `open_annotation` returns it, or as it was pickled.
        path (str | Path): Name for messages.
        split (str | None): Look only into the videos of this split.
        once (bool): `data` is what the file at `path` holds: do not look
            again at a version of it that has passed in this process.

    Raises:
        DataError: If there is a problem; the first 20 are spelt out.
    """
    key: tuple = ()
    if once and Path(path).is_file():
        status = os.stat(path)
        metainfo = json.dumps(data['metainfo'], sort_keys=True, default=str)
        version = (os.path.abspath(path), status.st_size, status.st_mtime_ns)
        key = (*version, metainfo, split)
        whole = (*version, metainfo, None)
        if key in _PASSED or (whole in _PASSED and data['split'].get(split)):
            return
    problems = check_annotation(data, path, split)
    if problems:
        raise annotation_error(path, problems)
    if key:
        _PASSED.add(key)


def complete_metainfo(
    data: Mapping[str, Any], path: str | Path = '(memory)'
) -> dict[str, Any]:
    """Metainfo with everything that models and checkpoints need.

    What the file does not state is derived: classes ``class_0, ...`` from
    the labels, the layout from V (25 NTU RGB+D, 17 COCO, 18 OpenPose), 30
    frames per second.
    """
    metainfo = to_plain(data['metainfo'])
    V, _ = _first_shape(data['annotations'])
    problems = list(check_metainfo(metainfo, V))
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
        count = 1 + max(map(_largest_label, data['annotations']), default=-1)
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
    """Metainfo of an annotation file, completed."""
    return complete_metainfo(open_annotation(path), path)


def metainfo_layout(
    metainfo: Mapping[str, Any], num_joints: int | None
) -> SkeletonLayout:
    """Body of an annotation file: its layout, its tree, or told by V."""
    if metainfo.get('layout') is not None:
        return from_graph_cfg(metainfo['layout'])
    if metainfo.get('parents') is not None:
        return from_metainfo(metainfo)
    if num_joints in LAYOUT_OF_JOINTS:
        return get_layout(LAYOUT_OF_JOINTS[num_joints])
    raise ValueError(
        f'found neither parents nor layout, and V = {num_joints} joints, '
        f'which is none of {LAYOUT_OF_JOINTS}'
    )


@cache
def _models() -> dict[str, Any]:
    """What is checked without arrays; pydantic is loaded where it is used."""
    from pydantic import (
        AfterValidator,
        BaseModel,
        ConfigDict,
        Field,
        TypeAdapter,
    )

    def different(names: list[str]) -> list[str]:
        twice = [name for name, n in Counter(names).items() if n > 1]
        if twice:
            raise ValueError(
                f'{reprlib.repr(twice)} more than once; rename, '
                'merge or drop them'
            )
        return names

    name = Annotated[str, Field(min_length=1)]
    names = Annotated[list[name], AfterValidator(different)]
    rate = Annotated[float, Field(gt=0, lt=1e6)]

    class Metainfo(BaseModel):
        model_config = ConfigDict(strict=True)
        classes: names | None = None
        joint_names: names | None = None
        fps: rate | None = None

    class Video(BaseModel):
        model_config = ConfigDict(strict=True)
        total_frames: int
        label: Annotated[int, Field(ge=0)] | None = None
        fps: rate | None = None

    strict = ConfigDict(strict=True)
    return dict(
        metainfo=Metainfo,
        video=Video,
        name=TypeAdapter(name, config=strict),
        split=TypeAdapter(dict[str, list[str]], config=strict),
    )


def _broken(kind: str, value: Any) -> Iterator[tuple[tuple, str]]:
    """Path and text of each field that a model refuses."""
    from pydantic import ValidationError

    model = _models()[kind]
    check = getattr(model, 'model_validate', None) or model.validate_python
    try:
        check(value)
    except ValidationError as error:
        for row in error.errors(include_url=False):
            missing = row['type'] == 'missing'
            found = 'nothing' if missing else show(row['input'])
            text = row['msg'].replace('Value error, ', '')
            yield row['loc'], f'found {found}; {text}'


def check_metainfo(
    metainfo: Mapping[str, Any], num_joints: int | None
) -> Iterator[Problem]:
    """Malformed fields of the metainfo; V of the keypoints where known."""
    known = {k: metainfo.get(k) for k in ('classes', 'joint_names', 'fps')}
    for loc, text in _broken('metainfo', known):
        yield Problem(None, f'metainfo.{_path(loc)}', text)
    key = 'layout' if metainfo.get('layout') is not None else 'parents'
    try:
        layout = metainfo_layout(metainfo, num_joints)
        parents = metainfo.get('parents')
        if parents is not None and tuple(parents) != layout.parents:
            raise ValueError('found a tree that disagrees with parents')
        if num_joints is not None and layout.num_joints != num_joints:
            raise ValueError(
                f'found {layout.num_joints} joints, but V = {num_joints} in '
                'the first keypoint array'
            )
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        text = f'{error}; give joint_names and parents, root -1, of this body'
        yield Problem(None, f'metainfo.{key}', text)


def _path(loc: tuple) -> str:
    """``a.b[3]`` of a tuple."""
    parts = [f'[{p}]' if isinstance(p, int) else f'.{p}' for p in loc]
    return ''.join(parts).lstrip('.')


def name_problems(
    name: Any, index: int, places: dict[str, int]
) -> Iterator[Problem]:
    """What is wrong with a name; a sound one is added to `places`."""
    for _, text in _broken('name', name):
        remedy = 'give every video a name of its own'
        key = f'annotations[{index}].frame_dir'
        yield Problem(None, key, f'{text}; {remedy}')
        return
    if name in places:
        text = f'names annotations[{places[name]}] and annotations[{index}]'
        yield Problem(name, 'frame_dir', f'{text}; rename or drop one')
    places.setdefault(name, index)


def split_problems(
    splits: Mapping[Any, Any], known: Collection[str], split: str | None
) -> Iterator[Problem]:
    if split is not None and not splits.get(split):
        what = 'no video in it' if split in splits else 'no such split'
        text = f'found {what}; use one of {sorted(map(str, splits))}, or None'
        yield Problem(None, f'split[{split!r}]', text)
    known = set(known)
    broken = set()
    for loc, text in _broken('split', dict(splits)):
        if loc[0] not in broken:  # the first of each split
            broken.add(loc[0])
            key = f'split[{loc[0]!r}]{_path(loc[1:])}'
            yield Problem(None, key, f'{text}, the frame_dir of a video')
    for name, videos in splits.items():
        if name in broken or not isinstance(name, str):
            continue
        unknown = [video for video in videos if video not in known]
        twice = len(videos) - len(set(videos))
        if unknown:
            text = f'found {len(unknown)} videos without annotation, '
            text += f'{reprlib.repr(unknown)}; drop or annotate them'
            yield Problem(unknown[0], f'split[{name!r}]', text)
        elif twice:
            text = f'found {twice} videos more than once; drop the repetitions'
            yield Problem(None, f'split[{name!r}]', text)


def check_video(
    video: Mapping[str, Any],
    num_joints: int | None,
    num_channels: int | None,
    num_classes: int | None,
) -> Iterator[tuple[str, str]]:
    """Key and text of each malformed field of a video.

    A video without segments has no labels; one with an empty array has no
    action.
    """
    fields = {
        k: v.item() if isinstance(v := video.get(k), np.generic) else v
        for k in ('total_frames', 'label', 'fps')
    }
    broken = dict.fromkeys(fields, False)
    for loc, text in _broken('video', fields):
        broken[loc[0]] = True
        yield loc[0], text
    T = None
    try:
        T = _check_arrays(video, num_joints, num_channels)
        if not broken['total_frames'] and fields['total_frames'] != T:
            text = f'found {fields["total_frames"]}; keypoint has {T} frames'
            yield 'total_frames', f'{text}, set it to keypoint.shape[1]'
    except DataError as error:
        score = str(error).startswith('keypoint, score: ')
        key = 'keypoint_score' if score else 'keypoint'
        yield key, str(error).removeprefix('keypoint, score: ')
    segments, labels = video.get('segments'), video.get('segment_labels')
    if (segments is None) != (labels is None):
        key, other = 'segments', 'segment_labels'
        key, other = (key, other) if segments is None else (other, key)
        yield key, f'found nothing; add as many as there are {other}'
    elif segments is not None:
        try:
            Segments.of(
                segments, labels, num_frames=T, num_classes=num_classes
            )
        except DataError as error:
            of_labels = 'label' in str(error).partition(';')[0]
            key = 'segment_labels' if of_labels else 'segments'
            text = str(error).removeprefix('segments, ')
            yield key, text.removeprefix('segments: ')
    label = fields['label']
    known = label is not None and not broken['label']
    if known and num_classes is not None and label >= num_classes:
        text = f'found {label}; expected 0 to {num_classes - 1}'
        yield 'label', f'{text}, the index of a class, counted from 0'


def _check_arrays(
    video: Mapping[str, Any], num_joints: int | None, num_channels: int | None
) -> int:
    """Number of frames of sound arrays."""
    keypoint, score = video.get('keypoint'), video.get('keypoint_score')
    float_array = isinstance(keypoint, np.ndarray) and keypoint.ndim == 4
    if not float_array or keypoint.dtype.kind != 'f':
        raise DataError(
            f'found {show(keypoint)}; expected floats (M, T, V, C), of one '
            'person keypoint[None]'
        )
    shape, V, C = keypoint.shape, *keypoint.shape[2:]
    if num_joints not in (None, V) or num_channels not in (None, C):
        raise DataError(
            f'found shape {shape}; expected V = {num_joints} joints and C = '
            f'{num_channels} as in the whole file, one skeleton a file'
        )
    if C not in (2, 3):
        raise DataError(
            f'found C = {C}, shape {shape}; expected (M, T, V, C) '
            'of x, y and, in 3D, z'
        )
    finite = np.isfinite(keypoint)
    if not finite.all():
        m, t, v, _ = np.unravel_index(int(finite.argmin()), shape)
        raise DataError(
            f'found NaN or infinity in {int((~finite).sum())} values, first '
            f'at person {m}, frame {t}, joint {v}; fill lost joints, or set '
            'all joints of a frame to 0 where the person is absent'
        )
    everywhere = np.broadcast_to(np.True_, shape[:3])
    Recording('keypoint', keypoint, everywhere, score)
    return shape[1]


def _first_shape(
    annotations: Sequence[Mapping[str, Any]],
) -> tuple[int | None, int | None]:
    """V and C of the first keypoint array with four axes."""
    for annotation in annotations:
        keypoint = annotation.get('keypoint')
        if isinstance(keypoint, np.ndarray) and keypoint.ndim == 4:
            V, C = keypoint.shape[2:]
            return V, C if C in (2, 3) else None
    return None, None


def _largest_label(video: Mapping[str, Any]) -> int:
    labels = np.asarray(video.get('segment_labels', ()))
    largest = int(labels.max()) if labels.size else -1
    return max(largest, video['label'] if is_int(video.get('label')) else -1)


def _arranged(path: Any, data: Any) -> dict[str, Any]:
    """The contract's form of any layout that is understood."""

    def refuse(key: str, value: Any, expected: str) -> None:
        text = f'found {show(value)}; expected {expected}, see "The '
        text += 'annotation file" in the documentation'
        raise annotation_error(path, [Problem(None, key, text)])

    data = {'annotations': data} if isinstance(data, list) else data
    if not isinstance(data, dict):
        refuse('pickle', data, 'a dict with annotations, or a list')
    if not isinstance(data.get('annotations'), list):
        refuse('annotations', data.get('annotations'), 'a list of dicts')
    made = dict(data)
    for key in ('metainfo', 'split'):
        made[key] = {} if data.get(key) is None else data[key]
        if not isinstance(made[key], dict):
            refuse(key, made[key], 'a dict')
    made['metainfo'] = to_plain(made['metainfo'])
    made['split'] = {
        name: to_plain(videos) for name, videos in made['split'].items()
    }
    made['annotations'] = []
    for index, entry in enumerate(data['annotations']):
        if not isinstance(entry, dict):
            refuse(f'annotations[{index}]', entry, 'a dict')
        name = entry.get('frame_dir', entry.get('filename'))
        if name is not None:
            name = str(name) if type(name) is np.str_ else name
            entry = dict(entry, frame_dir=name)
        made['annotations'].append(entry)
    return made


def _missing_file(path: Any) -> DataError:
    """Error that also names the environment variable behind the path."""
    if not path:
        return DataError(
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
    return DataError(
        f'annotation file {str(path)!r}{where} {kind}, seen from '
        f'{str(Path.cwd())!r}; expected an annotation pickle: correct '
        f'{remedy}'
    )


def _refused(path: Any, refusal: RefusedPickle) -> DataError:
    """Error for a pickle that is not plain, with its place if known."""
    video, where = None, refusal.where
    if where[:1] == ('annotations',) and len(where) > 2:
        entry = refusal.data['annotations'][where[1]]
        name = entry.get('frame_dir') if isinstance(entry, dict) else None
        video = name if isinstance(name, str) else None
    remedy = (
        'nothing was executed; write the file again with '
        'mmsnip.io.annotation.save_annotation'
    )
    if 'object dtype' in refusal.found:
        remedy = 'ragged shapes become object arrays: use one shape, or lists'
    text = (
        f'found {refusal.found}, expected builtin containers and scalars and '
        f'numpy arrays of numbers or text; {remedy}'
    )
    key = _path(where)[:80] or 'pickle'
    return annotation_error(path, [Problem(video, key, text)])
