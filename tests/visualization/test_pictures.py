"""Pictures show the numbers they are of, and no text lies on another."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import diagnose_errors
from mmsnip.evaluation.diagnosis import precision_recall_curves
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.io.inspect import inspect_annotation
from mmsnip.visualization import draw_diagnosis
from mmsnip.visualization.diagnosis import (
    draw_class_ap,
    draw_confusion,
    draw_errors,
    draw_precision_recall,
)
from mmsnip.visualization.hooks import Embedding, draw_embeddings
from mmsnip.visualization.timeline import draw_inspection
from tests.evaluation.test_diagnosis import FOUND, TRUTH
from tests.io.test_inspect import file_of
from tests.visualization.made import CLASSES, axes_of, scored, texts_overlap

RNG = np.random.default_rng(0)


def names(num_classes):
    return [f'raise up both hands ${i}' for i in range(num_classes)]


def embedding(num_labels=4, size=47):
    labels = RNG.integers(0, num_labels, size)
    features = 4 * np.eye(num_labels, 6)[labels] + RNG.normal(size=(size, 6))
    return Embedding('before', features, labels, np.arange(size) % 5)


def curves_of(num_classes):
    rows = [[c, 10 * c, 10 * c + 9] for c in range(num_classes)]
    half = [[*row, 1 - row[0] / 90] for row in rows[: num_classes // 2]]
    truth, found = {'a': np.array(rows)}, {'a': np.array(half)}
    return precision_recall_curves(found, truth, num_classes)


FIGURES = {
    **{
        f'confusion {n}': lambda n=n: draw_confusion(
            RNG.integers(0, 90_000, (n + 1, n + 1)), names(n)
        )
        for n in (1, 8, 19, 60)
    },
    'curves 60': lambda: draw_precision_recall(curves_of(60), names(60)),
    'ap 60': lambda: draw_class_ap(
        RNG.random((2, 60)), [0.1, 0.5], names(60), range(60)
    ),
    'errors': lambda: draw_errors(diagnose_errors(FOUND, TRUTH, 2)),
    'no errors': lambda: draw_errors(diagnose_errors({}, TRUTH, 2)),
    'maps': lambda: draw_embeddings([embedding(61, 600)] * 2, names(60)),
}


@pytest.mark.parametrize('kind', FIGURES)
def test_no_text_lies_on_another(kind):
    assert texts_overlap(FIGURES[kind]()) == []


def test_curves_go_through_the_points_of_highest_precision():
    truth = {'a': np.array([[0, 0, 10], [0, 20, 30], [1, 40, 50]])}
    found = {
        'a': np.array([[0, 20, 30, 0.9], [0, 50, 60, 0.8], [0, 0, 10, 0.7]])
    }
    curves = precision_recall_curves(found, truth, 3)

    (ax,) = axes_of(draw_precision_recall(curves, CLASSES), 'curves')

    lines = {line.get_gid(): line.get_xydata() for line in ax.lines}
    assert 'class 2' not in lines
    expected = [[0, 1], [0.5, 1], [1, 2 / 3]]
    np.testing.assert_allclose(lines['class 0'], expected)
    assert lines['class 1'].tolist() == [[0, 0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        'walk  83.3  (n = 2)',
        'cost $5 or $7  0.0  (n = 1)',
        'mean of classes  41.7  (n = 3)',
    ]


def test_of_many_classes_the_best_and_worst_six_are_drawn():
    (ax,) = axes_of(FIGURES['curves 60'](), 'curves')

    drawn = {line.get_gid() for line in ax.lines} - {'mean', 'end'}

    assert len(drawn) == 12
    assert {'class 30', 'class 29'} <= drawn


def test_bars_are_means_and_marks_are_thresholds():
    ap = np.array([[0.4, 0.9, np.nan], [0.2, 0.5, np.nan]])

    (ax,) = axes_of(draw_class_ap(ap, [0.3, 0.5], CLASSES, [4, 7, 0]), 'bars')

    widths = {bar.get_gid(): bar.get_width() for bar in ax.patches}
    expected = {'class 1': 70, 'class 0': 30, 'class 2': 0}
    assert widths == pytest.approx(expected)
    marks = [line for line in ax.lines if line.get_gid() == 'marks']
    np.testing.assert_allclose(marks[0].get_xdata(), [90, 50])
    beside = ax.child_axes[0].get_yticklabels()
    notes = [text.get_text().strip() for text in beside]
    assert notes == ['70.0  n = 7', '30.0  n = 4', 'no ground truth']


def test_stacks_are_shares_of_kinds_and_gains_are_points():
    report = diagnose_errors(FOUND, TRUTH, 2, num_groups=3)

    profile, gains = draw_errors(report).axes

    heights = np.array([bar.get_height() for bar in profile.patches])
    np.testing.assert_allclose(heights.reshape(6, 3).T, 100 * report.shares)
    heights = [bar.get_height() for bar in gains.patches]
    np.testing.assert_allclose(heights, 100 * report.gains)


def test_cells_are_shares_of_the_true_class_with_counts():
    counts = np.array([[30, 10, 0, 0], [0, 0, 0, 0], [1, 0, 199, 0]])
    counts = np.vstack([counts, [2500, 0, 0, 7500]])

    (ax,) = axes_of(draw_confusion(counts, CLASSES), 'matrix')

    cells = {
        (text.get_gid(), *np.rint(text.get_position()[::-1])): text.get_text()
        for text in ax.texts
    }
    assert cells['share', 0, 0] == '75'
    assert cells['share', 2, 0] == '<1'
    assert cells['count', 3, 0] == '2.5k'
    assert ('share', 1, 1) not in cells
    sums = [text.get_text() for text in ax.child_axes[0].get_yticklabels()]
    assert sums == ['40', '0', '200', '10,000']


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('proposals', ['sweep', 'runs'])
def test_ap_in_the_pictures_is_that_of_the_metric(convention, proposals):
    scores, truth = scored()
    settings = dict(
        protocol='babel', proposals=[proposals], convention=convention
    )
    metrics, _ = evaluate_scores(scores, truth, CLASSES, **settings)
    figure = draw_diagnosis(scores, truth, CLASSES, settings)['class_ap']
    (ax,) = axes_of(figure, 'bars')
    widths = {bar.get_gid(): bar.get_width() for bar in ax.patches}
    levels = ('0.10', '0.20', '0.30', '0.40', '0.50')
    for index, name in enumerate(CLASSES):
        ap = [metrics[f'{proposals}/AP@{level}/{name}'] for level in levels]
        assert widths[f'class {index}'] == pytest.approx(100 * np.mean(ap))


def test_each_map_has_the_points_of_each_class():
    part = embedding()

    (ax,) = axes_of(draw_embeddings([part], CLASSES), 'map')

    sizes = {c.get_gid(): len(c.get_offsets()) for c in ax.collections}
    expected = np.bincount(part.labels).tolist()
    assert [*sizes.values()][::-1] == expected
    assert [*sizes] == ['background', 'class 2', 'class 1', 'class 0']


def test_inspection_draws_the_odd_videos_with_bodies(tmp_path):
    data = file_of()
    data['annotations'][3]['keypoint'][:, 5:] += 9.0  # a jump
    facts = inspect_annotation(data)

    paths = draw_inspection(facts, data['annotations'], tmp_path / 'new')

    odd = data['annotations'][3]['frame_dir']
    assert odd in facts['suspicious']
    assert odd in [path.stem for path in paths]
    assert len(paths) == min(8, len(data['annotations']))
    assert all(path.stat().st_size > 2000 for path in paths)


def test_a_file_of_unknown_bodies_without_labels_is_drawn(tmp_path):
    data = file_of()
    data['metainfo'] = {}
    for entry in data['annotations']:
        entry['keypoint'] = entry['keypoint'][..., :2] * 200
        del entry['segments'], entry['segment_labels']

    paths = draw_inspection(
        inspect_annotation(data), data['annotations'], tmp_path
    )

    assert paths


def test_scores_and_truth_must_be_of_the_same_videos():
    with pytest.raises(ValueError, match='no video to diagnose'):
        draw_diagnosis({}, {})
    with pytest.raises(ValueError, match='no counterpart'):
        draw_diagnosis(scored()[0], {})
