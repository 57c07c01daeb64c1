"""NTU RGB+D: the ``.skeleton`` text of Kinect v2, its actors, its names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.table import is_number
from mmsnip.io.formats.tracks import MAX_PERSONS
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_text, safe_name

__all__ = [
    'NTU_CLASSES',
    'NTUName',
    'ntu_name',
    'read_name_list',
    'read_ntu',
    'select_bodies',
    'stem',
]

NUM_JOINTS = 25
NUM_VALUES = 12  # numbers of a joint's line
NUM_INFO = 10  # words of a body's line
BODY_LINES = 2 + NUM_JOINTS
MAX_TEXT = 2**30
MAX_VALUES = 2**28  # of the dense array: 1 GiB of float32


@reader(
    '.skeleton',
    title='NTU RGB+D',
    note='Kinect v2 text; the actors are chosen by the rules of CTR-GCN',
)
def read_ntu(
    path: Path, max_persons: int | None = 2, motion_rule: bool = False
) -> Recording:
    """Read a ``.skeleton`` file.

    Bodies are followed by the id that the sensor gave them, never by their
    place in a frame. Frames without a body stay: T is the number of frames
    that the file declares. Of the 12 numbers of a joint (x y z, depth x y,
    colour x y, quaternion w x y z, tracking state) x, y and z are looked at;
    the projections may be infinite.

    Args:
        path (Path): File.
        max_persons (int | None): Most persons, at least 1, chosen by
            `select_bodies`; None gives every body, in order of appearance.
            Defaults to 2.
        motion_rule (bool): Also drop bodies by their amount of motion, see
            `select_bodies`. Defaults to False.

    Returns:
        Recording: (M, T, 25, 3) in metres, camera axes (y up, z away from
        the camera), 30 frames/s; ``tracks`` are sensor ids, joined by '+'
        where a person was lost and found again under another id.

    Raises:
        DataError: If the file is not of this format, is cut off, or has no
            body at all; the line is named.

    Source:
        Layout: ``Matlab/read_skeleton_file.m`` of shahroudy/NTURGB-D.
    """
    num_frames, ids, frames, values = _parse(path)
    notes = []
    where: dict[str, list[int]] = {}
    for index, (track_id, frame) in enumerate(zip(ids, frames)):
        seen = where.setdefault(track_id, [])
        if seen and frames[seen[-1]] == frame:
            notes.append(
                f'frame {frame}: body {track_id} is listed again; its first '
                'listing is kept'
            )
        else:
            seen.append(index)
    times = np.array(frames, np.int64)
    bodies = [Body(i, times[rows], values[rows]) for i, rows in where.items()]
    if max_persons is None:
        persons = [[body] for body in bodies]
    else:
        persons, dropped = select_bodies(
            bodies, max_persons, motion_rule=motion_rule
        )
        notes += dropped
    if len(persons) > MAX_PERSONS or (
        len(persons) * num_frames * NUM_JOINTS * 3 > MAX_VALUES
    ):
        raise DataError(
            f'{path} has {len(persons)} bodies in {num_frames} frames, more '
            'than is held at once; read it with max_persons=2'
        )
    shape = len(persons), num_frames, NUM_JOINTS, 3
    keypoint = np.zeros(shape, np.float32)
    for m, person in enumerate(persons):
        for body in person:  # a later body over an earlier one
            keypoint[m, body.frames] = body.values
    return Recording(
        name=path.stem,
        source=str(path),
        keypoint=keypoint,
        layout=get_layout('nturgb+d-official'),
        fps=30.0,
        up='y',
        unit='m',
        tracks=tuple(
            '+'.join(body.track_id for body in person) for person in persons
        ),
        notes=tuple(notes),
    )


def _parse(path: Path) -> tuple[int, list[str], list[int], np.ndarray]:
    """Number of frames; of each listing id, frame and joints (25, 3)."""
    lines = read_text(path, MAX_TEXT).rstrip().split('\n')

    def count(index: int, what: str, low: int, high: int) -> int:
        word = lines[index] if index < len(lines) else 'the end of the file'
        try:
            number = int(word)
        except ValueError:
            number = -1
        if not low <= number <= high:
            raise DataError(
                f'{path}, line {index + 1}: found {word.strip()[:40]!r}, '
                f'expected the number of {what}, {low} to {high}; is the file '
                'cut off, or not of Kinect v2?'
            )
        return number

    num_frames = count(0, 'frames', 1, max(len(lines) - 1, 1))
    ids: list[str] = []
    frames: list[int] = []
    starts: list[int] = []
    position = 1
    for frame in range(num_frames):
        left = max((len(lines) - position - 1) // BODY_LINES, 0)
        for _ in range(count(position, 'bodies', 0, min(left, MAX_PERSONS))):
            info = lines[position + 1].split()
            if len(info) != NUM_INFO:
                raise DataError(
                    f'{path}, line {position + 2}: found {len(info)} values '
                    f"in a body's line, expected {NUM_INFO} (id, hand states, "
                    'lean, tracking state)'
                )
            count(position + 2, 'joints', NUM_JOINTS, NUM_JOINTS)
            ids.append(info[0])
            frames.append(frame)
            starts.append(position + 3)
            position += BODY_LINES
        position += 1
    if position < len(lines):
        raise DataError(
            f'{path}, line {position + 1}: text goes on after the '
            f'{num_frames} frames that line 1 declares; correct the count or '
            'remove the rest'
        )
    if not ids:
        raise DataError(
            f'{path} has no body in any of its {num_frames} frames; leave '
            'it out, as the missing-skeleton list of the data set does'
        )
    return num_frames, ids, frames, _read_joints(lines, starts, path)


def _read_joints(
    lines: list[str], starts: list[int], path: Path
) -> np.ndarray:
    """Positions of all joints' lines, (B, 25, 3) float32, finite."""
    at = [start + v for start in starts for v in range(NUM_JOINTS)]
    try:
        values = np.loadtxt([lines[n] for n in at], comments=None, ndmin=2)
    except ValueError:
        values = np.zeros((0, 0))
    with np.errstate(over='ignore'):
        points = values[:, :3].astype(np.float32)
        sound = values.shape[1] == NUM_VALUES and np.isfinite(points).all()
    for n in () if sound else at:
        words = lines[n].split()
        fits = len(words) == NUM_VALUES and all(map(is_number, words))
        if not fits or not (np.abs(np.array(words[:3], float)) < 3e38).all():
            raise DataError(
                f'{path}, line {n + 1}: found {lines[n].strip()[:60]!r}; '
                f'expected the {NUM_VALUES} numbers of joint '
                f'{at.index(n) % NUM_JOINTS}, x, y and z finite'
            )
    return points.reshape(len(starts), NUM_JOINTS, 3)


