from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from mmsnip.visualization import draw_timeline, figure_to_array
from mmsnip.visualization.palette import class_style

CLASSES = ['walk', 'stand up', 'cost $5 or $7', '_hidden']
TRUTH = np.array([[0, 0, 40], [1, 40, 90], [2, 120, 121], [3, 130, 200]])
FOUND = np.array(
    [[0, 2, 41, 0.9], [1, 45, 80, 0.8], [3, 60, 90, 0.4], [3, 150, 200, 0.7]]
)


def axes_of(figure, label):
    return [ax for ax in figure.axes if ax.get_label() == label]


def bars(figure, row):
    (ax,) = axes_of(figure, 'segments')
    return [patch for patch in ax.patches if patch.get_gid() == row]


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


def test_every_segment_is_one_bar_at_its_seconds():
    figure = draw_timeline(TRUTH, FOUND, CLASSES, 210, fps=10.0)
    drawn = [
        (b.get_x(), b.get_x() + b.get_width())
        for b in bars(figure, 'ground truth')
    ]
    np.testing.assert_allclose(drawn, TRUTH[:, 1:] / 10.0)


def test_overlapping_detections_show_only_the_best():
    figure = draw_timeline(TRUTH, FOUND, CLASSES, 210)
    names = [bar.get_label() for bar in bars(figure, 'prediction')]
    assert names == ['walk', 'stand up', '_hidden']


def test_a_class_has_one_colour_in_both_rows_curves_and_legend():
    figure = draw_timeline(
        TRUTH, FOUND, CLASSES, 210, scores=soft_scores(210, 4)
    )
    (legend,) = axes_of(figure, 'legend')
    (curves,) = axes_of(figure, 'curves')
    for label in (0, 1, 3):
        expected = class_style(label).color.lower()
        colors = {
            to_hex(bar.get_facecolor())
            for row in ('ground truth', 'prediction')
            for bar in bars(figure, row)
            if bar.get_label() == CLASSES[label]
        }
        colors |= {
            to_hex(line.get_color())
            for line in curves.lines
            if line.get_gid() == f'class {label}'
        }
        colors.add(to_hex(legend.patches[label].get_facecolor()))
        assert colors == {expected}


def test_legend_names_the_classes_shown_as_they_are_written():
    figure = draw_timeline(TRUTH, FOUND, CLASSES, 210)
    (legend,) = axes_of(figure, 'legend')
    assert [text.get_text() for text in legend.texts] == CLASSES
    assert not any(text.get_parse_math() for text in legend.texts)


def test_ticks_are_seconds_of_the_frame_rate():
    figure = draw_timeline(
        TRUTH, FOUND, CLASSES, 210, fps=21.0, scores=soft_scores(210, 4)
    )
    figure.canvas.draw()
    (curves,) = axes_of(figure, 'curves')
    ticks = [label.get_text() for label in curves.get_xticklabels()]
    assert ticks == [str(second) for second in range(11)]
    assert curves.get_xlabel() == 'time (s)'


def test_scores_alone_give_the_runs_of_the_best_class():
    scores = np.zeros((13, 3))
    scores[:, 2] = 0.6
    scores[3:7, 1] = 0.9
    figure = draw_timeline(None, None, ['a', 'b'], 13, fps=1.0, scores=scores)
    (bar,) = bars(figure, 'prediction')
    assert (bar.get_x(), bar.get_width(), bar.get_label()) == (3, 4, 'b')


def test_poses_stand_at_the_middles_of_the_predicted_segments():
    poses = (moving_body(1, 210), [-1, 0, 1, 1, 1], 'z')
    figure = draw_timeline(
        TRUTH, FOUND[:2], CLASSES, 210, fps=10.0, poses=poses
    )
    captions = [ax.texts[0].get_text() for ax in axes_of(figure, 'pose')]
    assert captions == ['2.15 s', '6.25 s']


def test_poses_follow_the_truth_where_nothing_is_predicted():
    poses = (moving_body(1, 210), [-1, 0, 1, 1, 1], 'z')
    figure = draw_timeline(
        TRUTH[:1], np.zeros((0, 4)), CLASSES, 210, poses=poses
    )
    assert len(axes_of(figure, 'pose')) == 1


