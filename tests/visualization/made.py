"""Bodies, scores and looks at figures for the tests of pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.text import Text


def axes_of(figure, label):
    return [ax for ax in figure.axes if ax.get_label() == label]


def soft_scores(T, num_classes, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.random((T, num_classes + 1))
    return scores / scores.sum(1, keepdims=True)


def moving_body(M, T, V=5, C=3, seed=0):
    rng = np.random.default_rng(seed)
    body = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 1], [-1, 0, 1]])
    return body[:V, :C] + 0.1 * rng.normal(size=(M, T, V, C)) + 3.0


def texts_overlap(figure):
    """Pairs of visible texts whose boxes meet."""
    figure.canvas.draw()
    hidden = {
        text
        for ax in figure.axes
        if not ax.axison
        for axis in (ax.xaxis, ax.yaxis)
        for text in axis.findobj(Text)
    }
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text() and text not in hidden
    ]
    assert len(boxes) > 10
    return [
        (a, b)
        for i, (a, box) in enumerate(boxes)
        for b, other in boxes[i + 1 :]
        if min(box.x1, other.x1) - max(box.x0, other.x0) > 1
        and min(box.y1, other.y1) - max(box.y0, other.y0) > 1
    ]


CLASSES = ['walk', 'cost $5 or $7', '_hidden']
PARENTS = [-1, 0, 1, 1, 1]
NAMES = ['Hips', 'Spine', 'Head', 'Hand_L', 'Hand_R']
PICTURES = ['class_ap', 'confusion', 'errors', 'precision_recall']


def scored(num_classes=3, lengths=(53, 41, 67), seed=0):
    """Probabilities that know the truth, more or less."""
    rng = np.random.default_rng(seed)
    scores, truth = {}, {}
    for place, T in enumerate(lengths):
        rows = [
            [(place + n) % num_classes, start, start + 8 + n]
            for n, start in enumerate(range(2, T - 14, 16))
        ]
        logits = rng.normal(size=(T, num_classes + 1))
        logits[:, -1] += 1.5
        for label, start, end in rows:
            logits[start:end, label] += 3
        odds = np.exp(logits)
        scores[f'v{place}'] = odds / odds.sum(axis=1, keepdims=True)
        truth[f'v{place}'] = np.array(rows)
    return scores, truth