MIN_FRAMES = 12  # a body seen in fewer is noise
MAX_SPREAD = 0.8  # x extent over y extent of a plausible frame
MAX_NOISE = 0.69754  # share of implausible frames from which a body is noise
MOTION_RANGE = (0.089925, 2.0)  # m^2, of a body beside the main actor


@dataclass
class Body:
    """One tracked body."""

    track_id: str
    frames: np.ndarray  # that list it, ascending, (F,) int64
    values: np.ndarray  # its joints there, (F, V, 3) in metres


def body_motion(joints: np.ndarray) -> float:
    """Motion: variance over frames and joints, summed over x y z."""
    points = joints.reshape(-1, 3).astype(np.float64)
    return float(points.var(axis=0).sum())


def select_bodies(
    bodies: list[Body], max_persons: int = 2, *, motion_rule: bool = False
) -> tuple[list[list[Body]], list[str]]:
    """Actors among the bodies that the sensor saw.

    A single body is kept as it is. Of several:

    1. length: a body that is listed in 11 frames or fewer is dropped;
    2. spread: in order of appearance and as long as more than one is left,
       a body is dropped if in at least 69.754 % of its frames it is wider
       than 0.8 of its height; if in fewer, its motion becomes the lesser of
       that of all and of its other frames;
    3. motion, only with `motion_rule`: beside the body that moves most, one
       is dropped whose motion is below 0.089925 or above 2;
    4. persons: bodies are taken by falling motion; each goes to the first
       person whose time span (first to last frame) shares at most one frame
       with its own, as an actor who was lost and got another id; it is
       dropped where all `max_persons` are taken.

    No rule drops the last body: where rule 1 would, the one that is listed
    longest stays. The widely used preparation has rule 3 in its text but
    never calls it, hence the default. It also packs the frames of a body
    that was lost and found under the same id together, and counts the
    second person's span from frame 0; here every frame stays in its place
    and every span is its own.

    Args:
        bodies (list[Body]): At least one, in order of appearance.
        max_persons (int): Most persons, at least 1. Defaults to 2.
        motion_rule (bool): Whether to apply rule 3. Defaults to False.

    Returns:
        tuple[list[list[Body]], list[str]]: Persons by falling motion, each
        with its bodies, later ones to be written over earlier ones; and a
        sentence for each body that was dropped or joined to a person.

    Source:
        Rules and numbers: ``data/ntu/get_raw_denoised_data.py`` of
        microsoft/View-Adaptive-Neural-Networks and CTR-GCN.
    """
    if len(bodies) == 1:
        return [list(bodies)], []
    mended: list[str] = []
    long = [body for body in bodies if len(body.frames) >= MIN_FRAMES]
    long = long or [max(bodies, key=lambda body: len(body.frames))]
    mended += [
        f'body {body.track_id} is left out: it is listed in '
        f'{len(body.frames)} frames, fewer than {MIN_FRAMES}'
        for body in bodies
        if all(body is not other for other in long)
    ]
    kept: list[Body] = []
    motions: list[float] = []
    for n, body in enumerate(long):
        motion = body_motion(body.values)
        # Too wide to stand, as tables and seats are.
        width, height = np.ptp(body.values[..., :2], axis=1).T
        noisy = width > MAX_SPREAD * height
        if kept or n < len(long) - 1:  # the last one stays
            if noisy.mean() >= MAX_NOISE:
                mended.append(
                    f'body {body.track_id} is left out: it is wider than a '
                    f'person in {noisy.mean():.0%} of its frames'
                )
                continue
            if noisy.any():
                motion = min(motion, body_motion(body.values[~noisy]))
        kept.append(body)
        motions.append(motion)
    order = sorted(range(len(kept)), key=lambda i: -motions[i])
    persons: list[list[Body]] = []
    for rank, index in enumerate(order):
        body, motion = kept[index], motions[index]
        low, high = MOTION_RANGE
        if motion_rule and rank and not low <= motion <= high:
            mended.append(
                f'body {body.track_id} is left out: its motion {motion:.3g} '
                f'lies outside {low} to {high:g}'
            )
            continue
        person = next(
            (n for n, own in enumerate(persons) if _apart(own, body)), None
        )
        if person is not None:
            persons[person].append(body)
            mended.append(
                f'body {body.track_id}, frames {body.frames[0]} to '
                f'{body.frames[-1]}, is taken for person {person} under '
                'another id'
            )
        elif len(persons) < max_persons:
            persons.append([body])
        else:
            mended.append(
                f'body {body.track_id} is left out: {max_persons} others '
                'move more at the same time'
            )
    return persons, mended


