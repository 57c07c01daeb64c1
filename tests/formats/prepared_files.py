"""Data sets in the files of other projects, with random joints."""

from __future__ import annotations

import pickle

import numpy as np

from mmsnip.io.formats.prepared import open_prepared

T, V = 13, 25


def bodies(seed, count, M=2):
    """Padded (count, M, T, V, 3); video n has n + 4 frames, odd ones 2
    bodies.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, M, T, V, 3)).astype(np.float32)
    for n in range(count):
        x[n, :, n + 4 :] = 0
        x[n, 1 + n % 2 :] = 0
    return x


def write_ctrgcn(path, compressed=False, **changed):
    """NTU60_CS.npz as CTR-GCN's seq_transformation.py writes it."""
    arrays = {}
    for seed, (part, count) in enumerate((('train', 4), ('test', 3))):
        x = bodies(seed, count)
        labels = (np.arange(count) * 7 + seed) % 60
        arrays[f'x_{part}'] = x.transpose(0, 2, 1, 3, 4).reshape(count, T, -1)
        arrays[f'y_{part}'] = np.eye(60)[labels]
    arrays.update(changed)
    arrays = {key: value for key, value in arrays.items() if value is not None}
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


def write_stgcn(folder, split='train', seed=0, count=4, M=2):
    """train_data_joint.npy and train_label.pkl as ntu_gendata.py does."""
    x = bodies(seed, count, M)
    path = folder / f'{split}_data_joint.npy'
    np.save(path, x.transpose(0, 4, 2, 3, 1))
    camera = 1 + seed
    names = [
        f'S001C00{camera}P001R001A{n + 1:03d}.skeleton' for n in range(count)
    ]
    with (folder / f'{split}_label.pkl').open('wb') as file:
        pickle.dump((names, list(range(count))), file)
    return path, x


def babel_subset(seed=0):
    """Content of train_split1.pkl; 3 sequences."""
    rng = np.random.default_rng(seed)
    frames = [
        np.array([4, 4, 0, 0, 0, 1, 1]),
        np.array([2, 2, 2, 2, 2]),
        np.array([3, 4, 3, 4, 0, 0, 4, 4, 1, 1, 1]),
    ]
    arrays = [rng.normal(size=(3, len(f), V, 1)) for f in frames]
    for array in arrays:
        array[:, :, 1] = 0  # joint 1 is the origin
    return dict(
        sid=[11, 12, 13],
        X=arrays,
        Y=[sorted(set(f.tolist()) - {4}) for f in frames],
        L=frames,
    )


def write_pickle(path, content):
    with path.open('wb') as file:
        pickle.dump(content, file)
    return path


def read_prepared(path):
    """A prepared data set as an annotation."""
    prepared = open_prepared(path)
    return dict(
        metainfo=dict(prepared.metainfo),
        split=dict(prepared.splits),
        annotations=[prepared.entry(n) for n in range(len(prepared.names))],
    )
