"""Pose estimators' JSON: OpenPose, MMPose, MediaPipe, YOLO and others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.clock import name_numbers, number_frames, read_clock
from mmsnip.io.formats.pose_dialects import (
    Frame,
    has_world,
    parse_frames,
    recognise,
    time_of,
)
from mmsnip.io.formats.registry import frames_in, reader, with_notes
from mmsnip.io.formats.tracks import Body, persons_of
from mmsnip.skeleton.layout import get_layout, layout_names
from mmsnip.skeleton.naming import joint_parts
from mmsnip.structures import DataError, Recording, is_int, is_rate
from mmsnip.structures.files import MAX_BYTES, check_size, read_json

__all__ = ['film_recording', 'holds_frames', 'read_pose_json']

MAX_JSON = 2**29  # bytes of text; Python objects take ten times as many
LATEST_S = 3600.0  # first time stamp of a film; later ones are a clock's
MAX_FRAME = 2**22  # bytes of a file of one frame
OPENPOSE = '_keypoints'  # ends its file names, always a file a frame
_DIGITS = re.compile('[0-9]+')
# Joints of a detection -> layout and how many of the first joints it takes.
_FLAT = {17: ('coco', 17), 26: ('halpe-26', 26)}
_WHOLE = {133: ('coco', 17), 136: ('halpe-26', 26)}
BODIES: dict[str, dict[int, tuple[str, int]]] = {
    'openpose': {25: ('openpose-25', 25), 18: ('openpose', 18)},
    'mmpose': {**_FLAT, **_WHOLE},
    'mmpose-3d': {17: ('h36m', 17), **_WHOLE},
    'mediapipe': {33: ('mediapipe', 33)},
    'yolo': {17: ('coco', 17)},
    'alphapose': {**_FLAT, **_WHOLE},
    'coco': {**_FLAT, **_WHOLE},
}


def holds_frames(files: Sequence[Path]) -> bool:
    """Whether the ``.json`` files of a folder are frames of one recording."""
    if all(path.stem.endswith(OPENPOSE) for path in files):
        return bool(files)
    series: dict[str, list[Path]] = {}
    for path in sorted(files):
        if _DIGITS.search(path.stem):
            series.setdefault(_DIGITS.sub('#', path.stem), []).append(path)
    frames = [p for own in series.values() if len(own) > 1 for p in own]
    if 2 * len(frames) <= len(files):
        return False
    places = {0, len(frames) // 2, len(frames) - 1}
    counts = [_num_frames(frames[place]) for place in sorted(places)]
    known = [count for count in counts if count is not None]
    return bool(known) and max(known) <= 1


def _num_frames(path: Path) -> int | None:
    """Frames of a file, 2 for any more; None where it cannot be read."""
    try:
        if path.stat().st_size > MAX_FRAME:
            return 2
        return min(2, len(_read_file(path, False, MAX_FRAME)[0]))
    except (DataError, OSError, ValueError, RecursionError):
        return None


@reader(
    '.json',
    title='Pose JSON',
    note='OpenPose, MMPose, MediaPipe, YOLO-pose, AlphaPose, COCO; a file, or '
    'a folder with a file a frame',
    holds_frames=holds_frames,
)
def read_pose_json(path: Path, world: bool = True) -> Recording:
    """Read the bodies that a pose estimator found in a video.

    The dialect is recognised by its keys
    (`mmsnip.io.formats.pose_dialects.DIALECTS`). A file is a whole video, or
    a frame of it; a folder holds one file a frame. An object with the list
    ``frames`` and ``fps``, ``width``, ``height`` is unpacked.

    Frames are placed by their numbers, else by the number that changes from
    name to name of the images, else by their time stamps; in what these
    leave out nobody is there. Time stamps also tell the rate, where ``fps``
    is not stated. Persons are those of the file's ids; bodies without an id
    are tracked from frame to frame (`mmsnip.io.formats.tracks.find_tracks`).
    Joints that are null, NaN or infinite are lost. Bodies with hands and
    face (MMPose, AlphaPose) keep the body.

    Args:
        path (Path): ``.json`` file or folder of them.
        world (bool): Take MediaPipe's world landmarks where there are any,
            not those in the image. Defaults to True.

    Returns:
        Recording: (M, T, V, 2 or 3); ``unit`` is ``pixel``, ``normalized``
        (shares of the image) or ``m``; ``up`` is ``-y``, of MMPose's 3D
        bodies ``z``.

    Raises:
        DataError: If the dialect is not known, an entry is malformed, joints
            differ between entries, or nobody is there; file, frame and
            person are named.
    """
    several = path.is_dir()
    frames, info = (_read_folder if several else _read_file)(path, world)
    bodies = [body for frame in frames for body in frame.bodies]
    if not bodies:
        raise DataError(f'{path}: nobody is there in any frame')
    facts, V, notes = _body_of(bodies, info, path)
    for frame in frames:
        frame.bodies[:] = [
            Body(body.points[:V], body.score[:V], body.track)
            for body in frame.bodies
        ]
    return film_recording(
        frames,
        path,
        notes,
        fps=info.get('fps'),
        img_shape=info.get('img_shape'),
        **facts,
    )


def film_recording(
    frames: Sequence[Frame],
    path: Path,
    notes: Sequence[str] = (),
    fps: float | None = None,
    **facts: Any,
) -> Recording:
    """Recording of bodies that were found in the images of a film."""
    marked = [(note, 0) for note in notes]
    source = str(path)
    numbers: list[int | None] = [frame.number for frame in frames]
    names = [frame.name for frame in frames]
    if None in numbers and None not in names:
        numbers, more = name_numbers(names)
        if None not in numbers and len(set(numbers)) < len(set(names)):
            numbers = [None]
            note = 'the names do not number the images; they were counted in'
            more = [(f'{note} the order of the file', len(names))]
        marked += more
    times = np.array([f.time[0] if f.time else np.nan for f in frames])
    units = {frame.time[1] for frame in frames if frame.time}
    unit = units.pop() if len(units) == 1 else None
    first, step, where = 0, 1, None
    kept = np.arange(len(frames))
    if None not in numbers:
        known = np.array(numbers, np.int64)
        _, kept = np.unique(known, return_index=True)
        if len(kept) < len(known):
            twice = len(known) - len(kept)
            again = known[np.setdiff1d(np.arange(len(known)), kept)[0]]
            note = f'{twice} frames come twice, first frame {again}'
            marked.append((f'{note}; the second one was left out', twice))
        where, first, step, more = number_frames(
            known[kept], source, 'the frame number'
        )
        marked += more
    clock = read_clock(times[kept], unit, source, where)
    if where is None and clock.fps and clock.starts_s < LATEST_S:
        first = round(clock.starts_s * clock.fps)
    marked += clock.notes
    fps = fps / step if fps else clock.fps
    if fps and clock.fps and abs(clock.fps / fps - 1) > 0.01:
        note = (
            f'it states {fps:g} frames a second, its time stamps tell '
            f'{clock.fps:g}; state --fps'
        )
        marked.append((note, len(frames)))
    placed = zip(clock.frames.tolist(), kept.tolist())
    persons, more = persons_of(
        [(t, frames[n].bodies) for t, n in placed], source
    )
    recording = Recording(
        name=path.name if path.is_dir() else path.stem,
        source=source,
        fps=fps,
        first_frame=first,
        frame_step=step,
        rows=clock.frames if clock.gaps else None,
        of_film=True,
        **persons,
        **facts,
    )
    return with_notes(recording, marked + more)


def _read_folder(
    folder: Path, world: bool
) -> tuple[list[Frame], dict[str, Any]]:
    """One file a frame."""
    files = frames_in(folder, '.json')
    numbers, _ = name_numbers([file.stem for file in files])
    known = [n for n in numbers if n is not None]
    kinds = sorted({_DIGITS.sub('#', file.stem) for file in files})
    if len(kinds) > 1 or len(set(known)) < len(known):
        raise DataError(
            f'{folder} holds frames of several recordings, named '
            f'{[file.stem for file in files[:5]]}; put each in a folder of '
            'its own'
        )
    if sum(check_size(file) for file in files) > MAX_JSON:
        raise DataError(
            f'{folder} holds more than the {MAX_JSON:,} bytes of JSON that '
            'are read at once; split the recording'
        )
    frames: list[Frame] = []
    info: dict[str, Any] = {}
    for file in files:
        found, facts = _read_file(file, world, MAX_BYTES)
        if len(found) > 1:
            raise DataError(
                f'{file} holds {len(found)} frames, but a folder holds one '
                'frame a file; read the file by itself'
            )
        first = found[0] if found else Frame([])
        if not first.bodies:
            facts.pop('world', None)
        for key in ('dialect', 'world'):
            if facts.get(key, info.get(key)) != info.get(key, facts.get(key)):
                raise DataError(
                    f'{file} has {key}={facts[key]!r}, but a file before it '
                    f'has {info[key]!r}; put each in a folder of its own'
                )
        info = {**facts, **info} if 'dialect' in facts else info
        frames.append(Frame(first.bodies, None, file.stem, first.time))
    return frames, info


def _read_file(
    path: Path, world: bool, limit: int = MAX_JSON
) -> tuple[list[Frame], dict[str, Any]]:
    """Frames of a file and what it says; no ``dialect`` in an empty list."""
    document, info = _unpacked(read_json(path, limit))
    kind = recognise(document, path)
    if kind is None:
        return [], info
    world = world and has_world(document)
    info.update(dialect=kind, world=world, **_facts(document, kind))
    frames = parse_frames(document, kind, path, world)
    stamps = info.pop('stamps', ())
    if len(stamps) == len(frames):
        frames = [
            frame if frame.time else frame._replace(time=time)
            for frame, time in zip(frames, stamps)
        ]
    return frames, info


def _unpacked(document: Any) -> tuple[Any, dict[str, Any]]:
    """Frames out of an object around them, and what that says of the film."""
    info: dict[str, Any] = {}
    if not isinstance(document, Mapping):
        return document, info
    layers = [document]
    layers += [
        document[key]
        for key in ('metadata', 'video_info', 'info')
        if isinstance(document.get(key), Mapping)
    ]
    for layer in layers:
        fps = layer.get('fps', layer.get('frame_rate'))
        if is_rate(fps):
            info.setdefault('fps', float(fps))
        if _img_shape(layer):
            info.setdefault('img_shape', _img_shape(layer))
    if not isinstance(document.get('frames'), list):
        return document, info
    for key, values in document.items():
        if key != 'frames' and isinstance(values, list):
            stamps = [time_of({key: value}) for value in values]
            if stamps and any(stamps):
                info['stamps'] = stamps
    return document['frames'], info


def _facts(document: Any, kind: str) -> dict[str, Any]:
    """``joint_names`` and ``img_shape`` where a document gives them."""
    if not isinstance(document, Mapping):
        return {}
    facts: dict[str, Any] = {}
    images: Any = ()
    about, key = document.get('meta_info'), 'keypoint_id2name'
    if kind == 'coco':
        images = document['images']
        about, key = document.get('categories'), 'keypoints'
        about = about[0] if isinstance(about, list) and about else None
    names: Any = about.get(key) if isinstance(about, Mapping) else None
    if isinstance(names, Mapping):
        names = [names.get(str(v)) for v in range(len(names))]
    listed = isinstance(names, list) and names
    if listed and all(isinstance(name, str) for name in names):
        facts['joint_names'] = [
            name[:80].encode('utf-8', 'replace').decode() for name in names
        ]
    images = images if isinstance(images, list) else ()
    shapes = set(map(_img_shape, images)) - {None}
    if len(shapes) == 1:
        facts['img_shape'] = shapes.pop()
    return facts


def _img_shape(entry: Any) -> tuple[int, int] | None:
    if not isinstance(entry, Mapping):
        return None
    h, w = entry.get('height'), entry.get('width')
    sound = all(is_int(n) and 0 < n < 10**6 for n in (h, w))
    return (h, w) if sound else None


def _body_of(
    bodies: Sequence[Body], info: Mapping[str, Any], path: Path
) -> tuple[dict[str, Any], int, list[str]]:
    """Layout, unit and vertical of all bodies; V; notes."""
    shapes = {body.points.shape for body in bodies}
    if len(shapes) > 1:
        raise DataError(
            f'{path} holds bodies of different shapes (joints, coordinates) '
            f'{sorted(shapes)[:4]}; expected one'
        )
    count, D = shapes.pop()
    kind, names = info['dialect'], info.get('joint_names')
    unit, up = _unit(bodies, kind, D, bool(info.get('world')))
    facts: dict[str, Any] = dict(unit=unit, up=up)
    if names and len(names) == count:
        layout = _same_body(names)
        if layout is not None:
            return dict(facts, layout=get_layout(layout)), count, []
        if count not in _WHOLE:
            return dict(facts, joint_names=tuple(names)), count, []
    table = BODIES['mmpose-3d' if (kind, D) == ('mmpose', 3) else kind]
    if count not in table:
        raise DataError(
            f'{path} holds bodies of {count} joints; of {kind}, '
            f'{sorted(table)} are known'
        )
    layout, V = table[count]
    notes = []
    if count > V:
        notes.append(
            f'hands and face were left out: joints {V}..{count - 1} of {count}'
        )
    return dict(facts, layout=get_layout(layout)), V, notes


def _same_body(names: Sequence[str]) -> str | None:
    """Built-in layout whose joints are these, in this order."""
    top = {(-1, 'head_top'): (-1, 'head')}  # a head may be its own top

    def parts(names: Sequence[str]) -> list:
        return [top.get(part, part) for part in joint_parts(names)]

    wanted = parts(names)
    for layout in layout_names():
        known = get_layout(layout).joint_names
        if tuple(names) == known:
            return layout
        if None not in wanted and parts(known) == wanted:
            return layout
    return None


def _unit(
    bodies: Sequence[Body], kind: str, num_coords: int, world: bool
) -> tuple[str | None, str | None]:
    """Unit and vertical; None where the dialect does not fix them."""
    if kind == 'mediapipe' and world:
        return 'm', '-y'
    if kind != 'mediapipe' and num_coords == 3:
        return ('m', 'z') if kind == 'mmpose' else (None, None)
    far = max(float(np.abs(body.points[:, :2]).max()) for body in bodies)
    # Landmarks may lie outside of the image, so shares exceed 1 a little.
    limit = 10.0 if kind == 'mediapipe' else 1.0
    return ('normalized' if far <= limit else 'pixel'), '-y'