def _apart(person: list[Body], body: Body) -> bool:
    """Whether the time spans share at most one frame."""
    first = min(int(own.frames[0]) for own in person)
    last = max(int(own.frames[-1]) for own in person)
    shared = min(last, int(body.frames[-1])) - max(first, int(body.frames[0]))
    return shared <= 0


_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})', re.ASCII)

# A001 to A120 as the data set's readme titles them; the first 60 are those
# of NTU RGB+D 60.
_TEXT = """
drink water; eat meal/snack; brushing teeth; brushing hair; drop; pickup;
throw; sitting down; standing up (from sitting position); clapping; reading;
writing; tear up paper; wear jacket; take off jacket; wear a shoe; take off a
shoe; wear on glasses; take off glasses; put on a hat/cap; take off a
hat/cap; cheer up; hand waving; kicking something; put something inside
pocket / take out something from pocket; hopping (one foot jumping); jump up;
make a phone call/answer phone; playing with phone/tablet; typing on a
keyboard; pointing to something with finger; taking a selfie; check time
(from watch); rub two hands together; nod head/bow; shake head; wipe face;
salute; put the palms together; cross hands in front (say stop);
sneeze/cough; staggering; falling; touch head (headache); touch chest
(stomachache/heart pain); touch back (backache); touch neck (neckache);
nausea or vomiting condition; use a fan (with hand or paper)/feeling warm;
punching/slapping other person; kicking other person; pushing other person;
pat on back of other person; point finger at the other person; hugging other
person; giving something to other person; touch other person's pocket;
handshaking; walking towards each other; walking apart from each other; put
on headphone; take off headphone; shoot at the basket; bounce ball; tennis
bat swing; juggling table tennis balls; hush (quiet); flick hair; thumb up;
thumb down; make ok sign; make victory sign; staple book; counting money;
cutting nails; cutting paper (using scissors); snapping fingers; open bottle;
sniff (smell); squat down; toss a coin; fold paper; ball up paper; play magic
cube; apply cream on face; apply cream on hand back; put on bag; take off
bag; put something into a bag; take something out of a bag; open a box; move
heavy objects; shake fist; throw up cap/hat; hands up (both hands); cross
arms; arm circles; arm swings; running on the spot; butt kicks (kick
backward); cross toe touch; side kick; yawn; stretch oneself; blow nose; hit
other person with something; wield knife towards other person; knock over
other person (hit with body); grab other person's stuff; shoot at other
person with a gun; step on foot; high-five; cheers and drink; carry something
with other person; take a photo of other person; follow other person; whisper
in other person's ear; exchange things with other person; support somebody
with one's hand; finger-guessing game (playing rock-paper-scissors)
"""
NTU_CLASSES = tuple(re.sub(r'\s+', ' ', _TEXT).strip().split('; '))


