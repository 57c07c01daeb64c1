"""Sequences as a model expects them: its joints, unit and vertical."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.apis.joint_map import JointMap
from mmsnip.apis.joints import fit_joints
from mmsnip.conversion.hygiene import (
    UNITS,
    Hygiene,
    mend_gaps,
    unit_note,
    unlikely_size,
)
from mmsnip.conversion.persons import keep_movers
from mmsnip.conversion.segment_labels import film_start
from mmsnip.io.recording import UP_AXES, turn_y_up
from mmsnip.io.sequence import SequenceError, as_sequence, load_sequence
from mmsnip.skeleton.egocentric import vertical_axis
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.structures.errors import is_int

__all__ = ['Clip', 'Expected', 'expected_input', 'fit_clip', 'open_source']

UPRIGHT = 0.8  # share of frames whose trunks agree, to doubt the axis


@dataclass(frozen=True)
class Clip:
    """One input, ready for the model's pipeline but at its own frame rate.

    Attributes:
        name (str): Of the recording.
        keypoint (np.ndarray): (M, T, V, C).
        fps (float): Frames a second.
        step (float): Frames of the input per frame of the model.
        tracks (tuple[str, ...]): Ids of the persons, M.
        notes (tuple[str, ...]): What was taken for granted or repaired.
        first_frame (int): Frames of the film before frame 0, see
            `mmsnip.conversion.segment_labels.film_start`.
    """

    name: str
    keypoint: np.ndarray
    fps: float
    step: float
    tracks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    first_frame: int = 0

    @property
    def num_frames(self) -> int:
        """T."""
        return self.keypoint.shape[1]


@dataclass(frozen=True)
class Expected:
    """What a model was trained on.

    Attributes:
        layout (SkeletonLayout): Joints.
        num_channels (int): C.
        with_score (bool): Whether the last channel is a score.
        fps (float): Frames a second.
        unit (str | None): Of its data, where they say it.
        scale_free (bool): Whether its pipeline divides by the body's size.
        up (str | None): Axis that it takes for the vertical; None where it
            does not matter.
        num_person (int | None): Persons that its pipeline keeps.
        num_coords (int): Leading channels that are coordinates, 2 or 3.
        max_gap (int): Most frames over which its data had lost joints
            interpolated.
        persons (int | None): Persons that a recording of its data was cut
            to, those that move most; None where it kept all.
    """

    layout: SkeletonLayout
    num_channels: int
    with_score: bool
    fps: float
    unit: str | None = None
    scale_free: bool = False
    up: str | None = None
    num_person: int | None = None
    num_coords: int = 3
    max_gap: int = Hygiene.max_gap
    persons: int | None = None


def expected_input(
    layout: SkeletonLayout,
    num_channels: int,
    metainfo: Mapping[str, Any],
    pipeline: Sequence[Mapping[str, Any]],
) -> Expected:
    """Read off a recipe what a model was trained on.

    Args:
        layout (SkeletonLayout): Joints.
        num_channels (int): C.
        metainfo (Mapping[str, Any]): Of its data.
        pipeline (Sequence[Mapping[str, Any]]): Its test pipeline.

    Returns:
        Expected: For `fit_clip`. Data that do not say how gaps were filled
        count as converted with the default.
    """
    flat = num_channels < 3
    scale_free, up, num_person, with_score = False, None, None, False
    for step in pipeline:
        kind = str(step.get('type')).rsplit('.', 1)[-1]
        with_score |= bool(step.get('use_score'))
        flat |= with_score or step.get('num_coords') == 2
        if kind == 'FormatSkeleton':
            num_person = step.get('num_person')
        elif kind == 'NormalizeSkeleton':
            scale = step.get('scale')
            scale_free |= flat if scale is None else bool(scale)
            if step.get('align', 'body') == 'heading':
                up = 'xyz'[step.get('up_axis', 1)]
        elif kind == 'SkeletonStream' and 'egocentric' in np.ravel(
            step.get('stream', 'joint')
        ):
            up = step.get('up', 'y')
    max_gap, persons = metainfo.get('max_gap'), metainfo.get('persons')
    return Expected(
        layout,
        num_channels,
        with_score,
        float(metainfo['fps']),
        metainfo.get('unit'),
        scale_free,
        None if flat else up,
        num_person,
        2 if flat else 3,
        max_gap if is_int(max_gap) and max_gap >= 0 else Hygiene.max_gap,
        persons if is_int(persons) and persons > 0 else None,
    )


def open_source(
    source: Any, name: str
) -> tuple[np.ndarray, dict[str, Any], str]:
    """A file or an array.

    Args:
        source (Any): Path that `load_sequence` reads, or (T, V, C) or (M, T,
            V, C).
        name (str): Of an array.

    Returns:
        tuple[np.ndarray, dict[str, Any], str]: (M, T, V, C); what the file
        says beside it, ``frame_dir`` at least; and how messages call it.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no sequence.
    """
    if isinstance(source, (str, os.PathLike)):
        keypoint, found = load_sequence(source)
        return keypoint, found, str(source)
    return as_sequence(source, name), dict(frame_dir=name), name


def fit_clip(
    keypoint: np.ndarray,
    found: Mapping[str, Any],
    origin: str,
    expected: Expected,
    fps: float | None = None,
    joint_map: JointMap | None = None,
    unit: str | None = None,
    up: str | None = None,
) -> Clip:
    """Bring a sequence to what a model expects, or refuse it.

    What conversion does to a recording is done here in its order: persons
    are chosen, then joints, unit and vertical, and gaps are filled last, at
    the sequence's own rate. Of a converted recording they change nothing,
    except gaps that its resampling made short.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        found (Mapping[str, Any]): What its file says, see `load_sequence`.
        origin (str): File, for messages.
        expected (Expected): The model.
        fps (float, optional): Frames a second, whatever the file says.
        joint_map (JointMap, optional): What the user says of its joints.
        unit (str, optional): Its unit, where the file says none.
        up (str, optional): Axis that points up in it, likewise.

    Returns:
        Clip: At its own frame rate.

    Raises:
        SequenceError: If it lacks joints, has other channels, or is so large
            that its unit must be another one.
    """
    notes = [str(note) for note in found.get('mended') or ()]
    coords, score = _coordinates(keypoint, found, expected, origin)
    if expected.persons is not None:
        coords, found, left_out = keep_movers(
            coords, dict(found, keypoint_score=score), expected.persons
        )
        score = found['keypoint_score']
        notes += [f"{note}, as in the model's data" for note in left_out]
    coords, score, fitted = fit_joints(
        coords,
        score,
        found,
        joint_map or JointMap(),
        expected.layout,
        origin,
    )
    notes += fitted
    coords, doubts = _scaled(coords, found.get('unit'), unit, expected, origin)
    notes += doubts
    coords, doubts = _turned(coords, up or found.get('up'), expected, origin)
    notes += doubts
    coords, mended = mend_gaps(coords, expected.max_gap)
    notes += mended
    if expected.with_score and score is not None:
        coords = np.concatenate([coords, score[..., None]], axis=-1)
    rate = found.get('fps') if fps is None else fps
    if rate is None:
        rate = expected.fps
        if origin != found.get('frame_dir'):  # a file, no array
            notes.append(
                f'it states no frame rate; taken for {rate:g} frames/s, as '
                "of the model's data"
            )
    step = float(rate) / expected.fps
    first = film_start(found)
    if first:
        notes.append(
            f'the file begins with frame {first} of its film, at '
            f'{first / float(rate):g} s; seconds are those of the film, '
            'frames those of the file'
        )
    M = len(coords)
    if expected.num_person is not None and expected.num_person < M:
        notes.append(
            f'{M} persons, of whom the model reads {expected.num_person}, '
            'those seen in most frames'
        )
    return Clip(
        str(found['frame_dir']),
        coords,
        float(rate),
        1.0 if abs(step - 1) < 1e-6 else step,
        _track_names(found.get('track_ids') or range(M)),
        tuple(notes),
        first,
    )


def _track_names(given: Iterable[Any]) -> tuple[str, ...]:
    """Different names; the second of equal ones gets a number."""
    names: list[str] = []
    for track in given:
        name, count = str(track), 1
        while name in names:
            count += 1
            name = f'{track}-{count}'
        names.append(name)
    return tuple(names)


def _coordinates(
    keypoint: np.ndarray,
    found: Mapping[str, Any],
    expected: Expected,
    origin: str,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Coordinates and scores, in as many channels as the model reads."""
    score = found.get('keypoint_score')
    C, wanted = keypoint.shape[-1], expected.num_channels
    if expected.with_score:
        wanted -= 1
        if score is None and wanted + 1 == C:
            return keypoint[..., :-1], keypoint[..., -1]
    if wanted != C or (expected.with_score and score is None):
        what = {2: 'x, y', 3: 'x, y, z'}.get(wanted, 'numbers')
        what += ', score' if expected.with_score else ''
        raise SequenceError(
            f'{origin} has C = {C} numbers a joint, its shape is '
            f'{keypoint.shape} (M, T, V, C); the model expects '
            f'C = {expected.num_channels} ({what})'
        )
    return keypoint, None if score is None else np.asarray(score)


