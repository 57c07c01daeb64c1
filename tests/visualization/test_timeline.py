"""Timelines: bars, curves, poses, and texts that never overlap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mmsnip.structures.files import safe_file_name
from mmsnip.visualization import draw_timeline, figure_to_array
from mmsnip.visualization.canvas import class_style
from mmsnip.visualization.timeline import best_non_overlapping
from tests.visualization.made import (
    axes_of,
    moving_body,
    soft_scores,
    texts_overlap,
)

CLASSES = ['walk', 'stand up', 'cost $5 or $7', '_hidden']
TRUTH = np.array([[0, 0, 40], [1, 40, 90], [2, 120, 121], [3, 130, 200]])
FOUND = np.array(
    [[0, 2, 41, 0.9], [1, 45, 80, 0.8], [3, 60, 90, 0.4], [3, 150, 200, 0.7]]
)


def bars(figure, row):
    (ax,) = axes_of(figure, 'segments')
    return [patch for patch in ax.patches if patch.get_gid() == row]


def test_every_segment_is_one_bar_at_its_seconds():
    figure = draw_timeline(TRUTH, FOUND, CLASSES, 210, fps=10.0)
    drawn = [
        (b.get_x(), b.get_x() + b.get_width())
        for b in bars(figure, 'ground truth')
    ]
    np.testing.assert_allclose(drawn, TRUTH[:, 1:] / 10.0)


def test_a_class_has_one_colour_in_both_rows_curves_and_legend():
    figure = draw_timeline(
        TRUTH, FOUND, CLASSES, 210, scores=soft_scores(210, 4)
    )
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
        colors.add(
            to_hex(figure.legends[0].get_patches()[label].get_facecolor())
        )
        assert colors == {expected}


def test_poses_stand_at_the_middles_of_the_predicted_segments():
    poses = (moving_body(1, 210), [-1, 0, 1, 1, 1], 'z')
    figure = draw_timeline(
        TRUTH, FOUND[:2], CLASSES, 210, fps=10.0, poses=poses
    )
    captions = [t.get_text() for ax in figure.axes for t in ax.texts]
    captions = [text for text in captions if text.endswith(' s')]
    assert captions == ['2.15 s', '6.25 s']


def test_without_segments_poses_are_evenly_spread():
    poses = (moving_body(1, 210), [-1, 0, 1, 1, 1], 'z')
    nothing = np.zeros((0, 3))
    figure = draw_timeline(nothing, None, [], 210, fps=10.0, poses=poses)
    captions = [t.get_text() for ax in figure.axes for t in ax.texts]
    times = [float(text[:-2]) for text in captions if text.endswith(' s')]
    assert len(times) > 5
    assert np.ptp(np.diff(times)) < 0.25


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
        ({'figure_width_in': 3}, 'figure_width_in=3'),
        ({'scores': np.zeros((13, 4))}, r'\(210, 5\)'),
        ({'ground_truth': np.array([[4, 0, 1]])}, 'label 4; expected 0 to 3'),
        ({'detections': np.zeros((2, 2))}, 'expected label, start, end'),
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


def test_kept_detections_never_overlap_and_include_the_best():
    rng = np.random.default_rng(3)
    start = rng.integers(0, 90, 50)
    rows = np.column_stack(
        [
            rng.integers(0, 4, 50),
            start,
            start + rng.integers(1, 20, 50),
            rng.random(50),
        ]
    )
    kept = best_non_overlapping(rows)
    assert (kept[1:, 1] >= kept[:-1, 2]).all()
    assert rows[:, 3].max() in kept[:, 3]
    for row in rows:
        meets = (kept[:, 1] < row[2]) & (kept[:, 2] > row[1])
        assert kept[meets, 3].max() >= row[3]


NASTY = [
    *('../../etc/passwd', '/etc/passwd', '..', '.', '', 'a/b', 'a\\b'),
    *('C:\\x', 'nul', 'com1.txt', 'new\nline\0zero', 'x' * 5000),
    *('动作' * 200, '\udcff', '.hidden'),
]


@pytest.mark.parametrize('name', NASTY)
def test_a_name_never_leaves_its_folder(name, tmp_path):
    file = tmp_path / f'{safe_file_name(name)}.png'
    file.write_bytes(b'')
    assert file.resolve().parent == tmp_path.resolve()
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    assert not Path(file.name).name.startswith('.')


def test_names_that_clean_alike_stay_apart():
    names = ['a/b', 'a_b', 'a b', 'a:b', '../a/b']
    assert len({safe_file_name(name) for name in names}) == len(names)
