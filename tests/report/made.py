"""Results and annotations for the tests of the report."""

from __future__ import annotations

import base64
import zlib

import numpy as np

from mmsnip.io.annotation import save_annotation
from mmsnip.io.scores import save_scores
from mmsnip.synthesis import synthesize_untrimmed

RULES = dict(protocol='voc', proposals={'runs': {}}, convention='clean')


def scores_of(video, num_classes, rng):
    """Probabilities that know the truth but for some faults."""
    T = video['total_frames']
    logits = rng.normal(0, 0.3, (T, num_classes + 1))
    logits[:, -1] += 3
    for (start, end), label in zip(video['segments'], video['segment_labels']):
        fault = rng.choice(
            ['none', 'miss', 'class', 'late', 'gap'],
            p=[0.5, 0.12, 0.14, 0.12, 0.12],
        )
        if fault == 'miss':
            continue
        if fault == 'class':
            label = (label + 1) % num_classes
        if fault == 'late':
            start = end - max((end - start) // 4, 2)
        logits[start:end, label] += 6
        if fault == 'gap':
            middle = (start + end) // 2
            logits[middle - 6 : middle + 6, label] -= 6
    for start in rng.integers(0, T, 2):
        logits[start : start + 14, rng.integers(num_classes)] += 5
    kernel = np.ones(5) / 5
    smooth = np.apply_along_axis(np.convolve, 0, logits, kernel, 'same')
    odds = np.exp(smooth)
    return (odds / odds.sum(1, keepdims=True)).astype(np.float32)


def write_case(folder, num_videos=3, frames=(120, 240), rename=None, seed=0):
    """Annotation file and scores of synthetic videos; both paths."""
    data = synthesize_untrimmed(0, num_videos, seed, frames)
    classes = data['metainfo']['classes']
    if rename is not None:
        classes = data['metainfo']['classes'] = rename(list(classes))
    rng = np.random.default_rng(seed)
    videos = data['annotations']
    folder.mkdir(parents=True, exist_ok=True)
    save_annotation(folder / 'ann.pkl', data)
    save_scores(
        folder / 'scores.npz',
        {v['frame_dir']: scores_of(v, len(classes), rng) for v in videos},
        classes,
        {
            v['frame_dir']: np.column_stack(
                [v['segment_labels'], v['segments']]
            )
            for v in videos
        },
        {v['frame_dir']: 30.0 for v in videos},
        RULES,
    )
    return folder / 'ann.pkl', folder / 'scores.npz'


def unpack_poses(packed):
    """Inverse of `pack_poses`, but for the rounding; what the page does."""
    M, T, V = packed['shape']
    data = zlib.decompress(base64.b64decode(packed['data']), -15)
    count = M * V * 3 * T
    raw = np.frombuffer(data, np.uint8)
    planes = np.ascontiguousarray(raw[: 2 * count].reshape(2, count).T)
    steps = planes.view('<i2').reshape(M, V, 3, T)
    levels = steps.cumsum(-1).transpose(0, 3, 1, 2)
    mask = raw[2 * count :].reshape(M, T).astype(bool)
    return np.array(packed['origin']) + packed['step'] * levels, mask