def _scaled(
    coords: np.ndarray,
    stated: str | None,
    given: str | None,
    expected: Expected,
    origin: str,
) -> tuple[np.ndarray, list[str]]:
    """Lengths in the unit of the model's data; else a note says why."""
    if expected.scale_free:
        return coords, []
    unit = stated or given
    note = unit_note(stated, given)
    notes = [note] if note else []
    if coords.shape[-1] != 3:
        if stated is None and given is not None:
            notes.append(
                f'unit {given} was not applied: it needs x, y and z, but '
                f'there are {coords.shape[-1]} coordinates'
            )
        return coords, notes
    if expected.unit not in UNITS:
        if unit in UNITS and (given is not None or unit != 'm'):
            notes.append(
                f'lengths in {unit} stay as they are, since the data of the '
                'model state no unit; bring them to that of these data, or '
                "train on a file whose metainfo has 'unit', as prepare "
                'writes it'
            )
        return coords, notes
    if unit in UNITS:
        factor = UNITS[unit] / UNITS[expected.unit]
        return coords if factor == 1 else coords * np.float32(factor), notes
    if unlikely_size(coords * np.float32(UNITS[expected.unit])):
        raise SequenceError(
            f'{origin}: bodies are too large to be in {expected.unit}, as '
            "the model's data are, and the file states no unit; state it "
            'with unit= (--unit), cm or mm'
        )
    return coords, notes


def _turned(
    coords: np.ndarray, up: str | None, expected: Expected, origin: str
) -> tuple[np.ndarray, list[str]]:
    """The vertical where the model has it; a doubt where it looks wrong."""
    if coords.shape[-1] != 3 or expected.up is None:
        return coords, []
    if up is not None and up != expected.up:
        coords = turn_y_up(coords, up, origin)
        if expected.up != 'y':
            # Its rows make y up of the model's; their transpose undoes that.
            turn = np.zeros((3, 3), coords.dtype)
            for row, (axis, sign) in enumerate(UP_AXES[expected.up]):
                turn[row, axis] = sign
            coords = coords @ turn
    trunk = vertical_axis(coords, present_frames(coords), expected.layout)
    total, axis = np.linalg.norm(trunk), int(np.abs(trunk).argmax())
    found = ('-' if trunk[axis] < 0 else '') + 'xyz'[axis]
    if found == expected.up or np.abs(trunk[axis]) <= UPRIGHT * total:
        return coords, []
    return coords, [
        f'trunks point along {found}, but {expected.up} is up for the model; '
        'if nobody lies, state the axis that is up with up= (--up)'
    ]
