"""Line-by-line readers of ``.skeleton`` text, as plain as the field's."""

from __future__ import annotations

import numpy as np

INFO = ('id', 'clipped', 'lc', 'ls', 'rc', 'rs', 'restricted', 'lx', 'ly', 's')
JOINT = ('x', 'y', 'z', 'dx', 'dy', 'cx', 'cy', 'qw', 'qx', 'qy', 'qz', 's')


def read_by_dicts(path):
    """Every number a float in a dict, a dict a joint; {id: {frame: xyz}}.

    The manner of the ST-GCN line of preparations, with ids kept as text.
    """
    frames = []
    with open(path) as stream:
        for _ in range(int(stream.readline())):
            bodies = []
            for _ in range(int(stream.readline())):
                words = stream.readline().split()
                body = dict(zip(INFO, words))
                body['joints'] = []
                for _ in range(int(stream.readline())):
                    words = stream.readline().split()
                    joint = {k: float(w) for k, w in zip(JOINT, words)}
                    body['joints'].append(joint)
                bodies.append(body)
            frames.append(bodies)
    tracks = {}
    for t, bodies in enumerate(frames):
        for body in bodies:
            xyz = np.zeros((25, 3), np.float32)
            for v, joint in enumerate(body['joints']):
                xyz[v] = joint['x'], joint['y'], joint['z']
            tracks.setdefault(body['id'], {}).setdefault(t, xyz)
    return len(frames), tracks


def dense(num_frames, tracks):
    """(M, T, 25, 3) in order of appearance, zeros where absent."""
    out = np.zeros((len(tracks), num_frames, 25, 3), np.float32)
    for m, frames in enumerate(tracks.values()):
        for t, xyz in frames.items():
            out[m, t] = xyz
    return out
