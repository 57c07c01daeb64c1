"""What the pose estimators' JSON looks like, recognised by its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmsnip.io.pose_landmarks import has_landmarks, is_landmark, read_landmarks
from mmsnip.io.pose_numbers import describe, frame_number, numbers
from mmsnip.io.pose_persons import PERSONS, read_flat
from mmsnip.io.pose_tracks import Detection
from mmsnip.io.reading import MAX_PERSONS, SequenceError

__all__ = ['FORMATS', 'Frame', 'parse_frames', 'recognise']

FORMATS = {
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


class Frame(NamedTuple):
    """One frame as a file gives it.

    Attributes:
        number (int | None): Its number, where the file says it.
        bodies (list[Detection]): Who is in it.
    """

    number: int | None
    bodies: list[Detection]


def recognise(document: Any, path: Any) -> str | None:
    """Format of a JSON document.

    Args:
        document (Any): What the JSON parser gave.
        path (Any): File, for the message.

    Returns:
        str | None: A key of `FORMATS`, None for a list without entries,
            which is an empty frame of most.

    Raises:
        SequenceError: If it is none of them; what was found and what is
            known are named.
    """
    name = _kind(document)
    if name == '':
        known = '; '.join(f'{key}: {what}' for key, what in FORMATS.items())
        raise SequenceError(
            f'{path} is {describe(document)}, which is no pose JSON that is '
            f'known. Known are {known}'
        )
    return name


def _kind(document: Any) -> str | None:
    """Format, None where empty, '' where unknown."""
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
            return 'mediapipe' if is_landmark(inner) else ''
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
    if is_landmark(entry) or has_landmarks(entry):
        return 'mediapipe'
    values = [v for v in entry.values() if isinstance(v, Mapping)]
    if values and len(values) == len(entry):
        if all('people' in v for v in values):
            return 'openpose'
        if all(is_landmark(v) for v in values):
            return 'mediapipe'
    return ''


def parse_frames(
    document: Any, kind: str, path: Any, world: bool
) -> list[Frame]:
    """Frames of a document.

    Args:
        document (Any): What the JSON parser gave.
        kind (str): Its format, from `recognise`.
        path (Any): File, for messages.
        world (bool): Take MediaPipe's world landmarks, not those in the
            image.

    Returns:
        list[Frame]: In the order of the file; of one image a single frame.

    Raises:
        SequenceError: If an entry is malformed; frame and person are named.
    """
    if kind in ('alphapose', 'coco'):
        return _by_image(document, kind, path)
    parts = _frame_list(document, kind)
    frames = []
    for t, part in enumerate(parts):
        where = f'{path}, frame {t}' if len(parts) > 1 else f'{path}'
        number = None
        if isinstance(part, Mapping):
            number = next(
                (part[k] for k in _NUMBER_KEYS if _is_whole(part.get(k))), None
            )
        if kind == 'mediapipe':
            bodies = read_landmarks(part, where, world)
        else:
            entries = _entries(part, kind, where)
            bodies = [
                PERSONS[kind](entry, f'{where}, person {p}')
                for p, entry in enumerate(entries)
            ]
        kept = [body for body in bodies if body is not None]
        if len(kept) > MAX_PERSONS:
            raise SequenceError(
                f'{where}: found {len(kept)} persons; at most {MAX_PERSONS} '
                'are read'
            )
        frames.append(Frame(number, kept))
    return frames


def _frame_list(document: Any, kind: str) -> list:
    """The frames of a document, each still in its own form."""
    if isinstance(document, Mapping):
        if kind == 'mmpose':
            for key in ('instance_info', 'predictions'):
                if key in document:
                    return _frame_list(document[key] or [], kind)
        if kind == 'openpose' and 'people' not in document:
            return [
                {**part, 'frame_id': frame_number(name)}
                for name, part in document.items()
            ]
        return [document]
    if not isinstance(document, list):
        return [document]
    first = next((e for e in document if e not in (None, [], {})), None)
    single = isinstance(first, Mapping) and (
        is_landmark(first)
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
    wrong = not isinstance(part, list)
    wrong = wrong or not all(isinstance(e, Mapping) for e in part)
    if wrong:
        raise SequenceError(
            f'{where}: found {describe(part)}; expected a list of persons'
        )
    return part


def _by_image(document: Any, kind: str, path: Any) -> list[Frame]:
    """Frames of entries that each name their image."""
    names: dict[Any, int | None] = {}
    entries = document
    if kind == 'coco':
        for image in _entries(document['images'], kind, f"{path}, 'images'"):
            name = image.get('file_name', image.get('id'))
            number = image.get('frame_id')
            names[_key(image.get('id'))] = (
                number if _is_whole(number) else frame_number(name)
            )
        entries = document['annotations']
    bodies: dict[Any, list[Detection]] = {name: [] for name in names}
    for n, entry in enumerate(_entries(entries, kind, path)):
        where = f'{path}, entry {n}'
        flat = entry.get('keypoints')
        if 'image_id' not in entry:
            raise SequenceError(f"{where} lacks 'image_id'")
        key = _key(entry['image_id'])
        names.setdefault(key, frame_number(entry['image_id']))
        found = bodies.setdefault(key, [])
        if flat:
            values = numbers(flat, f"{where}, 'keypoints'").reshape(-1)
            body = read_flat(values, 3, entry, f"{where}, 'keypoints'")
            if body is not None:
                found.append(body)
    return [Frame(names[key], found) for key, found in bodies.items()]


def _key(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else repr(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