@dataclass(frozen=True)
class NTUName:
    """What the name of an NTU RGB+D recording says; all count from 1."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int


_LIMITS = dict(setup=32, camera=3, performer=106, replication=2, action=120)


def ntu_name(name: str) -> NTUName:
    """Read a name ``SsssCcccPpppRrrrAaaa``."""
    match = _NAME.fullmatch(stem(name))
    if match is None:
        raise DataError(
            f'{name[:80]!r} is no name of NTU RGB+D; expected '
            'SsssCcccPpppRrrrAaaa, such as S001C002P003R002A013'
        )
    numbers = [int(group) for group in match.groups()]
    for (key, limit), number in zip(_LIMITS.items(), numbers):
        if not 1 <= number <= limit:
            raise DataError(
                f'{name[:80]!r} has {key} {number}; expected 1 to {limit}'
            )
    return NTUName(*numbers)


def stem(name: str) -> str:
    """Name of a file without folders and endings."""
    return re.split(r'[/\\]', name)[-1].split('.')[0]


def read_name_list(path: str | os.PathLike[str]) -> list[str]:
    """Names of a list such as NTU's samples with missing skeletons."""
    names: dict[str, None] = {}
    for number, line in enumerate(read_text(path, 2**24).split('\n'), start=1):
        words = line.split()
        if not words or (len(words) > 1 and not names):
            continue
        if len(words) > 1:
            raise DataError(
                f'{path}, line {number}: found {line.strip()[:40]!r}, '
                'expected one name a line'
            )
        name = words[0]
        if name.endswith('.skeleton'):
            name = name[: -len('.skeleton')]
        names[safe_name(name, f'{path}, line {number}')] = None
    if not names:
        raise DataError(f'{path} holds no name; expected one a line')
    return list(names)
