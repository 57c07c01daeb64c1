"""Pictures show the numbers they are of, and no text lies on another."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.evaluation import (
    analyze_sensitivity,
    diagnose_errors,
    measure_truth,
    precision_recall_curves,
)
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.io.inspect import inspect_annotation
from mmsnip.visualization import (
    Embedding,
    draw_class_ap,
    draw_confusion,
    draw_diagnosis,
    draw_embeddings,
    draw_errors,
    draw_precision_recall,
    draw_sensitivity,
    draw_training_curves,
)
from mmsnip.visualization.inspection import (
    draw_class_histogram,
    draw_example_poses,
    draw_example_timelines,
    draw_inspection,
    draw_joint_overview,
    draw_length_histogram,
)
from mmsnip.visualization.training import read_scalars
from tests.evaluation.test_diagnosis import FOUND, TRUTH, random_case
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


def sensitivity(bins='quantile', num_measures=0):
    found, truth = random_case(2)
    measured = measure_truth(truth, dict.fromkeys(truth, 130), 10.0)
    if num_measures:
        values = np.arange(float(sum(map(len, truth.values()))))
        measured = {f'measure {i}': values for i in range(num_measures)}
    return analyze_sensitivity(found, truth, measured, 3, bins=bins)


def counts(num_classes):
    splits = {
        s: RNG.integers(0, 900, (num_classes, 3)) for s in ('train', 'val')
    }
    return {**splits, 'all': splits['train'] + splits['val']}


def lengths(num_classes):
    seconds = [RNG.uniform(0.5, 40, n + 1) for n in range(num_classes)]
    videos = dict(train=RNG.uniform(9, 60, 70), val=RNG.uniform(9, 60, 30))
    return draw_length_histogram(names(num_classes), seconds, videos)


def video(frames=90, actions=((0, 5, 30), (1, 40, 80)), jumps=(), nobody=()):
    away = np.zeros(frames, bool)
    away[list(nobody)] = True
    actions = np.array(actions, dtype=np.int64)
    jumps = np.array(jumps, dtype=np.int64)
    return dict(
        frames=frames, fps=30.0, actions=actions, jumps=jumps, nobody=away
    )


def timelines():
    videos = {
        f'video_with_a_rather_long_name_{n}': video(
            900,
            [(c, 50 * i, 50 * i + 45) for i, c in enumerate(range(n, 51, 4))],
        )
        for n in range(4)
    }
    return draw_example_timelines(videos, names(51))


def joints():
    ranges = np.sort(RNG.normal(size=(5, 33, 3)), axis=0)
    given = RNG.random(33), RNG.random(33), names(33)
    return draw_joint_overview(
        ranges, *given, {'teleports': 41, 'gaps': 3}, 60
    )


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
    'bins': lambda: draw_sensitivity(sensitivity('activitynet')),
    'two rows of bins': lambda: draw_sensitivity(sensitivity(num_measures=5)),
    'maps': lambda: draw_embeddings([embedding(61, 600)] * 3, names(60)),
    **{
        f'classes {n}': lambda n=n: draw_class_histogram(names(n), counts(n))
        for n in (4, 51, 300)
    },
    'lengths 3': lambda: lengths(3),
    'lengths 51': lambda: lengths(51),
    'timelines': timelines,
    'joints': joints,
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


@pytest.mark.parametrize('bins', ['quantile', 'activitynet', 'thumos14'])
def test_a_bin_has_a_bar_of_each_score(bins):
    report = sensitivity(bins)
    figure = draw_sensitivity(report)
    for part in report.parts:
        (ax,) = axes_of(figure, part.name)
        heights = np.array([bar.get_height() for bar in ax.patches])
        expected = 100 * np.nan_to_num([part.mean_ap, part.recall])
        np.testing.assert_allclose(heights, expected.ravel())
        ticks = [text.get_text() for text in ax.get_xticklabels()]
        assert [int(t.split('n=')[1]) for t in ticks] == part.counts.tolist()


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
    figure = draw_diagnosis(scores, truth, CLASSES, 10.0, settings)['class_ap']
    (ax,) = axes_of(figure, 'bars')
    widths = {bar.get_gid(): bar.get_width() for bar in ax.patches}
    levels = ('0.10', '0.20', '0.30', '0.40', '0.50')
    for index, name in enumerate(CLASSES):
        ap = [metrics[f'{proposals}/AP@{level}/{name}'] for level in levels]
        assert widths[f'class {index}'] == pytest.approx(100 * np.mean(ap))


def test_lengths_are_in_frames_where_no_rate_is_known():
    scores, truth = scored()
    for rates, label in ((None, 'length in frames'), ({'v1': 20.0}, 'length')):
        figure = draw_diagnosis(scores, truth, CLASSES, rates)['sensitivity']
        assert axes_of(figure, label)


def test_each_map_has_the_points_of_each_class():
    part = embedding()

    (ax,) = axes_of(draw_embeddings([part], CLASSES), 'map')

    sizes = {c.get_gid(): len(c.get_offsets()) for c in ax.collections}
    expected = np.bincount(part.labels).tolist()
    assert [*sizes.values()][::-1] == expected
    assert [*sizes] == ['background', 'class 2', 'class 1', 'class 0']


def write_log(path, records, tail=''):
    lines = [json.dumps(record) for record in records]
    path.write_text('\n'.join(lines) + '\n' + tail, encoding='utf-8')
    return path


def test_training_curves_hold_the_numbers_of_the_log(tmp_path):
    records = []
    for epoch in (1, 2, 3):
        for it in (4 * epoch - 2, 4 * epoch):
            step = dict(lr=0.1, time=0.2, iter=it, step=it, epoch=epoch)
            records.append(dict(step, loss=5.0 / it, loss_snippet=1.0 / it))
        val = {'babel/mAP@0.50': 0.1 * epoch, 'babel/AP@0.50/walk': 0.5}
        records.append(dict(val, time=0.1, step=epoch))
    path = write_log(
        tmp_path / 'scalars.json', records, tail='{"lr": 0.1, "lo'
    )

    panels = draw_training_curves(path).axes

    loss, rates, val = ({n.get_gid(): n for n in ax.lines} for ax in panels)
    assert loss['loss'].get_xdata().tolist() == [2, 4, 6, 8, 10, 12]
    ratio = loss['loss'].get_ydata() * loss['loss'].get_xdata()
    np.testing.assert_allclose(ratio, 5.0)
    assert [*rates] == ['lr']
    # validation stands at the last iteration of its epoch
    assert [*val] == ['babel/mAP@0.50']
    assert val['babel/mAP@0.50'].get_xdata().tolist() == [4, 8, 12]


def test_a_resumed_run_replaces_its_repeated_iterations(tmp_path):
    records = [dict(iter=i, loss=x) for i, x in ((1, 9.0), (2, 8.0), (2, 7.0))]

    steps, values = read_scalars(write_log(tmp_path / 'a.json', records))[0][
        'loss'
    ]

    assert (steps.tolist(), values.tolist()) == ([1, 2], [9, 7])


@pytest.mark.parametrize('flat', [False, True])
def test_a_file_gets_five_pictures(tmp_path, flat):
    data = file_of()
    if flat:
        data['metainfo'] = {}
        for entry in data['annotations']:
            entry['keypoint'] = entry['keypoint'][..., :2] * 200
            entry['keypoint'][0, 4:9, 1] = 0

    paths = draw_inspection(
        inspect_annotation(data), data['annotations'], tmp_path / 'new'
    )

    kinds = ['classes', 'lengths', 'timelines', 'poses', 'joints']
    assert [path.stem for path in paths] == kinds
    assert all(path.stat().st_size > 2000 for path in paths)


def test_jumps_and_absence_are_marked():
    videos = dict(v=video(90, jumps=[30, 60], nobody=range(45, 60)))

    (ax,) = axes_of(
        draw_example_timelines(videos, ['wave', 'bow']), 'segments'
    )

    marks = {line.get_label(): line.get_xdata() for line in ax.lines}
    assert list(marks['jump']) == [1.0, 2.0]
    assert list(marks['nobody']) == [1.5, 2.0]


@pytest.mark.parametrize(
    ('draw', 'match'),
    [
        (lambda: draw_class_histogram([], {}), 'no class'),
        (lambda: draw_length_histogram([], [], dict(all=[])), 'no video'),
        (lambda: draw_example_timelines({}, []), 'no video'),
        (lambda: draw_example_poses([]), 'no pose'),
        (lambda: draw_diagnosis({}, {}), 'no video to diagnose'),
        (lambda: draw_diagnosis(scored()[0], {}), 'no counterpart'),
        (lambda: draw_confusion(np.zeros((2, 2)), names(2)), 'a row'),
        (lambda: draw_precision_recall([], ['x']), '1 names for 0 curves'),
        (
            lambda: draw_class_ap(np.zeros((2, 2)), [0.5], names(2), [1, 1]),
            'one AP',
        ),
        (
            lambda: draw_sensitivity(analyze_sensitivity({}, {}, {}, 1)),
            'no characteristic',
        ),
        (lambda: draw_embeddings([], CLASSES), '0 embeddings given'),
        (lambda: draw_embeddings([embedding()], CLASSES[:2]), 'labels range'),
        (
            lambda: draw_embeddings([embedding()], CLASSES, 'ica'),
            "method='ica' is unknown",
        ),
    ],
)
def test_what_does_not_fit_is_refused(draw, match):
    with pytest.raises(ValueError, match=match):
        draw()
