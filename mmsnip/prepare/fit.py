"""One recording as it is expected: the same for training and inference.

In this order: persons, joints, unit, upright axis and mirror, gaps, frame
rate. What a user says wins over the file, with a note. Bodies of no human
size, trunks that point elsewhere than up and left joints on the right are
told, whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.prepare.joints import layout_of, mapping_to, read_joint_map
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.skeleton.mapping import map_joints, map_scores
from mmsnip.skeleton.naming import joint_parts
from mmsnip.skeleton.orientation import (
    AXES,
    left_right_frames,
    trunk_axis,
    turned,
)
from mmsnip.skeleton.resample import (
    map_segments,
    nearest_frames,
    take_joints,
    tempo_map,
)
from mmsnip.structures import DataError, Note, Recording
from mmsnip.structures.errors import is_rate
from mmsnip.structures.recording import LOOK_AT, present_joints

__all__ = [
    'MAX_GAP',
    'UNITS',
    'Expected',
    'Given',
    'fill_gaps',
    'fit',
    'motion_of',
    'resample',
    'size_doubt',
]

UNITS = {'m': 1.0, 'cm': 0.01, 'mm': 0.001}
MAX_NUMBERS = 2**28  # that a low rate may make of a recording: 1 GB
MAX_GAP = 10  # frames over which a lost joint is interpolated
HUMAN_M = (0.3, 3.0)  # what the joints of a person may measure
TALLEST_M = 10.0  # beyond it lengths cannot be in metres
SPAN_M = 1.41  # of the joints of a person of 1.7 m: no soles, no skull
RATES = (1.0, 1000.0)  # frames a second that a camera or a suit records at
LIMBS = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
LOOKED_AT = 20  # bodies of a recording are enough to tell its size
SWAPPED = 0.5  # share of frames with left on the left, below it is a doubt
TINY = 1e-6  # metres; a joint that is there is not all zero


@dataclass(frozen=True)
class Given:
    """What a user says of a recording; it wins over its file, with a note.

    Args:
        fps (float | None): Frames a second; None leaves what the file says,
            here and below.
        unit (str | None): Of the lengths, a key of `UNITS`.
        scale (float | None): Factor that makes the lengths metres; it wins
            over a unit.
        up (str | None): Axis that points up, ``'y'``, ``'-z'``, ..
        mirror (bool): Whether left and right are exchanged; they are
            mirrored back.
        layout (Any): Joints, as a layout, its name or a graph config.
        joint_map (Any): Joints of the model to those of the file, a mapping
            or a JSON file, or the name of a layout.
        persons (int | None): Keep at most so many, who move most.

    Raises:
        DataError: If a field is malformed.
    """

    fps: float | None = None
    unit: str | None = None
    scale: float | None = None
    up: str | None = None
    mirror: bool = False
    layout: Any = None
    joint_map: Any = None
    persons: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        for key, known, expected in (
            ('fps', is_rate, 'a positive number of frames a second'),
            ('unit', UNITS.__contains__, f'one of {list(UNITS)}'),
            ('scale', is_rate, 'a positive number'),
            ('up', AXES.__contains__, f'one of {sorted(AXES)}'),
            ('persons', lambda n: int(n) > 0, 'at least 1'),
        ):
            value = getattr(self, key)
            if value is not None and not known(value):
                raise DataError(f'{key}={value!r} must be {expected}')
        if self.layout is not None:
            object.__setattr__(self, 'layout', from_graph_cfg(self.layout))
        object.__setattr__(self, 'joint_map', read_joint_map(self.joint_map))


@dataclass(frozen=True)
class Expected:
    """What a model was trained on, or what a conversion is asked for.

    Args:
        layout (SkeletonLayout | None): Joints; None keeps those of the file,
            here and below.
        fps (float | None): Frames a second.
        unit (str | None): Of the lengths.
        up (str | None): Axis that points up.
        num_channels (int | None): C, numbers a joint, a score among them.
        with_score (bool): Whether the last of them is the score.
        num_coords (int): Coordinates of a joint, 2 or 3.
        scale_free (bool): Whether the unit does not matter.
        persons (int | None): Keep at most so many, who move most.
        num_person (int | None): M that a model reads.
        max_gap (int): Frames over which a lost joint is interpolated.
        of_model (bool): Whether a model expects it, for the messages.

    Raises:
        DataError: If a rate or a number of persons is not positive.
    """

    layout: SkeletonLayout | None = None
    fps: float | None = None
    unit: str | None = None
    up: str | None = None
    num_channels: int | None = None
    with_score: bool = False
    num_coords: int = 3
    scale_free: bool = False
    persons: int | None = None
    num_person: int | None = None
    max_gap: int = MAX_GAP
    of_model: bool = False

    def __post_init__(self) -> None:
        """Check what a command line can say."""
        if self.fps is not None and not is_rate(self.fps):
            raise DataError(f'fps={self.fps!r} must be a positive rate')
        if self.persons is not None and self.persons < 1:
            raise DataError(f'persons={self.persons} must be at least 1')


def fit(
    recording: Recording, expected: Expected, given: Given | None = None
) -> Recording:
    """Bring a recording to what is expected, or refuse it.

    In this order: persons, joints, unit, upright axis and mirror, gaps, frame
    rate; segments are mapped with the frames.

    Args:
        recording (Recording): As `mmsnip.io.formats.read` gives it.
        expected (Expected): What is wanted of it.
        given (Given | None): What the user says of it.

    Returns:
        Recording: Fitted, with a note for each thing that was assumed,
        changed or left out.

    Raises:
        DataError: If it cannot be fitted; the message says what to state.
    """
    given = given or Given()
    limit = given.persons or expected.persons
    if limit is not None and limit < len(recording.keypoint):
        from mmsnip.io.formats.tracks import share_slots

        recording = share_slots(recording)
    work = _Work(recording, expected, given)
    for step in (
        *(work.channels, work.persons, work.joints, work.lengths),
        *(work.axes, work.rate, work.gaps),
    ):
        step()
    fitted = work.done()
    return fitted if expected.fps is None else resample(fitted, expected.fps)


class _Work:
    """A recording that is being fitted; one step a method."""

    def __init__(self, recording: Recording, expected: Expected, given: Given):
        self.old, self.expected, self.given = recording, expected, given
        self.keypoint = recording.keypoint
        self.present, self.score = recording.present, recording.score
        self.tracks, self.layout = recording.tracks, recording.layout
        self.fps, self.unit = recording.fps, recording.unit
        self.up = recording.up
        self.notes: list[Note] = list(recording.notes)

    def say(self, text: str, frames: int = 0, look_at: bool = False) -> None:
        much = frames > LOOK_AT * self.keypoint.shape[1]
        self.notes.append(Note(text, look_at or much))

    def overruled(self, what: str, stated: Any, said: Any) -> None:
        """The user says other than the file."""
        if stated is not None and stated != said:
            self.say(f'{what} is {said}, as stated; its file says {stated}')

    def channels(self) -> None:
        """As many numbers a joint as the model reads."""
        wanted, C = self.expected.num_channels, self.keypoint.shape[-1]
        if wanted is None:
            return
        with_score = self.expected.with_score
        if with_score and self.score is None and wanted == C:
            self.score = self.keypoint[..., -1]
            self.keypoint = self.keypoint[..., :-1]
            self.present = self.present & present_joints(self.keypoint)
            return
        if wanted - with_score != C or (with_score and self.score is None):
            axes = {2: 'x, y', 3: 'x, y, z'}
            what = axes.get(wanted - with_score, 'numbers')
            what += ', score' if with_score else ''
            raise DataError(
                f'{self.old.source} has C = {C} numbers a joint, its shape is '
                f'{self.keypoint.shape} (M, T, V, C); the model expects '
                f'C = {wanted} ({what})'
            )

    def persons(self) -> None:
        """Those who move most."""
        limit = self.given.persons or self.expected.persons
        if limit is None or limit >= len(self.keypoint):
            return
        M = len(self.keypoint)
        motion = motion_of(self.keypoint, self.present)
        kept = np.argsort(-motion, kind='stable')[:limit]
        left = np.setdiff1d(np.arange(M), kept)
        bodies = self.present[left].any(axis=-1)
        seen = bodies.sum(axis=1)
        self.keypoint, self.present = self.keypoint[kept], self.present[kept]
        self.score = None if self.score is None else self.score[kept]
        self.tracks = tuple(self.tracks[m] for m in kept)
        model = ", as in the model's data" if self.expected.of_model else ''
        self.say(
            f'{M - limit} of {M} persons were left out, which move less; they '
            f'are seen in {seen.min()} to {seen.max()} frames{model}',
            int(bodies.any(axis=0).sum()),
        )

    def joints(self) -> None:
        """Joints of the expected layout."""
        target, given = self.expected.layout, self.given
        recording = self.old
        stated = given.layout or given.joint_map.layout
        if stated is not None and recording.layout is not None:
            ours, theirs = stated.joint_names, recording.layout.joint_names
            if ours != theirs:
                self.overruled('layout', recording.layout.name, stated.name)
        if target is None:
            self.layout = layout_of(recording, stated)
            return
        mapping, text = mapping_to(
            target,
            recording,
            given.layout,
            given.joint_map,
            copy=not self.expected.of_model,
        )
        self.layout = target
        if not np.array_equal(mapping.matrix, np.eye(len(mapping.matrix))):
            bodies = self.present.any(axis=-1, keepdims=True)
            lost = bodies & ~self.present
            self.keypoint = map_joints(self.keypoint, mapping, lost)
            used = (mapping.matrix != 0).astype(np.float32)
            touched = (lost.astype(np.float32) @ used.T) > 0
            self.present = bodies & ~touched
            if self.score is not None:
                self.score = map_scores(self.score, mapping)
        if text:
            parts = joint_parts(target.joint_names)
            copied = {name for name, _ in mapping.absent}
            limbs = [
                name
                for name, part in zip(target.joint_names, parts)
                if name in copied and part and part[1] in LIMBS
            ]
            self.say(text, look_at=bool(limbs))

    def lengths(self) -> None:
        """The expected unit; a size that is no person's is told."""
        given, expected, stated = self.given, self.expected, self.unit
        raw = self.keypoint
        solid = raw.shape[-1] == 3
        unit = given.unit or stated
        if given.scale is not None:
            self.need_depth('scale', given.scale)
            unit = 'm'  # a scale wins over a unit
            self.keypoint = raw * np.float32(given.scale)
            self.overruled('unit', stated, unit)
            if given.unit is not None:
                self.say(f'unit {given.unit} was not applied, scale is stated')
        elif given.unit is not None:
            if not expected.of_model:
                self.need_depth('unit', given.unit)
            self.overruled('unit', stated, given.unit)
            if not solid:
                self.say(
                    f'unit {given.unit} was not applied: it needs x, y and '
                    f'z, but there are {self.keypoint.shape[-1]} coordinates'
                )
                unit = stated
        if not solid or expected.scale_free:
            self.unit = unit
            return
        wanted = expected.unit
        if unit in UNITS and wanted in UNITS:
            factor = UNITS[unit] / UNITS[wanted]
            if factor != 1:
                self.keypoint = self.keypoint * np.float32(factor)
            self.unit = wanted
        else:
            self.unit = unit
            told = given.unit or given.scale or unit != 'm'
            if expected.of_model and unit in UNITS and told:
                self.say(
                    f'lengths in {unit} stay as they are, since the data of '
                    'the model state no unit; bring them to that of these '
                    "data, or train on a file whose metainfo has 'unit', as "
                    'prepare writes it'
                )
        if wanted not in UNITS or (unit or 'm') not in UNITS:
            return
        height = body_height(raw, self.present)
        factor = (given.scale or 1.0) * UNITS[unit or wanted]
        doubt = size_doubt(height, factor, stated=unit is not None)
        if not doubt:
            return
        if expected.of_model and unit is None and height * factor > TALLEST_M:
            raise DataError(
                f'{self.old.source}: {doubt}; the data of the model are in '
                f'{wanted}, and the file states no unit'
            )
        self.say(doubt, look_at=True)

    def need_depth(self, key: str, value: Any) -> None:
        """Refuse what has no meaning in an image."""
        if self.keypoint.shape[-1] != 3:
            raise DataError(
                f'{self.old.name}: {key} {value!r} needs x, y and z, but '
                f'there are {self.keypoint.shape[-1]} coordinates; leave it '
                'out'
            )

    def axes(self) -> None:
        """The expected axis points up, left is on the left."""
        given, wanted = self.given, self.expected.up
        C = self.keypoint.shape[-1]
        if given.up is not None:
            if not self.expected.of_model:
                self.need_depth('up', given.up)
            self.overruled('up', self.up, given.up)
            self.up = given.up
        if given.mirror:  # a horizontal axis is turned round
            axis = 2 if C == 3 and (self.up or 'y').endswith('x') else 0
            flat = C == 2 and self.old.img_shape is not None
            keypoint = self.keypoint.copy()
            keypoint[..., axis] *= -1
            keypoint[..., axis] += self.old.img_shape[1] if flat else 0
            self.keypoint = np.where(self.present[..., None], keypoint, 0)
        if C != 3:  # an image, its y points down as ever
            return
        if wanted is not None and self.up is not None:
            if self.up not in AXES:
                raise DataError(
                    f'{self.old.source}: up={self.up!r} is no axis; expected '
                    f'one of {sorted(AXES)}'
                )
            self.keypoint = turned(self.keypoint, self.up, wanted)
            self.up = wanted
        # A conversion holds those that state nothing against the others.
        if wanted is not None and (self.up or self.expected.of_model):
            axis = trunk_axis(
                self.keypoint, self.present.any(axis=-1), self.layout
            )
            if axis not in (None, wanted):
                self.say(
                    f'trunks point along {axis}, but {wanted} is up; if '
                    f'nobody lies, state the axis that is up: '
                    f'{self._remedy("up", "AXIS")}',
                    look_at=True,
                )
        agree, told = left_right_frames(self.keypoint, self.layout)
        if told and agree < SWAPPED * told:
            self.say(
                f'left joints are on the right of the body in {told - agree} '
                f'of {told} frames: either the names of left and right are '
                'swapped, or the coordinates are left-handed; '
                f'{self._remedy("mirror", "yes")} mirrors it back',
                look_at=True,
            )

    def _remedy(self, fact: str, value: str) -> str:
        """What the user says of this recording alone."""
        if self.expected.of_model:
            value = f' {value}' if fact != 'mirror' else ''
            return f'--{fact}{value} for this file'
        return f'--for {self.old.name} {fact}={value}'

    def rate(self) -> None:
        """Frames a second, as stated, or the model's."""
        expected, given = self.expected, self.given
        option = '--fps' if expected.of_model else '--source-fps'
        if given.fps is not None:
            if self.fps is not None and abs(self.fps / given.fps - 1) > 1e-6:
                self.overruled(
                    'the frame rate', f'{self.fps:g}', f'{given.fps:g}'
                )
            self.fps = float(given.fps)
        if self.fps is None and expected.of_model and expected.fps:
            self.fps = float(expected.fps)
            if self.old.source != self.old.name:  # a file, no array
                self.say(
                    'it states no frame rate; taken for '
                    f"{self.fps:g} frames/s, as of the model's data"
                )
        if self.fps is None:
            return
        low, high = RATES
        if not low <= self.fps <= high and given.fps is None:
            seconds = self.keypoint.shape[1] / self.fps
            guess = self.fps * (1000 if self.fps < low else 0.001)
            self.say(
                f'{self.fps:.2g} frames a second make it {seconds:.4g} s '
                'long; is its frame time in other units than seconds, such '
                f'as milliseconds, so that they are {guess:.3g}? state '
                f'the frame rate ({option})',
                look_at=True,
            )

    def gaps(self) -> None:
        """Lost joints, on a straight line over short gaps."""
        bodies = self.present.any(axis=-1, keepdims=True)
        lost = bodies & ~self.present
        lost &= self.present.any(axis=1, keepdims=True)
        if not lost.any():
            return
        limit = self.expected.max_gap
        self.keypoint, filled = fill_gaps(self.keypoint, self.present, limit)
        self.present = self.present | filled
        for which, what in (
            (filled, f'were interpolated, over at most {limit} frames each'),
            (
                lost & ~filled,
                f'stay 0, in gaps of more than {limit} frames or at an end',
            ),
        ):
            frames = int(which.any(axis=(0, 2)).sum())
            if frames:
                text = f'{int(which.sum())} positions of lost joints {what}'
                self.say(f'{text}, in {frames} frames', frames)

    def done(self) -> Recording:
        """The recording; who reads it tells a joint at 0 for a lost one."""
        expected, recording = self.expected, self.old
        M = len(self.keypoint)
        read = expected.num_person
        if read is not None and read < M:
            bodies = self.present.any(axis=-1)
            order = np.argsort(-bodies.sum(axis=1), kind='stable')
            unread = int(bodies[order[read:]].any(axis=0).sum())
            self.say(
                f'{M} persons, of whom the model reads {read}, those seen in '
                'most frames',
                unread,
            )
        first = recording.film_start
        if expected.of_model and first and self.fps:
            self.say(
                f'the file begins with frame {first} of its film, at '
                f'{first / self.fps:g} s; seconds are those of the film, '
                'frames those of the file'
            )
        vague = self.present & ~present_joints(self.keypoint, self.score)
        if vague.any():
            self.keypoint = self.keypoint.copy()
            self.keypoint[vague, 0] = TINY
        keys = ('keypoint', 'present', 'score', 'layout', 'tracks')
        keys += ('fps', 'up', 'unit')
        return recording.but(
            joint_names=None,
            notes=tuple(self.notes),
            **{key: getattr(self, key) for key in keys},
        )


