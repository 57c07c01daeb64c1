"""Pose estimators' JSON: OpenPose, MMPose, MediaPipe, YOLO, AlphaPose, COCO.

Source:
    OpenPose ``doc/02_output.md``; MMPose 1.x, ``instance_info`` of its demo
    scripts and the inferencer's predictions; Ultralytics ``Results``, its
    JSON form; AlphaPose ``docs/output.md``; COCO's results and data format;
    for MediaPipe see `mmsnip.io.pose_landmarks`.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.pose_facts import unpack, video_facts
from mmsnip.io.pose_formats import Frame, parse_frames, recognise
from mmsnip.io.pose_landmarks import has_world
from mmsnip.io.pose_layout import body_of
from mmsnip.io.pose_numbers import frame_number
from mmsnip.io.pose_tracks import Track, find_tracks
from mmsnip.io.reading import (
    MAX_PERSONS,
    SequenceError,
    as_sequence,
    check_size,
    read_text,
)

__all__ = ['read_pose_json']

MAX_JSON = 2**29  # bytes of text; Python objects take ten times as many
MAX_VALUES = 2**28  # numbers of the array that comes out


def read_pose_json(
    path: str | os.PathLike[str],
    world: bool = True,
    max_persons: int = MAX_PERSONS,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Read the bodies that a pose estimator found in a video.

    The format is recognised by its keys (`mmsnip.io.pose_formats.FORMATS`).
    A file is a whole video, or a frame of it; a folder holds one file a
    frame, whose number is the last one in the file's name. An object with
    the list ``frames`` and ``fps``, ``width``, ``height`` is unpacked.

    Persons are those of the file's ids, in the order of their first frame;
    bodies without an id are tracked from frame to frame
    (`mmsnip.io.pose_tracks.find_tracks`). Frames whose numbers are missing
    are zero, and reported. Joints that are null, NaN or infinite are lost:
    zero, with score 0. Bodies with hands and face (MMPose, AlphaPose) keep
    the body.

    Args:
        path (str | os.PathLike[str]): ``.json`` file or folder of them.
        world (bool): Take MediaPipe's world landmarks where there are any,
            not those in the image. Defaults to True.
        max_persons (int): Most persons; those seen in most frames stay.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, V, 2 or 3)
        float32, zeros where a person is absent; and

        - ``layout`` (str), or ``joint_names`` (list[str]) where the file
            names joints that are no built-in layout;
        - ``keypoint_score`` (M, T, V) float32; 1 where the format has none;
        - ``track_ids`` (list[str]), one a person;
        - ``tracking`` (str): ``ids`` (the file's), ``nearest`` or ``both``;
        - ``first_frame`` (int): number of the first frame in the file;
        - ``unit``: ``pixel``, ``normalized`` (shares of the image) or
            ``m``; left out where the format does not fix it;
        - ``up``: ``-y``, of MMPose's 3D bodies ``z``; not of other 3D ones;
        - ``format`` (str), a key of `FORMATS`;
        - ``fps`` (float) and ``img_shape`` (h, w), where given;
        - ``mended`` (list[str]), where something was.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        SequenceError: If the format is not known, an entry is malformed,
            joints differ between entries, or nobody is there; file, frame
            and person are named.
    """
    path = Path(path)
    if max_persons < 1:
        raise SequenceError(f'max_persons={max_persons} must be at least 1')
    if path.is_dir():
        frames, info = _read_folder(path, world)
    else:
        frames, info = _read_file(path, world)
    mended: list[str] = []
    numbered = _numbered(frames, path, mended)
    body = body_of(
        [b for _, bodies in numbered for b in bodies], info, path, mended
    )
    tracks, dropped = find_tracks(numbered)
    mended += dropped
    if len(tracks) > max_persons:
        order = sorted(tracks, key=lambda t: -len(t.frames))
        kept = set(order[:max_persons])
        mended.append(
            f'{len(tracks) - max_persons} of {len(tracks)} persons were left '
            f'out, each seen in at most {len(order[max_persons].frames)} '
            'frames; raise max_persons to keep them'
        )
        tracks = [track for track in tracks if track in kept]
    start, stop = numbered[0][0], numbered[-1][0] + 1
    keypoint, score = _fill(tracks, start, stop, body['num_joints'], path)
    given = {track.given for track in tracks}
    metadata: dict[str, Any] = dict(
        format=info['format'],
        keypoint_score=score,
        track_ids=[track.name for track in tracks],
        tracking='both' if len(given) > 1 else ('nearest', 'ids')[max(given)],
        first_frame=start,
    )
    for key in ('layout', 'joint_names', 'unit', 'up'):
        if body.get(key) is not None:
            metadata[key] = body[key]
    for key in ('fps', 'img_shape'):
        if info.get(key) is not None:
            metadata[key] = info[key]
    if mended:
        metadata['mended'] = mended
    return as_sequence(keypoint, str(path)), metadata


