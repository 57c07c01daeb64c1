"""Numbers behind the pictures of an evaluation, and what they show."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import (
    analyze_sensitivity,
    diagnose_errors,
    measure_truth,
    precision_recall_curves,
)
from mmsnip.evaluation.diagnosis import KINDS
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.visualization import (
    draw_class_ap,
    draw_confusion,
    draw_diagnosis,
    draw_errors,
    draw_precision_recall,
    draw_sensitivity,
    save_pictures,
)
from tests.evaluation.test_diagnosis import FOUND, TRUTH, random_case
from tests.visualization.made import (
    CLASSES,
    PICTURES,
    axes_of,
    scored,
    texts_overlap,
)


def gids(ax, kind):
    return [artist.get_gid() for artist in getattr(ax, kind)]


def test_curves_go_through_the_points_of_highest_precision():
    truth = {'a': np.array([[0, 0, 10], [0, 20, 30], [1, 40, 50]])}
    found = {
        'a': np.array([[0, 20, 30, 0.9], [0, 50, 60, 0.8], [0, 0, 10, 0.7]])
    }
    curves = precision_recall_curves(found, truth, 3)
    figure = draw_precision_recall(curves, CLASSES)
    (ax,) = axes_of(figure, 'curves')
    lines = {line.get_gid(): line for line in ax.lines}
    assert {'class 0', 'class 1', 'mean'} <= set(lines)
    assert 'class 2' not in lines
    np.testing.assert_allclose(
        lines['class 0'].get_xydata(), [[0, 1], [0.5, 1], [1, 2 / 3]]
    )
    assert lines['class 1'].get_xydata().tolist() == [[0, 0]]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [
        'walk  83.3  (n = 2)',
        'cost $5 or $7  0.0  (n = 1)',
        'mean of classes  41.7  (n = 3)',
    ]


def test_of_many_classes_the_best_and_worst_six_are_drawn():
    truth = {'a': np.array([[c, 10 * c, 10 * c + 9] for c in range(60)])}
    found = {
        'a': np.array([[c, 10 * c, 10 * c + 9, 1 - c / 90] for c in range(30)])
    }
    curves = precision_recall_curves(found, truth, 60)
    names = [f'a class with a long name {c}' for c in range(60)]
    figure = draw_precision_recall(curves, names)
    (ax,) = axes_of(figure, 'curves')
    drawn = [gid for gid in gids(ax, 'lines') if gid.startswith('class')]
    assert len(drawn) == 12
    assert {'class 30', 'class 29'} <= set(drawn)
    assert not texts_overlap(figure)


def test_bars_are_means_and_marks_are_thresholds():
    ap = np.array([[0.4, 0.9, np.nan], [0.2, 0.5, np.nan]])
    figure = draw_class_ap(ap, [0.3, 0.5], CLASSES, [4, 7, 0])
    (ax,) = axes_of(figure, 'bars')
    widths = {bar.get_gid(): bar.get_width() for bar in ax.patches}
    assert widths == pytest.approx(
        {'class 1': 70, 'class 0': 30, 'class 2': 0}
    )
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ['cost $5 or $7', 'walk', '_hidden']
    marks = [line for line in ax.lines if line.get_gid() == 'marks']
    np.testing.assert_allclose(marks[0].get_xdata(), [90, 50])
    (beside,) = ax.child_axes
    notes = [text.get_text().strip() for text in beside.get_yticklabels()]
    assert notes == ['70.0  n = 7', '30.0  n = 4', 'no ground truth']
    assert not texts_overlap(figure)


def test_stacks_are_shares_of_kinds_and_gains_are_points():
    report = diagnose_errors(FOUND, TRUTH, 2, num_groups=3)
    figure = draw_errors(report)
    (profile,) = axes_of(figure, 'profile')
    heights = np.array([bar.get_height() for bar in profile.patches])
    np.testing.assert_allclose(heights.reshape(6, 3).T, 100 * report.shares)
    assert gids(profile, 'patches')[::3] == list(KINDS)
    (gains,) = axes_of(figure, 'gains')
    np.testing.assert_allclose(
        [bar.get_height() for bar in gains.patches], 100 * report.gains
    )
    assert not texts_overlap(figure)


@pytest.mark.parametrize('bins', ['quantile', 'activitynet', 'thumos14'])
def test_a_bin_has_a_bar_of_each_score(bins):
    found, truth = random_case(2)
    measured = measure_truth(truth, dict.fromkeys(truth, 130), 10.0)
    report = analyze_sensitivity(found, truth, measured, 3, bins=bins)
    figure = draw_sensitivity(report)
    for part in report.parts:
        (ax,) = axes_of(figure, part.name)
        heights = {'mAP': [], 'recall': []}
        for bar in ax.patches:
            heights[bar.get_gid()].append(bar.get_height())
        np.testing.assert_allclose(
            heights['mAP'], 100 * np.nan_to_num(part.mean_ap)
        )
        np.testing.assert_allclose(
            heights['recall'], 100 * np.nan_to_num(part.recall)
        )
        ticks = [text.get_text() for text in ax.get_xticklabels()]
        assert [t.split('n=')[1] for t in ticks] == [
            str(count) for count in part.counts
        ]
    assert not texts_overlap(figure)


def test_more_characteristics_go_to_the_next_row():
    found, truth = random_case(2)
    values = np.arange(float(sum(map(len, truth.values()))))
    measured = {f'measure {i}': values for i in range(5)}
    report = analyze_sensitivity(found, truth, measured, 3)
    figure = draw_sensitivity(report)
    assert not texts_overlap(figure)
    feet = {round(ax.get_window_extent().y0) for ax in figure.axes}
    assert len(feet) == 2


def test_cells_are_shares_of_the_true_class_with_counts():
    counts = np.array([[30, 10, 0, 0], [0, 0, 0, 0], [1, 0, 199, 0]])
    counts = np.vstack([counts, [2500, 0, 0, 7500]])
    figure = draw_confusion(counts, CLASSES)
    (ax,) = axes_of(figure, 'matrix')
    texts = {
        (gid, *text.get_position()): text.get_text()
        for text in ax.texts
        for gid in [text.get_gid()]
        if gid in ('share', 'count')
    }
    cells = {(g, round(y), round(x)): t for (g, x, y), t in texts.items()}
    assert cells['share', 0, 0] == '75'
    assert cells['share', 2, 0] == '<1'
    assert cells['count', 3, 0] == '2.5k'
    assert ('share', 1, 1) not in cells
    (beside,) = ax.child_axes
    sums = [text.get_text() for text in beside.get_yticklabels()]
    assert sums == ['40', '0', '200', '10,000']
    assert ax.images[0].get_array().mask[1].all()
    assert not texts_overlap(figure)


@pytest.mark.parametrize('num_classes', [1, 8, 19, 60])
def test_matrices_of_any_size_keep_their_texts_apart(num_classes):
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 90_000, (num_classes + 1, num_classes + 1))
    names = [f'raise up both hands {i}' for i in range(num_classes)]
    figure = draw_confusion(counts, names)
    (ax,) = axes_of(figure, 'matrix')
    shares = [t for t in ax.texts if t.get_gid() == 'share']
    assert bool(shares) == (num_classes < 60)
    assert not texts_overlap(figure)


def test_all_pictures_of_an_evaluation_are_written(tmp_path):
    scores, truth = scored()
    figures = draw_diagnosis(scores, truth, CLASSES, 10.0)
    assert sorted(figures) == PICTURES
    paths = save_pictures(figures, tmp_path / 'new', 'pdf')
    assert sorted(p.name for p in paths) == [f'{n}.pdf' for n in PICTURES]
    assert all(path.stat().st_size > 3000 for path in paths)


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('proposals', ['sweep', 'runs'])
def test_ap_in_the_pictures_is_that_of_the_metric(convention, proposals):
    scores, truth = scored()
    settings = dict(
        protocol='babel', proposals=[proposals], convention=convention
    )
    metrics, _ = evaluate_scores(scores, truth, CLASSES, **settings)
    figure = draw_diagnosis(scores, truth, CLASSES, 10.0, settings)['class_ap']
    (ax,) = axes_of(figure, 'bars')
    widths = {bar.get_gid(): bar.get_width() for bar in ax.patches}
    for index, name in enumerate(CLASSES):
        expected = np.mean(
            [
                metrics[f'{proposals}/AP@{level}/{name}']
                for level in ('0.10', '0.20', '0.30', '0.40', '0.50')
            ]
        )
        assert widths[f'class {index}'] == pytest.approx(100 * expected)


def test_lengths_are_in_frames_where_no_rate_is_known():
    scores, truth = scored()
    rates = dict.fromkeys(scores)
    figure = draw_diagnosis(scores, truth, CLASSES, rates)['sensitivity']
    assert axes_of(figure, 'length in frames')
    rates['v1'] = 20.0
    figure = draw_diagnosis(scores, truth, CLASSES, rates)['sensitivity']
    assert axes_of(figure, 'length')


def test_videos_without_actions_and_detections_are_drawn():
    quiet = np.tile([[0.0, 0, 1]], (23, 1))
    none = np.zeros((0, 3), dtype=int)
    figures = draw_diagnosis({'a': quiet}, {'a': none}, ['x', 'y'], 10.0)
    assert sorted(figures) == PICTURES
    for figure in figures.values():
        figure.canvas.draw()


def test_what_does_not_fit_is_refused():
    scores, truth = scored()
    with pytest.raises(ValueError, match='no video to diagnose'):
        draw_diagnosis({}, {})
    with pytest.raises(ValueError, match="video 'v2' has no counterpart"):
        draw_diagnosis(scores, {k: truth[k] for k in ('v0', 'v1')})
    with pytest.raises(ValueError, match=r'expected \(3, 3\), a row'):
        draw_confusion(np.zeros((2, 2)), ['x', 'y'])
    with pytest.raises(ValueError, match='classes has 1 names for 0 curves'):
        draw_precision_recall([], ['x'])
    with pytest.raises(ValueError, match=r'expected \(1, 2\), one AP'):
        draw_class_ap(np.zeros((2, 2)), [0.5], ['x', 'y'], [1, 1])
    report = analyze_sensitivity({}, {}, {}, 1)
    with pytest.raises(ValueError, match='no characteristic'):
        draw_sensitivity(report)
