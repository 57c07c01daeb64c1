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


def read_by_arrays(path):
    """Two small arrays a joint, xyz and colour; {id: {frame: xyz}}.

    The manner of the preparation that CTR-GCN and SGN use.
    """
    with open(path) as stream:
        lines = stream.readlines()
    num_frames = int(lines[0])
    at = 1
    tracks = {}
    for t in range(num_frames):
        num_bodies = int(lines[at])
        at += 1
        for _ in range(num_bodies):
            body_id = lines[at].split()[0]
            num_joints = int(lines[at + 1])
            at += 2
            xyz = np.zeros((25, 3), np.float32)
            colour = np.zeros((25, 2), np.float32)
            for v in range(num_joints):
                words = lines[at].split()
                xyz[v] = np.array(words[:3], dtype=np.float32)
                colour[v] = np.array(words[5:7], dtype=np.float32)
                at += 1
            tracks.setdefault(body_id, {}).setdefault(t, xyz)
    return num_frames, tracks


def dense(num_frames, tracks):
    """(M, T, 25, 3) in order of appearance, zeros where absent."""
    out = np.zeros((len(tracks), num_frames, 25, 3), np.float32)
    for m, frames in enumerate(tracks.values()):
        for t, xyz in frames.items():
            out[m, t] = xyz
    return out