@pytest.mark.parametrize('num_classes', [1, 12, 13, 60])
@pytest.mark.parametrize('num_persons', [1, 2])
def test_no_text_lies_on_another(num_classes, num_persons):
    rng = np.random.default_rng(num_classes)
    T = 600
    edges = np.sort(rng.choice(np.arange(1, T), 40, replace=False))
    truth = np.column_stack(
        [rng.integers(num_classes, size=39), edges[:-1], edges[1:]]
    )
    names = [
        f'class {i} of a very long name ' * (1 + i % 3)
        for i in range(num_classes)
    ]
    figure = draw_timeline(
        truth,
        None,
        names,
        T,
        scores=soft_scores(T, num_classes),
        poses=(moving_body(num_persons, T), [-1, 0, 1, 1, 1]),
        title='a long title ' * 40,
    )
    assert figure_to_array(figure).shape[1] == 1200
    assert texts_overlap(figure) == []


def test_sixty_classes_have_sixty_looks():
    looks = {class_style(i)[:2] for i in range(60)}
    assert len(looks) == 60


def test_one_frame_without_segments_is_drawn():
    figure = draw_timeline(
        np.zeros((0, 3)), [], ['a'], 1, scores=np.array([[0.3, 0.7]])
    )
    (curves,) = axes_of(figure, 'curves')
    assert bars(figure, 'ground truth') == bars(figure, 'prediction') == []
    assert curves.get_xlim() == (0, pytest.approx(1 / 30))


def test_a_very_short_segment_keeps_its_colour():
    figure = draw_timeline(np.array([[0, 5000, 5001]]), None, ['a'], 10_000)
    image = figure_to_array(figure)
    rgb = [int(class_style(0).color[i : i + 2], 16) for i in (1, 3, 5)]
    (ax,) = axes_of(figure, 'segments')
    box = ax.get_window_extent()
    height = image.shape[0]
    row = image[height - int(box.y1) : height - int(box.y0)]
    distance = np.abs(row.astype(int) - rgb).sum(-1).min()
    assert distance < 120


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'num_frames': 0}, 'num_frames=0'),
        ({'fps': 0.0}, 'fps=0.0'),
        ({'scores': np.zeros((13, 4))}, r'\(210, 5\)'),
        ({'ground_truth': np.array([[4, 0, 1]])}, r'label 4; expected 0\.\.3'),
        ({'detections': np.zeros((2, 3))}, r'expected \(num, 4\)'),
        ({'ground_truth': None, 'detections': None}, 'all None'),
        ({'poses': (np.zeros((1, 13, 5, 3)), [-1] * 5)}, '13 frames'),
        ({'poses': (np.zeros((1, 210, 5, 3)), [-1])}, '1 entries for 5'),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    arguments = dict(
        ground_truth=TRUTH, detections=FOUND, classes=CLASSES, num_frames=210
    )
    with pytest.raises(ValueError, match=message):
        draw_timeline(**{**arguments, **change})


def test_pyplot_torch_and_mm_are_never_loaded():
    code = (
        'import sys; import numpy as np\n'
        'import mmsnip.visualization as v\n'
        'f = v.draw_timeline(np.array([[0, 1, 5]]), None, ["a"], 9)\n'
        'v.figure_to_array(f)\n'
        'bad = {"matplotlib.pyplot", "torch", "mmengine", "mmaction"}\n'
        'sys.exit(str(sorted(bad & set(sys.modules))) '
        'if bad & set(sys.modules) else 0)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('width_in', [4, 7])
def test_a_timeline_fits_the_columns_of_a_journal(width_in):
    scores = soft_scores(210, 4)
    given = dict(scores=scores, title='a rather long title ' * 9)
    figure = draw_timeline(
        TRUTH, FOUND, CLASSES, 210, 10.0, figure_width_in=width_in, **given
    )
    assert figure.get_size_inches()[0] == width_in
    assert not texts_overlap(figure)


def test_a_timeline_too_narrow_to_read_is_refused():
    with pytest.raises(ValueError, match='figure_width_in=3 must be at least'):
        draw_timeline(TRUTH, None, CLASSES, 210, figure_width_in=3)
