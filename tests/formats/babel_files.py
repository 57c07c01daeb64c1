"""BABEL json, AMASS files and an SMPL-H model, to the published layout."""

from __future__ import annotations

import json

import numpy as np

PARENTS_OF_52 = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18),
    *(19, 20, 22, 23, 20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35),
    *(21, 37, 38, 21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50),
)


def entry(sid, feat_p, dur, rows, dense=True):
    """A sequence; rows of (start, end, act_cat)."""
    labels = [
        dict(
            raw_label=str(act_cat),
            proc_label='some words',
            seg_id=f'seg-{n}',
            act_cat=act_cat,
            **(dict(start_t=start, end_t=end) if dense else {}),
        )
        for n, (start, end, act_cat) in enumerate(rows)
    ]
    annotation = dict(babel_lid='b', anntr_id='a', mul_act=True, labels=labels)
    whole = dict(annotation, labels=labels[:1])
    return dict(
        babel_sid=int(sid) if sid.isdigit() else sid,
        url=f'host/{sid}.mp4',
        feat_p=feat_p,
        dur=dur,
        seq_ann=whole,
        frame_ann=annotation if dense else None,
    )


def write_json(path, *entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {str(one['babel_sid']): one for one in entries}
    path.write_text(json.dumps(content))
    return path


def write_motion(path, T=13, fps=120.0, seed=0, **changed):
    """An AMASS .npz of SMPL+H."""
    rng = np.random.default_rng(seed)
    arrays = dict(
        trans=rng.normal(size=(T, 3)),
        gender=np.array('male'),
        mocap_framerate=np.array(fps),
        betas=rng.normal(size=16),
        dmpls=rng.normal(size=(T, 8)),
        poses=rng.normal(scale=0.3, size=(T, 156)),
    )
    arrays.update(changed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def smplh_arrays(seed=0, num_vertices=6890):
    """A model of random numbers with the sizes of SMPL-H."""
    rng = np.random.default_rng(seed)
    weights = rng.random((num_vertices, 52)) ** 8
    regressor = np.zeros((52, num_vertices))
    for row in regressor:
        row[rng.integers(num_vertices, size=7)] = 1 / 7
    return dict(
        v_template=rng.normal(size=(num_vertices, 3)),
        shapedirs=0.1 * rng.normal(size=(num_vertices, 3, 16)),
        posedirs=0.01 * rng.normal(size=(num_vertices, 3, 459)),
        J_regressor=regressor,
        weights=weights / weights.sum(axis=1, keepdims=True),
        kintree_table=np.array([PARENTS_OF_52, range(52)]).astype(np.int64),
        f=np.zeros((1, 3), np.uint32),
        hands_meanl=0.2 * rng.normal(size=45),
        hands_meanr=0.2 * rng.normal(size=45),
        hands_componentsl=np.eye(45),
        hands_componentsr=np.eye(45),
    )


def stand_in_body(poses):
    """73 joints that tell frame and joint: pose number 3j at joint j."""
    joints = np.zeros((len(poses), 73, 3), np.float32)
    joints[:, :52] = poses.reshape(len(poses), 52, 3)
    joints[:, 52:] = np.arange(52, 73)[:, None] + poses[:, :1, None]
    return joints
