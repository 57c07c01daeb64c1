"""One performance: actions, gaps and transitions as a pose curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.actions import ACTIONS, CLASSES
from mmsnip.synthesis.body import (
    COLUMN,
    FPS,
    PARAMETERS,
    Body,
    Maker,
    Program,
    Style,
    ease,
    forward_kinematics,
    mirror_pose,
    smooth_noise,
)
from mmsnip.synthesis.gestures import SEATED_GESTURES, STANDING_GESTURES

SEATED_ACTIONS = ('wave', 'clap', 'drink')
_WALK_SPEED = 1.15  # metres a second, for steering only


@dataclass(frozen=True)
class Take:
    """A performance before it is filmed."""

    joints: np.ndarray
    segments: np.ndarray
    labels: np.ndarray


@dataclass
class _State:
    """Where the performer stands while a take is composed."""

    frame: int
    seated: bool
    heading: float  # degrees
    place: np.ndarray  # (2,) metres: x, z


def _smooth(pose: np.ndarray) -> np.ndarray:
    """Round the corners of pose curves over five frames, (T, ...)."""
    kernel = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    padded = np.pad(pose, ((2, 2), (0, 0)), mode='edge')
    T = len(pose)
    return sum(w * padded[i : i + T] for i, w in enumerate(kernel))


def _steer(program: Program, state: _State, rng: Generator) -> None:
    """Bend the path of a walk to the middle of the room, in place."""
    if program.yaw is None:
        return
    target = rng.uniform(-0.8, 0.8, 2) - state.place
    bearing = np.rad2deg(np.arctan2(target[0], target[1]))
    turn = (bearing - state.heading + 180) % 360 - 180
    pull = min(1.0, float(np.hypot(*target)) / 1.2)
    home = float(np.clip(turn, -140, 140))
    shape = ease(np.linspace(-0.1, 1.3, len(program.yaw)))
    program.yaw = pull * home * shape + (1 - pull) * program.yaw
    program.yaw = program.yaw - program.yaw[0]
    angle = np.deg2rad(state.heading + program.yaw)
    step = _WALK_SPEED / FPS * program.weight
    state.place = state.place + np.array(
        [(step * np.sin(angle)).sum(), (step * np.cos(angle)).sum()]
    )


def postures(style: Style, rng: Generator) -> np.ndarray:
    """Resting pose of a person, standing and seated."""
    pose = np.zeros((2, len(PARAMETERS)))

    def put(name: str, standing: float, seated: float) -> None:
        pose[:, COLUMN[name]] = standing, seated

    put('bend', style.slouch, style.slouch + rng.uniform(0, 10))
    put('pitch', 0, rng.uniform(-10, 4))
    put('nod', rng.uniform(-4, 8), rng.uniform(-4, 8))
    thigh, shin = rng.uniform(80, 92), rng.uniform(-6, 14)
    hands = rng.uniform(12, 38)
    for side in ('left', 'right'):
        little = rng.uniform(-3, 3)
        put(f'{side}_arm', 2 + little, hands + 2 * little)
        put(f'{side}_abduct', style.arms_out + little, 8 + 0.5 * little)
        put(f'{side}_rotate', -18 + 2 * little, -22 + 2 * little)
        put(f'{side}_elbow', style.elbows + 2 * little, 45 + 2 * little)
        put(f'{side}_leg', 2, thigh)
        put(f'{side}_knee', 4, thigh + shin)
        put(f'{side}_spread', style.stance, 5 + little)
        put(f'{side}_turnout', 7 + little, 5 + little)
    return pose


def idle_motion(rng: Generator, num_frames: int, style: Style) -> np.ndarray:
    """Breathing, sway and small movements on top of a posture."""
    sizes = dict(
        pitch=0.8, roll=0.5, bend=1.2, lean=1.2, twist=2.0, nod=3.0,
        tilt=2.0, look=6.0, arm=2.5, abduct=1.8, rotate=3.0, elbow=4.0,
        wrist=4.0, leg=0.25, spread=0.25, knee=0.4,
    )  # fmt: skip
    size = np.array(
        [
            sizes.get(name.rpartition('_')[2], 0.0) * style.fidget
            for name in PARAMETERS
        ]
    )
    motion = size * smooth_noise(rng, num_frames, len(size), 0.05, 0.6)
    hertz = rng.uniform(0.2, 0.33)
    breath = np.sin(2 * np.pi * hertz * np.arange(num_frames) / FPS)
    motion[:, COLUMN['bend']] -= 0.8 * breath
    for side in ('left', 'right'):
        motion[:, COLUMN[f'{side}_shrug']] = 2.0 * breath
    return motion


class _Composer:
    """Writes programs into one pose curve, one after the other."""

    def __init__(
        self,
        rng: Generator,
        style: Style,
        body: Body,
        num_frames: int,
        seated: bool,
    ) -> None:
        self.rng, self.style, self.body = rng, style, body
        self.num_frames = num_frames
        self.rest = postures(style, rng)
        # Programs may run past the end; the pose is cut there.
        self.pose = np.repeat(
            self.rest[int(seated)][None], num_frames + 600, axis=0
        )
        self.pose += idle_motion(rng, len(self.pose), style)
        self.state = _State(0, seated, 0.0, np.zeros(2))

    def left_led(self) -> bool:
        return self.rng.random() < self.style.left_handed

    def add(self, make: Maker, steer: bool = False) -> tuple[int, int]:
        """Perform a program now; returns its half-open span of frames."""
        program = make(self.rng, self.style, self.body)
        flip, state = self.left_led(), self.state
        start = state.frame
        end = start + len(program.weight)
        if flip and program.yaw is not None:
            program.yaw = -program.yaw
        if steer:
            _steer(program, state, self.rng)
        below = self.pose[start:end]
        if program.progress is not None:
            change = self.rest[int(program.seated)]
            change = change - self.rest[int(state.seated)]
            below += program.progress[:, None] * change
            self.pose[end:] += change
            state.seated = program.seated
        if flip:
            below = mirror_pose(below)
        for name, curve in program.curves.items():
            column = COLUMN[name]
            below[:, column] += program.weight * (curve - below[:, column])
        for name, curve in program.offsets.items():
            below[:, COLUMN[name]] += curve
        self.pose[start:end] = mirror_pose(below) if flip else below
        if program.yaw is not None:
            self.pose[start:end, COLUMN['yaw']] += program.yaw
            self.pose[end:, COLUMN['yaw']] += program.yaw[-1]
            state.heading += float(program.yaw[-1])
        state.frame = end
        first, last = program.span
        return start + first, start + last

    def wait(self, seconds: float) -> None:
        """Stay idle."""
        self.state.frame += round(seconds * FPS)

    def gesture(self) -> None:
        """Do something that is no action."""
        choices = SEATED_GESTURES if self.state.seated else STANDING_GESTURES
        self.add(choices[self.rng.integers(len(choices))])

    def act(self, name: str) -> tuple[int, int]:
        """Perform an action."""
        return self.add(ACTIONS[name], steer=name == 'walk')


def _next_action(deck: list[str], seated: bool) -> str | None:
    """Take the first action of the deck that the posture allows."""
    for position, name in enumerate(deck):
        allowed = (
            name in SEATED_ACTIONS or name == 'stand up'
            if seated
            else name != 'stand up'
        )
        if allowed:
            return deck.pop(position)
    return None


def compose_take(
    rng: Generator,
    style: Style,
    body: Body,
    num_frames: int,
    first_action: str | None = None,
    active: bool = True,
) -> Take:
    """Compose an untrimmed performance."""
    seated = bool(rng.random() < 0.12)
    if first_action is not None and first_action not in SEATED_ACTIONS:
        seated = first_action == 'stand up'
    composer = _Composer(rng, style, body, num_frames, seated)
    deck = [] if first_action is None else [first_action]
    segments, labels = [], []
    composer.wait(rng.uniform(0.1, 1.2))
    while composer.state.frame < num_frames - 10:
        if rng.random() < (0.5 if active else 0.8):
            composer.wait(rng.uniform(0, 0.4))
            composer.gesture()
        composer.wait(rng.uniform(0, 0.9) if active else rng.uniform(0.3, 3))
        if composer.state.frame >= num_frames - 10 or not active:
            continue
        name = _next_action(deck, composer.state.seated)
        while name is None:
            deck += rng.permutation(CLASSES).tolist()
            name = _next_action(deck, composer.state.seated)
        start, end = composer.act(name)
        if min(end, num_frames) - start >= 10:
            segments.append((start, min(end, num_frames)))
            labels.append(CLASSES.index(name))
    pose = _smooth(composer.pose[:num_frames])
    return Take(
        forward_kinematics(body, pose, FPS),
        np.array(segments, np.int64).reshape(-1, 2),
        np.array(labels, np.int64),
    )


def compose_clip(
    rng: Generator, style: Style, body: Body, action: str, min_frames: int = 48
) -> Take:
    """Compose a trimmed performance of one action."""
    seated = action == 'stand up' or (
        action in SEATED_ACTIONS and rng.random() < 0.25
    )
    composer = _Composer(rng, style, body, 600, seated)
    composer.wait(1.0)
    start, end = composer.act(action)
    before, after = rng.integers(0, 16, 2)
    after = max(int(after), min_frames - (end - start) - int(before))
    first, last = start - int(before), end + after
    joints = forward_kinematics(body, _smooth(composer.pose[:last]), FPS)
    return Take(
        joints[first:],
        np.array([[start - first, end - first]], np.int64),
        np.array([CLASSES.index(action)], np.int64),
    )
