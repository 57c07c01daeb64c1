"""One recording: where the joints of its persons are, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmsnip.structures.errors import DataError, is_rate, show
from mmsnip.structures.segments import Segments

__all__ = ['LOOK_AT', 'Note', 'Recording', 'as_sequence', 'present_joints']

LOOK_AT = 0.05  # share of the frames beyond which a change is looked at
MAX_CROWD = 16  # persons that may outnumber the frames


@dataclass(frozen=True)
class Note:
    """What was taken for granted, mended or dropped, in one sentence.

    Args:
        text (str): The sentence.
        look_at (bool): Whether it changes or drops data that matter, so that
            a summary shows it and ``--strict`` makes it an error.
    """

    text: str
    look_at: bool = False

    def __str__(self) -> str:
        """The sentence."""
        return self.text


@dataclass(frozen=True, eq=False)
class Recording:
    """Keypoints of one recording, and all that its file says of them.

    Args:
        name (str): Of the recording.
        keypoint (np.ndarray): (M, T, V, C) finite numbers; (T, V, C) becomes
            one person. NaN is a lost joint.
        present (np.ndarray | None): (M, T, V) bool, where a joint was seen;
            None derives it once, see `present_joints`. Coordinates of absent
            joints become 0.
        score (np.ndarray | None): (M, T, V), certainty of each joint.
        joint_names (tuple[str, ...] | None): V names, where the file has
            them; those of `layout` where there is one.
        layout (SkeletonLayout | None): Joints and what hangs on what.
        fps (float | None): Frames a second; None where nobody says it.
        up (str | None): Axis that points up, ``'y'``, ``'-z'``, ..
        unit (str | None): Of the lengths, ``'m'``, ``'cm'``, ``'mm'``, ..
        segments (Segments | None): Actions; None where nobody labelled it.
        label (int | None): Class of a trimmed recording.
        tracks (tuple[str, ...]): Ids of the persons, M different ones;
            empty numbers them.
        first_frame (int): Number of frame 0 in its source.
        frame_step (int): From one number to the next.
        rows (np.ndarray | None): Frame of each row of the file, where its
            times leave frames out, (num_rows,) int64.
        of_film (bool): Whether poses were found in images, so that seconds
            count from the first image.
        img_shape (tuple[int, int] | None): Height and width of the images.
        notes (tuple[Note, ...]): What was done to it so far.
        source (str): File, for messages; empty takes the name.

    Raises:
        DataError: If a field is malformed; the file and the field are named.
    """

    name: str
    keypoint: np.ndarray
    present: np.ndarray | None = None
    score: np.ndarray | None = None
    joint_names: tuple[str, ...] | None = None
    layout: Any = None
    fps: float | None = None
    up: str | None = None
    unit: str | None = None
    segments: Segments | None = None
    label: int | None = None
    tracks: tuple[str, ...] = ()
    first_frame: int = 0
    frame_step: int = 1
    rows: np.ndarray | None = None
    of_film: bool = False
    img_shape: tuple[int, int] | None = None
    notes: tuple[Note, ...] = ()
    source: str = ''

    def __post_init__(self) -> None:
        """Check every field and derive the mask."""
        source = self.source or self.name
        keypoint = as_sequence(self.keypoint, source)
        M, T, V, _ = keypoint.shape
        score, present = self.score, self.present
        if score is not None:
            score = self._per_joint('score', score, (M, T, V), source)
            score = score.astype(np.float32)
            if not np.isfinite(score).all():
                raise DataError(
                    f'{source}, score: found NaN or infinity; expected finite '
                    'scores, 0 where a joint was not found'
                )
        if present is None:
            present = present_joints(keypoint, score)
        present = self._per_joint('present', present, (M, T, V), source)
        present = present.astype(bool) & ~np.isnan(keypoint).any(axis=-1)
        if not present.all():
            keypoint = np.where(present[..., None], keypoint, 0.0)
        names = self.joint_names
        if self.layout is not None:
            names = self.layout.joint_names
        if names is not None and len(names) != V:
            raise DataError(
                f'{source} has {V} joints, its shape is {keypoint.shape} '
                f'(M, T, V, C), but {len(names)} names of joints'
            )
        if self.fps is not None and not is_rate(self.fps):
            raise DataError(
                f'{source}, fps: found {show(self.fps)}; expected a positive '
                'number of frames a second'
            )
        tracks = _different(self.tracks or [str(m) for m in range(M)])
        if len(tracks) != M:
            raise DataError(
                f'{source}, tracks: found {len(tracks)} for {M} persons'
            )
        values: dict[str, Any] = dict(
            source=source,
            keypoint=keypoint,
            present=present,
            score=score,
            joint_names=None if names is None else tuple(map(str, names)),
            fps=None if self.fps is None else float(self.fps),
            tracks=tracks,
            notes=tuple(
                n if isinstance(n, Note) else Note(str(n)) for n in self.notes
            ),
        )
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @staticmethod
    def _per_joint(
        key: str, value: Any, shape: tuple[int, ...], source: str
    ) -> np.ndarray:
        array = np.asarray(value)
        array = array[None] if array.ndim == 2 else array
        if array.shape != shape or array.dtype.kind not in 'fiub':
            raise DataError(
                f'{source}, {key}: found {show(array)}; expected a number '
                f'for each joint, {shape} (M, T, V)'
            )
        return array

    @property
    def num_frames(self) -> int:
        """T."""
        return self.keypoint.shape[1]

    @property
    def bodies(self) -> np.ndarray:
        """Frames in which a person is there, (M, T) bool."""
        return self.present.any(axis=-1)

    @property
    def film_start(self) -> int:
        """Frames of the film before frame 0; seconds count from the film."""
        if not self.of_film or self.first_frame <= 1:
            return 0
        return round(self.first_frame / self.frame_step)

    @property
    def look_at(self) -> tuple[Note, ...]:
        """Notes that a summary shows and ``--strict`` refuses."""
        return tuple(note for note in self.notes if note.look_at)

    def but(self, **changes: Any) -> Recording:
        """The same with other fields, checked again."""
        return replace(self, **changes)

    def noted(self, text: str, frames: int = 0) -> Recording:
        """The same with one note more.

        Args:
            text (str): What was done or taken for granted, one sentence.
            frames (int): Frames of which it changes or drops data; beyond
                5 % of the recording the note is to be looked at.

        Returns:
            Recording: Another one.
        """
        note = Note(text, frames > LOOK_AT * self.num_frames)
        return replace(self, notes=(*self.notes, note))

    def persons(self, kept: Any) -> Recording:
        """Some of its persons, in this order."""
        kept = np.asarray(kept, np.int64)
        score = self.score
        return replace(
            self,
            keypoint=self.keypoint[kept],
            present=self.present[kept],
            score=None if score is None else score[kept],
            tracks=tuple(self.tracks[m] for m in kept),
        )


def present_joints(
    keypoint: np.ndarray, score: np.ndarray | None = None
) -> np.ndarray:
    """Where a joint was seen, of coordinates in which 0 is lost.

    A person with nothing but zeros in a frame is absent there. Beside seen
    joints, one that is zero is lost, unless it is zero whenever the person
    is there: then it is the origin. Where there are scores, a joint of score
    0 at zero is lost in any case, and one with a score is seen.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        score (np.ndarray | None): (M, T, V).

    Returns:
        np.ndarray: (M, T, V) bool.

    Examples:
        >>> x = np.ones((1, 3, 2, 3)); x[0, 1, 0] = 0
        >>> present_joints(x)[0, :, 0].tolist()
        [True, False, True]
    """
    seen = (keypoint != 0).any(axis=-1)  # (M, T, V); NaN is not 0
    body = seen.any(axis=-1, keepdims=True)
    if score is not None:
        return body & (seen | (score > 0))
    ever = seen.any(axis=1, keepdims=True)
    return body & (seen | ~ever)


def as_sequence(keypoint: Any, source: str) -> np.ndarray:
    """Checked float32 array of a sequence; NaN passes as a lost joint.

    Args:
        keypoint (Any): Array-like of numbers, (T, V, C) for one person or
            (M, T, V, C).
        source (str): File or recording, for messages.

    Returns:
        np.ndarray: (M, T, V, C) float32, no axis empty.

    Raises:
        DataError: If it is anything else.

    Examples:
        >>> as_sequence(np.zeros((13, 5, 3)), 'still').shape
        (1, 13, 5, 3)
    """
    expected = '(T, V, C) of one person or (M, T, V, C)'
    try:
        array = np.asarray(keypoint)
    except (ValueError, TypeError) as error:  # ragged, or on another device
        raise DataError(
            f'{source} is a {type(keypoint).__name__} that is no array '
            f'({error}); expected numbers of shape {expected}'
        ) from None
    if array.dtype.kind not in 'fiu':
        raise DataError(
            f'{source} is a {show(array)}; expected numbers of shape '
            f'{expected}'
        )
    if array.ndim not in (3, 4):
        raise DataError(
            f'{source} has shape {array.shape}; expected {expected}'
        )
    if 0 in array.shape:
        raise DataError(
            f'{source} is empty, its shape is {array.shape}; expected at '
            'least one person, frame, joint and channel'
        )
    array = array if array.ndim == 4 else array[None]
    M, T = array.shape[:2]
    if M > MAX_CROWD and M > T:
        raise DataError(
            f'{source} has shape {array.shape}, {M} persons in {T} frames; '
            'expected (M, T, V, C): if it is (T, M, V, C), swap the first '
            'two axes, keypoint.swapaxes(0, 1)'
        )
    with np.errstate(over='ignore'):
        array = array.astype(np.float32, copy=False)
    wild = np.isinf(array)
    if wild.any():
        m, t, v, c = np.unravel_index(int(wild.argmax()), wild.shape)
        raise DataError(
            f'{source} holds infinity in {int(wild.sum())} values, first at '
            f'person {m}, frame {t}, joint {v}, channel {c}; expected finite '
            'float32, NaN or zeros where a joint was lost'
        )
    return array


def _different(given: Any) -> tuple[str, ...]:
    """Names that differ; the second of equal ones gets a number."""
    names: list[str] = []
    for track in given:
        name, count = str(track), 1
        while name in names:
            count += 1
            name = f'{track}-{count}'
        names.append(name)
    return tuple(names)