def _load(path: Path) -> Any:
    text = read_text(path, MAX_JSON)
    try:
        return json.loads(text)
    except RecursionError:
        raise SequenceError(
            f'{path} nests lists deeper than any pose file; it was not read'
        ) from None
    except json.JSONDecodeError as error:
        raise SequenceError(
            f'{path}, line {error.lineno}: no JSON ({error.msg}, column '
            f'{error.colno}); is the file cut off?'
        ) from None
    except ValueError as error:  # an integer of thousands of digits
        raise SequenceError(f'{path}: no JSON ({error})') from None


def _read_file(path: Path, world: bool) -> tuple[list[Frame], dict[str, Any]]:
    document, info = unpack(_load(path))
    kind = recognise(document, path)
    if kind is None:
        raise SequenceError(
            f'{path} holds an empty list; expected a body in at least one '
            'frame'
        )
    world = world and has_world(document)
    info.update(format=kind, world=world, **video_facts(document, kind))
    return parse_frames(document, kind, path, world), info


def _read_folder(
    folder: Path, world: bool
) -> tuple[list[Frame], dict[str, Any]]:
    """One file a frame."""
    files = [f for f in folder.iterdir() if f.suffix.lower() == '.json']
    files = [f for f in files if not f.name.startswith('.')]
    files.sort(key=lambda f: (frame_number(f.name) or 0, f.name))
    if not files:
        raise SequenceError(
            f'{folder} holds no .json file; expected one a frame'
        )
    stems = sorted({re.sub('[0-9]+(?=[^0-9]*$)', '#', f.stem) for f in files})
    if len(stems) > 1:
        raise SequenceError(
            f'{folder} holds frames of several recordings, named '
            f'{stems[:5]}; put each in a folder of its own'
        )
    if sum(check_size(f) for f in files) > MAX_JSON:
        raise SequenceError(
            f'{folder} holds more than the {MAX_JSON:,} bytes of JSON that '
            'are read at once; split the recording'
        )
    frames: list[Frame] = []
    info: dict[str, Any] = {}
    for file in files:
        document, facts = unpack(_load(file))
        kind = recognise(document, file)
        if kind is None:
            frames.append(Frame(frame_number(file.name), []))
            continue
        wanted = world and has_world(document)
        found = parse_frames(document, kind, file, wanted)
        if len(found) > 1:
            raise SequenceError(
                f'{file} holds {len(found)} frames, but a folder holds one '
                'frame a file; read the file by itself'
            )
        bodies = found[0].bodies if found else []
        facts.update(format=kind, **video_facts(document, kind))
        if bodies:
            facts['world'] = wanted
        for key in ('format', 'world'):
            if facts.get(key, info.get(key)) != info.get(key, facts.get(key)):
                raise SequenceError(
                    f'{file} has {key}={facts[key]!r}, but a file before it '
                    f'has {info[key]!r}; put each in a folder of its own'
                )
        info = {**facts, **info}
        frames.append(Frame(frame_number(file.name), bodies))
    if not info:
        raise SequenceError(f'{folder}: nobody is there in any frame')
    return frames, info


def _numbered(
    frames: Sequence[Frame], path: Path, mended: list[str]
) -> list[tuple[int, list]]:
    """Frames in the order of their numbers, each number once."""
    numbers = [frame.number for frame in frames]
    if any(number is None for number in numbers):
        numbers = list(range(len(frames)))
    found: dict[int, list] = {}
    for number, frame in zip(numbers, frames):
        if number in found:
            mended.append(
                f'frame {number} comes twice; the second one was left out'
            )
        else:
            found[number] = frame.bodies
    if not any(found.values()):
        raise SequenceError(f'{path}: nobody is there in any frame')
    order = sorted(found)
    gaps = [(a + 1, b) for a, b in itertools.pairwise(order) if b > a + 1]
    if gaps:
        spans = [f'{a}' if b == a + 1 else f'{a}..{b - 1}' for a, b in gaps]
        more = f' and {len(spans) - 10} more' if len(spans) > 10 else ''
        mended.append(
            f'{sum(b - a for a, b in gaps)} frames are missing and were set '
            f'to zero: {", ".join(spans[:10])}{more}'
        )
    return [(number, found[number]) for number in order]


def _fill(
    tracks: Sequence[Track], start: int, stop: int, num_joints: int, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    D = tracks[0].bodies[0].points.shape[1]
    M, T, V = len(tracks), stop - start, num_joints
    if M * T * V * D > MAX_VALUES:
        raise SequenceError(
            f'{path}: frames {start}..{stop - 1} with {M} persons would make '
            f'{M * T * V * D:,} numbers, more than {MAX_VALUES:,}; check the '
            'frame numbers, lower max_persons or split the recording'
        )
    keypoint = np.zeros((M, T, V, D), dtype=np.float32)
    score = np.zeros((M, T, V), dtype=np.float32)
    for m, track in enumerate(tracks):
        at = [frame - start for frame in track.frames]
        keypoint[m, at] = np.stack([body.points[:V] for body in track.bodies])
        score[m, at] = np.stack([body.score[:V] for body in track.bodies])
    return keypoint, score
