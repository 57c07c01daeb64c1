"""BVH text from a tree, and a slow forward kinematics to compare with."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

XYZ = 'Xposition Yposition Zposition'
ZXY = 'Zrotation Xrotation Yrotation'


def write_bvh(tree, rows, frames=None):
    """Text of (name, parent, offset, channels) nodes, parents first.

    A name of None is an End Site.
    """
    lines = ['HIERARCHY']

    def node(index, depth):
        name, parent, offset, channels = tree[index]
        pad = '\t' * depth
        kind = 'ROOT' if parent < 0 else 'JOINT'
        lines.append(pad + (f'{kind} {name}' if name else 'End Site'))
        lines.append(pad + '{')
        lines.append(pad + '\tOFFSET ' + ' '.join(map(repr, offset)))
        if name:
            words = channels.split()
            lines.append(pad + f'\tCHANNELS {len(words)} {channels}')
        for child, (_, above, _, _) in enumerate(tree):
            if above == index:
                node(child, depth + 1)
        lines.append(pad + '}')

    for index, (_, parent, _, _) in enumerate(tree):
        if parent < 0:
            node(index, 0)
    lines += [
        'MOTION',
        f'Frames: {len(rows) if frames is None else frames}',
        'Frame Time: 0.0333333',
    ]
    lines += [' '.join(map(repr, map(float, row))) for row in rows]
    return '\n'.join(lines) + '\n'


def slow_positions(tree, rows, add=()):
    """Joint by joint and frame by frame, with scipy's rotations.

    Nodes must stand in file order (depth first). Position channels replace
    the offset, except at the nodes of `add`.
    """
    positions = np.zeros((len(rows), len(tree), 3))
    for t, row in enumerate(rows):
        values = list(row)
        turned = []
        for v, (_, parent, offset, channels) in enumerate(tree):
            shift, rotation = np.array(offset, float), Rotation.identity()
            for channel in channels.lower().split():
                axis, value = 'xyz'.index(channel[0]), values.pop(0)
                if channel.endswith('rotation'):
                    step = Rotation.from_euler(channel[0], value, degrees=True)
                    rotation = rotation * step
                elif v in add:
                    shift[axis] += value
                else:
                    shift[axis] = value
            if parent >= 0:
                above = turned[parent]
                shift = positions[t, parent] + above.apply(shift)
                rotation = above * rotation
            positions[t, v] = shift
            turned.append(rotation)
    return positions
