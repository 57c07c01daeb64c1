"""Which bodies of an NTU RGB+D recording are its actors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ['Body', 'body_motion', 'noisy_frames', 'select_bodies']

MIN_FRAMES = 12  # a body seen in fewer is noise
MAX_SPREAD = 0.8  # x extent over y extent of a plausible frame
MAX_NOISE = 0.69754  # share of implausible frames from which a body is noise
MOTION_RANGE = (0.089925, 2.0)  # m^2, of a body beside the main actor


@dataclass
class Body:
    """One tracked body.

    Args:
        track_id (str): The sensor's id.
        frames (np.ndarray): Frames that list it, ascending, (F,) int64.
        values (np.ndarray): Its joints there, (F, V, C) float32; the first
            three channels are x, y, z in metres.
    """

    track_id: str
    frames: np.ndarray
    values: np.ndarray

    @property
    def joints(self) -> np.ndarray:
        """Positions, (F, V, 3)."""
        return self.values[..., :3]


def body_motion(joints: np.ndarray) -> float:
    """Amount of motion: variance over frames and joints, summed over x y z.

    Args:
        joints (np.ndarray): Positions, (F, V, 3).

    Returns:
        float: In squared units; 0 for no frame.

    Source:
        FAQ of shahroudy/NTURGB-D: how the main actor was chosen.
    """
    if not len(joints):
        return 0.0
    points = joints.reshape(-1, 3).astype(np.float64)
    return float(points.var(axis=0).sum())


def noisy_frames(joints: np.ndarray) -> np.ndarray:
    """Frames where a body is too wide to stand, as tables and seats are.

    Args:
        joints (np.ndarray): Positions, (F, V, 3).

    Returns:
        np.ndarray: Whether the x extent exceeds 0.8 of the y extent, (F,)
        bool.
    """
    extent = np.ptp(joints[..., :2], axis=1)  # (F, 2)
    return extent[:, 0] > MAX_SPREAD * extent[:, 1]


def select_bodies(
    bodies: list[Body], max_persons: int = 2, *, motion_rule: bool = False
) -> tuple[list[list[Body]], list[str]]:
    """Actors among the bodies that the sensor saw.

    A single body is kept as it is. Of several:

    1. length: a body that is listed in 11 frames or fewer is dropped;
    2. spread: in order of appearance and as long as more than one is left,
       a body is dropped if at least 69.754 % of its frames are
       `noisy_frames`; if fewer are, its motion becomes the lesser of that
       of all and of its other frames;
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
    kept = _by_length(bodies, mended)
    kept, motions = _by_spread(kept, mended)
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


def _by_length(bodies: list[Body], mended: list[str]) -> list[Body]:
    kept = [body for body in bodies if len(body.frames) >= MIN_FRAMES]
    if not kept:
        kept = [max(bodies, key=lambda body: len(body.frames))]
    names = {body.track_id for body in kept}
    mended.extend(
        f'body {body.track_id} is left out: it is listed in '
        f'{len(body.frames)} frames, fewer than {MIN_FRAMES}'
        for body in bodies
        if body.track_id not in names
    )
    return kept


def _by_spread(
    bodies: list[Body], mended: list[str]
) -> tuple[list[Body], list[float]]:
    kept, motions = [], []
    for n, body in enumerate(bodies):
        joints = body.joints
        motion = body_motion(joints)
        noisy = noisy_frames(joints)
        share = noisy.mean()
        alone = not kept and n == len(bodies) - 1
        if not alone and share >= MAX_NOISE:
            mended.append(
                f'body {body.track_id} is left out: it is wider than a '
                f'person in {share:.0%} of its frames'
            )
            continue
        if not alone and noisy.any():
            motion = min(motion, body_motion(joints[~noisy]))
        kept.append(body)
        motions.append(motion)
    return kept, motions


def _apart(person: list[Body], body: Body) -> bool:
    """Whether the time spans share at most one frame."""
    first = min(int(own.frames[0]) for own in person)
    last = max(int(own.frames[-1]) for own in person)
    shared = min(last, int(body.frames[-1])) - max(first, int(body.frames[0]))
    return shared <= 0
