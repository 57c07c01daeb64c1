"""What the pose estimators' JSON looks like, recognised by its keys.

Source:
    OpenPose ``doc/02_output.md``; MMPose 1.x, ``instance_info`` of its demo
    scripts and the inferencer's predictions; Ultralytics ``Results``, its
    JSON form; AlphaPose ``docs/output.md``; COCO's results and data format;
    Pose Landmarker guide of MediaPipe: 33 landmarks, ``landmarks`` in shares
    of the image, ``world_landmarks`` in metres around the middle of the
    hips, y down; its JSON forms are those of dumps found in public.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np

from mmsnip.io.formats.clock import MAX_DIGITS, TIME_WORDS
from mmsnip.io.formats.tracks import MAX_PERSONS, Body
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, is_int

__all__ = [
    'DIALECTS',
    'Frame',
    'has_world',
    'parse_frames',
    'recognise',
    'time_of',
]

DIALECTS = {
    'openpose': "frames with 'people' of 'pose_keypoints_2d' or "
    "'pose_keypoints_3d'",
    'mmpose': "'instance_info', 'predictions', or instances with 'keypoints' "
    "and 'keypoint_scores'",
    'mediapipe': "frames of 33 landmarks with 'x' and 'y', by themselves or "
    "under 'landmarks', 'pose_landmarks', 'pose_world_landmarks'",
    'yolo': "boxes with 'box', 'confidence' and 'keypoints' {x, y, visible}",
    'alphapose': "entries with 'image_id' and flat 'keypoints' (AlphaPose, "
    'COCO results)',
    'coco': "'images' and 'annotations' with flat 'keypoints' (COCO, "
    'PoseTrack)',
}
_NUMBER_KEYS = (
    *('frame_id', 'frame_index', 'frame_idx', 'frame_number', 'frame_num'),
    *('frame', 'frameId', 'frameIndex', 'frameNumber'),
)
_TRACK_KEYS = ('track_id', 'instance_id', 'person_id', 'idx', 'track_ids')
_IMAGE_KEYS = ('pose_landmarks', 'poseLandmarks', 'landmarks', 'landmark')
_WORLD_KEYS = (
    *('pose_world_landmarks', 'poseWorldLandmarks', 'world_landmarks'),
    'worldLandmarks',
)
_OPENPOSE_KEYS = {
    'pose_keypoints_2d': 3,
    'pose_keypoints': 3,
    'pose_keypoints_3d': 4,
}


class Frame(NamedTuple):
    """One frame as a file gives it."""

    bodies: list[Body]
    number: int | None = None
    name: str | int | None = None  # stem of its image or file
    time: tuple[float, str | None] | None = None  # and its unit


def recognise(document: Any, path: Any) -> str | None:
    """Key of `DIALECTS`, None for a list without entries."""
    name = _kind(document)
    if name == '':
        known = '; '.join(f'{key}: {what}' for key, what in DIALECTS.items())
        raise DataError(
            f'{path} is {_described(document)}, which is no pose JSON that '
            f'is known. Known are {known}'
        )
    return name


def _kind(document: Any) -> str | None:
    if isinstance(document, Mapping):
        if 'images' in document and 'annotations' in document:
            return 'coco'
        return _kind_of_mapping(document)
    if not isinstance(document, list):
        return ''
    first = next((e for e in document if e not in (None, [], {})), None)
    if first is None:
        return None
    if isinstance(first, list):
        inner = next((e for e in first if e not in (None, [], {})), None)
        if isinstance(inner, list):  # frames of poses of landmarks
            inner = inner[0] if inner else None
            return 'mediapipe' if _is_landmark(inner) else ''
        first = inner
    return _kind_of_mapping(first) if isinstance(first, Mapping) else ''


def _kind_of_mapping(entry: Mapping) -> str:
    if 'people' in entry:
        return 'openpose'
    if {'instance_info', 'predictions', 'instances'} & set(entry):
        return 'mmpose'
    if 'image_id' in entry and 'keypoints' in entry:
        return 'alphapose'
    if 'keypoints' in entry and 'keypoint_scores' in entry:
        return 'mmpose'
    if 'box' in entry and 'confidence' in entry:
        return 'yolo'
    if _is_landmark(entry) or _has_landmarks(entry):
        return 'mediapipe'
    values = [v for v in entry.values() if isinstance(v, Mapping)]
    if values and len(values) == len(entry):
        if all('people' in v for v in values):
            return 'openpose'
        if all(_is_landmark(v) for v in values):
            return 'mediapipe'
    return ''


def parse_frames(
    document: Any, kind: str, path: Any, world: bool
) -> list[Frame]:
    """Frames in the order of the file; of one image a single one."""
    if kind in ('alphapose', 'coco'):
        return _by_image(document, kind, path)
    parts = _frame_list(document, kind)
    frames = []
    for t, part in enumerate(parts):
        where = f'{path}, frame {t}' if len(parts) > 1 else f'{path}'
        number = name = None
        if isinstance(part, Mapping):
            number = next(
                (part[k] for k in _NUMBER_KEYS if _is_whole(part.get(k))), None
            )
            name = part.get('\0name')
        if kind == 'mediapipe':
            bodies = _read_landmarks(part, where, world)
        else:
            read = {'openpose': _openpose, 'mmpose': _mmpose, 'yolo': _yolo}
            bodies = [
                read[kind](entry, f'{where}, person {p}')
                for p, entry in enumerate(_entries(part, kind, where))
            ]
        kept = [body for body in bodies if body is not None]
        if len(kept) > MAX_PERSONS:
            raise DataError(
                f'{where}: found {len(kept)} persons; at most {MAX_PERSONS} '
                'are read'
            )
        frames.append(Frame(kept, number, name, time_of(part)))
    return frames


def time_of(entry: Any) -> tuple[float, str | None] | None:
    """Time stamp of a frame and its unit, None where it has none."""
    if not isinstance(entry, Mapping) or len(entry) > 1000:
        return None
    for key, value in entry.items():
        word = re.sub('[^a-z0-9]', '', str(key)[:40].lower())
        if word in TIME_WORDS and not isinstance(value, (bool, list, dict)):
            try:
                number = float(value)
            except (TypeError, ValueError, OverflowError):
                continue
            if math.isfinite(number):
                return number, TIME_WORDS[word]
    return None


def _frame_list(document: Any, kind: str) -> list:
    """The frames of a document, each still in its own form."""
    if isinstance(document, Mapping):
        if kind == 'mmpose':
            for key in ('instance_info', 'predictions'):
                if key in document:
                    return _frame_list(document[key] or [], kind)
        if kind == 'openpose' and 'people' not in document:
            return [
                {**part, '\0name': PurePath(name).stem}
                for name, part in document.items()
            ]
        return [document]
    if not isinstance(document, list):
        return [document]
    first = next((e for e in document if e not in (None, [], {})), None)
    single = isinstance(first, Mapping) and (
        _is_landmark(first)
        if kind == 'mediapipe'
        else 'keypoints' in first or kind == 'yolo'
    )
    return [document] if single else document


def _entries(part: Any, kind: str, where: str) -> list:
    """The persons of a frame."""
    if isinstance(part, Mapping):
        part = part.get('people' if kind == 'openpose' else 'instances')
    # mmpose keeps a batch of one image around its instances
    while kind == 'mmpose' and isinstance(part, list) and len(part) == 1:
        if not isinstance(part[0], list):
            break
        part = part[0]
    part = [] if part is None else part
    if not isinstance(part, list) or not all(
        isinstance(entry, Mapping) for entry in part
    ):
        raise DataError(
            f'{where}: found {_described(part)}; expected a list of persons'
        )
    return part


def _by_image(document: Any, kind: str, path: Any) -> list[Frame]:
    """Frames of entries that each name their image."""
    found: dict[Any, Frame] = {}
    entries = document
    if kind == 'coco':
        for image in _entries(document['images'], kind, f"{path}, 'images'"):
            number = image.get('frame_id')
            found[_key(image.get('id'))] = Frame(
                [],
                number if _is_whole(number) else None,
                _stem(image.get('file_name', image.get('id'))),
                time_of(image),
            )
        entries = document['annotations']
    for n, entry in enumerate(_entries(entries, kind, path)):
        where = f'{path}, entry {n}'
        flat = entry.get('keypoints')
        if 'image_id' not in entry:
            raise DataError(f"{where} lacks 'image_id'")
        name = entry['image_id']
        frame = found.setdefault(
            _key(name), Frame([], None, _stem(name), time_of(entry))
        )
        if flat:
            where = f"{where}, 'keypoints'"
            values = _numbers(flat, where).reshape(-1)
            body = _flat(values, 3, entry, where)
            if body is not None:
                frame.bodies.append(body)
    return list(found.values())


def _key(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else repr(value)


def _stem(name: Any) -> str | int:
    return name if _is_whole(name) else PurePath(str(name)).stem


def _is_whole(value: Any) -> bool:
    return is_int(value) and abs(value) < 10**MAX_DIGITS


def _numbers(value: Any, where: str) -> np.ndarray:
    """Array of a JSON list, at least one axis; null is NaN."""
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            f'{where}: expected a list of numbers ({error})'
        ) from None
    if array.ndim == 0 or array.size == 0:
        raise DataError(
            f'{where}: expected a list of numbers, found '
            f'{"nothing" if value is None else repr(value)[:40]}'
        )
    return array


def _body(
    points: np.ndarray, score: np.ndarray | None, track: str | None, where: str
) -> Body | None:
    """A body whose lost joints are zero; None where all are."""
    score = np.ones(len(points)) if score is None else score
    if score.shape != points.shape[:1]:
        raise DataError(
            f'{where}: found {len(points)} joints and {score.size} scores; '
            'expected as many'
        )
    with np.errstate(over='ignore'):
        points = points.astype(np.float32)
        score = score.astype(np.float32)
    lost = ~np.isfinite(points).all(axis=1)
    points = np.where(lost[:, None], np.float32(0), points)
    score = np.where(lost | ~np.isfinite(score), np.float32(0), score)
    return Body(points, score, track) if points.any() else None


def _described(value: Any) -> str:
    """What a JSON value is, for messages."""
    if isinstance(value, Mapping):
        keys = reprlib.repr([str(key)[:30] for key in value])
        return f'an object with the keys {keys}'
    if isinstance(value, list):
        if not value:
            return 'an empty list'
        nested = isinstance(value[0], Mapping)
        inner = f'; the first is {_described(value[0])}' if nested else ''
        return f'a list of {len(value)} entries{inner}'
    return f'a {type(value).__name__}'


def _flat(
    flat: np.ndarray, width: int, person: Mapping, where: str
) -> Body | None:
    """Body of (V * width,) numbers; the last of each joint is its score."""
    if flat.ndim != 1 or flat.size % width:
        raise DataError(
            f'{where} holds {flat.size} numbers; expected {width} a joint, '
            'the last its score'
        )
    points = flat.reshape(-1, width)
    return _body(points[:, :-1], points[:, -1], _track(person), where)


def _track(person: Mapping) -> str | None:
    """Id of a person; negative numbers and empty lists mean none."""
    for key in _TRACK_KEYS:
        value = person.get(key)
        while isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str) and value.strip():
            return value[:80].encode('utf-8', 'replace').decode()
        if isinstance(value, (int, float)) and 0 <= value < 10**MAX_DIGITS:
            return str(int(value))
    return None


def _openpose(person: Mapping, where: str) -> Body | None:
    for key, width in _OPENPOSE_KEYS.items():
        if person.get(key):
            where = f'{where}, {key!r}'
            return _flat(_numbers(person[key], where), width, person, where)
    if set(_OPENPOSE_KEYS) & set(person):
        return None  # hands or face without a body
    raise DataError(
        f'{where}: found {_described(person)}; expected pose_keypoints_2d or '
        'pose_keypoints_3d'
    )


def _mmpose(person: Mapping, where: str) -> Body | None:
    points = _numbers(person.get('keypoints'), where)
    while points.ndim > 2 and points.shape[0] == 1:
        points = points[0]
    score = person.get('keypoint_scores')
    if score is not None:
        score = _numbers(score, where).reshape(-1)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise DataError(
            f"{where}: 'keypoints' has shape {points.shape}; expected (V, 2) "
            'or (V, 3)'
        )
    return _body(points, score, _track(person), where)


def _yolo(person: Mapping, where: str) -> Body | None:
    points = person.get('keypoints')
    if points is None:
        return None  # a box of a detector without poses
    if not isinstance(points, Mapping) or not {'x', 'y'} <= set(points):
        raise DataError(
            f"{where}: 'keypoints' is {_described(points)}; expected the keys "
            'x, y and visible'
        )
    x, y = (_numbers(points[k], f'{where}, {k!r}') for k in 'xy')
    if x.ndim != 1 or x.shape != y.shape:
        raise DataError(
            f'{where}: x has shape {x.shape} and y {y.shape}; expected as '
            'many of each'
        )
    score = points.get('visible')
    score = None if score is None else _numbers(score, where).reshape(-1)
    return _body(np.stack((x, y), 1), score, _track(person), where)


def _is_landmark(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {'x', 'y'} <= set(value):
        return False
    return all(isinstance(value[k], (int, float, type(None))) for k in 'xy')


def _has_landmarks(frame: Any) -> bool:
    keys = (*_IMAGE_KEYS, *_WORLD_KEYS)
    return isinstance(frame, Mapping) and any(key in frame for key in keys)


def has_world(document: Any) -> bool:
    """Whether a document has world landmarks of anybody."""
    frames = document if isinstance(document, list) else [document]
    return any(
        frame.get(key)
        for frame in frames
        if isinstance(frame, Mapping)
        for key in _WORLD_KEYS
    )


def _read_landmarks(frame: Any, where: str, world: bool) -> list[Body]:
    """Bodies of 33 landmarks, several poses of 33, or landmarks by name."""
    if _has_landmarks(frame):
        keys = _WORLD_KEYS if world else _IMAGE_KEYS
        key = next((key for key in keys if frame.get(key)), None)
        if key is None:
            return []
        frame, where = frame[key], f'{where}, {key!r}'
    if isinstance(frame, Mapping) and 'landmark' in frame:
        frame = frame['landmark']  # as protobuf writes it
    if not frame:
        return []
    poses = [frame]
    if isinstance(frame, list) and not _is_landmark(frame[0]):
        rows = isinstance(frame[0], list) and frame[0]
        flat = rows and isinstance(frame[0][0], (int, float, type(None)))
        poses = [frame] if flat else frame
    found = [
        _landmarks(pose, f'{where}, person {p}')
        for p, pose in enumerate(poses)
        if pose
    ]
    return [body for body in found if body is not None]


def _landmarks(pose: Any, where: str) -> Body | None:
    names = get_layout('mediapipe').joint_names
    if isinstance(pose, Mapping):
        by_name = {str(k).lower(): v for k, v in pose.items()}
        if not set(by_name) & set(names):
            raise DataError(
                f'{where}: found the keys {list(by_name)[:5]}; expected 33 '
                "landmarks, or names as 'nose' and 'left_hip'"
            )
        lost = {'x': None, 'y': None}
        pose = [by_name.get(name, lost) for name in names]
    if not isinstance(pose, list) or len(pose) != len(names):
        count = len(pose) if isinstance(pose, list) else 'no list of'
        raise DataError(
            f'{where}: found {count} landmarks; expected {len(names)}'
        )
    if all(_is_landmark(landmark) for landmark in pose):
        deep = any('z' in landmark for landmark in pose)
        keys = ('x', 'y', 'z') if deep else ('x', 'y')
        points = _numbers([[lm.get(k) for k in keys] for lm in pose], where)
        score = None
        for key in ('visibility', 'presence'):
            if any(key in landmark for landmark in pose):
                score = _numbers([lm.get(key) for lm in pose], where)
                break
        score = None if score is not None and score.ndim != 1 else score
        return _body(points, score, None, where)
    rows = _numbers(pose, where)
    if rows.ndim != 2 or rows.shape[1] not in (2, 3, 4, 5):
        raise DataError(
            f'{where}: found landmarks of shape {rows.shape}; expected '
            '(33, 3), or (33, 4) with the visibility last'
        )
    score = rows[:, 3] if rows.shape[1] > 3 else None
    return _body(np.array(rows[:, :3]), score, None, where)
