"""Writer of NTU RGB+D ``.skeleton`` text, to the published layout."""

from __future__ import annotations

import numpy as np

FIRST_ID = 72057594037931101  # beyond what float64 tells apart


def ntu_text(frames):
    """Text of frames, each a list of (body id, joints (25, 3))."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body_id, joints in bodies:
            lines.append(f'{body_id} 0 1 1 1 1 0 0.02764709 0.05745083 2')
            lines.append(str(len(joints)))
            lines += [
                f'{x:.7g} {y:.7g} {z:.7g} 277.419 191.8218 1036.233 519.1677 '
                f'-0.2059419 0.05349901 0.9692109 -0.1239193 2'
                for x, y, z in joints
            ]
    return '\n'.join(lines) + '\n'


def standing(rng, num_frames, x=0.0, motion=0.05):
    """Joints (T, 25, 3) of a body that is higher than wide, at ``x``."""
    body = rng.uniform(-1, 1, size=(25, 3)) * (0.2, 0.9, 0.2)
    body[:2, 1] = -0.9, 0.9  # its height is sure
    path = rng.normal(scale=motion, size=(num_frames, 1, 3))
    return (body + path + (x, 0, 3.0)).round(6)


def frames_of(tracks, num_frames):
    """Frames of tracks, each (body id, first frame, joints (F, 25, 3))."""
    return [
        [
            (body_id, joints[t - start])
            for body_id, start, joints in tracks
            if 0 <= t - start < len(joints)
        ]
        for t in range(num_frames)
    ]


def random_frames(rng, num_frames, num_ids):
    """Bodies that come, go and change places at random."""
    ids = [FIRST_ID + n for n in range(num_ids)]
    frames = []
    for _ in range(num_frames):
        present = rng.permutation(ids)[: rng.integers(0, num_ids + 1)]
        frames.append(
            [
                (int(body_id), rng.normal(size=(25, 3)).round(6))
                for body_id in present
            ]
        )
    if not any(frames):
        frames[0] = [(ids[0], np.ones((25, 3)))]
    return frames