def motion_of(
    keypoint: np.ndarray, present: np.ndarray | None = None
) -> np.ndarray:
    """Variance of each joint, in mean, times the share of frames with it."""
    x = keypoint.astype(np.float64)
    seen = (x != 0).any(axis=-1) if present is None else present
    count = np.maximum(seen.sum(axis=1), 1)[:, None, :, None]
    mean = x.sum(axis=1, keepdims=True) / count
    spread = np.where(seen[..., None], x - mean, 0.0) ** 2
    variance = (spread.sum(axis=1) / count[:, 0]).sum(axis=-1)  # (M, V)
    return variance.mean(axis=-1) * seen.any(axis=-1).mean(axis=-1)


def fill_gaps(
    keypoint: np.ndarray, present: np.ndarray, max_gap: int
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate single lost joints; absent bodies stay absent."""
    lost = present.any(axis=-1, keepdims=True) & ~present
    filled = np.zeros_like(lost)
    if not max_gap or not lost.any():
        return keypoint, filled
    keypoint = keypoint.copy()
    T = keypoint.shape[1]
    edges = np.diff(
        np.pad(lost.astype(np.int8), ((0, 0), (1, 1), (0, 0))), axis=1
    ).transpose(0, 2, 1)  # (M, V, T + 1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)[:, 2]
    short = (ends - starts[:, 2] <= max_gap) & (starts[:, 2] > 0) & (ends < T)
    for (m, v, start), end in zip(starts[short], ends[short]):
        if not (present[m, start - 1, v] and present[m, end, v]):
            continue  # the body leaves or enters
        share = np.arange(1, end - start + 1) / (end - start + 1)
        share = share[:, None].astype(keypoint.dtype)
        before, behind = keypoint[m, start - 1, v], keypoint[m, end, v]
        keypoint[m, start:end, v] = before * (1 - share) + behind * share
        filled[m, start:end, v] = True
    return keypoint, filled


def resample(recording: Recording, fps: float) -> Recording:
    """A recording at another rate: new frame k shows the time k / fps."""
    if recording.fps is None:
        raise DataError(
            f'{recording.name} states no frame rate, so that it cannot be '
            f'brought to {fps:g} frames/s; state the rate of the files '
            '(--source-fps)'
        )
    if abs(recording.fps / fps - 1) < 1e-6:
        return recording.but(fps=float(fps))
    frames = recording.num_frames * fps / recording.fps
    size = frames / recording.num_frames * recording.keypoint.size
    if size > MAX_NUMBERS and fps > 10 * recording.fps:
        raise DataError(
            f'{recording.source or recording.name} states '
            f'{recording.fps:.3g} frames/s; brought to {fps:g} it would have '
            f'{frames:,.0f} frames. Is the rate, or the frame time, in '
            'another unit? State it (--source-fps)'
        )
    place = tempo_map(recording.num_frames, recording.fps / fps)
    keypoint, present = recording.keypoint, recording.present
    nearest = np.minimum(nearest_frames(place), recording.num_frames - 1)
    score, segments = recording.score, recording.segments
    if score is not None:
        score = take_joints(score[..., None], present, place)[..., 0]
    notes = list(recording.notes)
    if segments is not None:
        moved, which = map_segments(segments.bounds, place)
        unknown = map_segments(segments.unknown, place)[0]
        dropped = len(segments) - len(set(which.tolist()))
        segments = segments.take(which).but(
            start=moved[:, 0],
            end=moved[:, 1],
            unknown=unknown,
            num_frames=len(place),
        )
        if dropped:
            text = f'{dropped} segments were dropped, they have no frame at'
            notes.append(Note(f'{text} {fps:g} frames/s', look_at=True))
    return recording.but(
        keypoint=take_joints(keypoint, present, place),
        present=present[:, nearest],
        score=score,
        segments=segments,
        fps=float(fps),
        rows=None,
        notes=tuple(notes),
    )


def body_height(keypoint: np.ndarray, present: np.ndarray) -> float:
    """Extent of the joints of a body, median of some; 0 of none."""
    bodies = present.any(axis=-1)
    count = int(bodies.sum())
    if not count:
        return 0.0
    some = np.flatnonzero(bodies)[:: 1 + count // LOOKED_AT]
    V, C = keypoint.shape[-2:]
    points = keypoint.reshape(-1, V, C)[some].astype(np.float64)
    points[~present.reshape(-1, V)[some]] = np.nan
    extent = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
    return float(np.median(extent.max(axis=-1)))


def size_doubt(height: float, factor: float, stated: bool = False) -> str:
    """A warning where bodies are no people, and what mends it."""

    def human(factor: float) -> bool:
        return HUMAN_M[0] <= height * factor <= HUMAN_M[1]

    if height == 0 or human(factor):
        return ''
    fits = [unit for unit in UNITS if human(UNITS[unit])]
    if fits:
        remedy = f'state the unit of the file, --unit {fits[0]}'
    else:
        remedy = (
            'no unit makes a person of it; if it is one of 1.7 m, say --scale '
            f'{SPAN_M / height:.2g}'
        )
    as_stated = ', as stated' if stated else ''
    return (
        f'bodies measure {height:.3g} in the file, {height * factor:.3g} m'
        f'{as_stated}, which is no size of a person; {remedy}'
    )
