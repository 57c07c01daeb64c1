"""Pictures show the numbers they are of, and no text lies on another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from mmsnip.evaluation import diagnose_errors
from mmsnip.evaluation.diagnosis import precision_recall_curves
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.io.inspect import inspect_annotation
from mmsnip.structures.files import safe_file_name
from mmsnip.visualization import (
    Poses,
    draw_diagnosis,
    draw_pose,
    draw_timeline,
    figure_to_array,
    save_film,
)
from mmsnip.visualization.canvas import class_style, new_figure
from mmsnip.visualization.diagnosis import (
    draw_class_ap,
    draw_confusion,
    draw_errors,
    draw_precision_recall,
)
from mmsnip.visualization.film import PoseFilm, follow
from mmsnip.visualization.hooks import Embedding, draw_embeddings
from mmsnip.visualization.pose import (
    LEFT_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    project_pose,
    up_axis,
    view_across,
)
from mmsnip.visualization.timeline import best_non_overlapping, draw_inspection
from tests.evaluation.test_diagnosis import FOUND, TRUTH
from tests.io.test_inspect import file_of
from tests.visualization.made import (
    CLASSES,
    NAMES,
    PARENTS,
    axes_of,
    moving_body,
    scored,
    soft_scores,
    texts_overlap,
)

ROWS = np.array([[0, 0, 40], [1, 40, 90], [2, 120, 121], [0, 130, 200]])
BEST = np.array(
    [[0, 2, 41, 0.9], [1, 45, 80, 0.8], [2, 60, 90, 0.4], [0, 150, 200, 0.7]]
)


def bars(figure, row):
    (ax,) = axes_of(figure, 'segments')
    return [patch for patch in ax.patches if patch.get_gid() == row]


def test_every_segment_is_one_bar_at_its_seconds():
    figure = draw_timeline(ROWS, BEST, CLASSES, 210, fps=10.0)
    drawn = [
        (b.get_x(), b.get_x() + b.get_width())
        for b in bars(figure, 'ground truth')
    ]
    np.testing.assert_allclose(drawn, ROWS[:, 1:] / 10.0)


def test_a_class_has_one_colour_in_both_rows_curves_and_legend():
    figure = draw_timeline(
        ROWS, BEST, CLASSES, 210, scores=soft_scores(210, 3)
    )
    (curves,) = axes_of(figure, 'curves')
    for label in (0, 1):
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
    figure = draw_timeline(ROWS, BEST[:2], CLASSES, 210, fps=10.0, poses=poses)
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


@pytest.mark.parametrize(
    ('num_classes', 'num_persons'), [(1, 1), (13, 2), (60, 1)]
)
def test_no_text_of_a_timeline_lies_on_another(num_classes, num_persons):
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
        ({'scores': np.zeros((13, 3))}, r'\(210, 4\)'),
        ({'ground_truth': np.array([[4, 0, 1]])}, 'label 4; expected 0 to 2'),
        ({'poses': (np.zeros((1, 13, 5, 3)), [-1] * 5)}, '13 frames'),
        ({'poses': (np.zeros((1, 210, 5, 3)), [-1])}, '1 entries for 5'),
    ],
)
def test_a_timeline_of_what_does_not_fit_is_refused(change, message):
    given = dict(
        ground_truth=ROWS, detections=BEST, classes=CLASSES, num_frames=210
    )
    with pytest.raises(ValueError, match=message):
        draw_timeline(**{**given, **change})


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


ACTIONS = np.array([[0, 0, 5], [1, 3, 9]])
ANSWERS = np.array([[2, 0, 4, 0.9], [1, 2, 8, 0.5], [1, 7, 11, 0.4]])


def poses(M=2, T=13, C=3):
    return Poses(moving_body(M, T, C=C), PARENTS, joint_names=NAMES)


def drawn_bones(body):
    """Bones that a viewer sees."""
    widths = np.broadcast_to(body.get_linewidths(), len(body.get_segments()))
    return [s for s, w in zip(body.get_segments(), widths) if w > 0]


def test_the_label_of_each_frame_is_shown():
    film = PoseFilm(poses(), 10.0, CLASSES, ACTIONS, ANSWERS)
    shown = []
    for frame in (1, 4, 10):
        film.show(frame)
        shown.append([text.get_text() for text in film.captions.values()])
    # the second detection yields to the first and hides nothing else
    assert shown == [
        ['walk', '_hidden'],
        ['walk + cost $5 or $7', 'background'],
        ['background', 'cost $5 or $7'],
    ]
    assert list(film.captions) == ['ground truth', 'prediction']


def test_the_cursor_and_the_clock_are_in_seconds():
    film = PoseFilm(poses(), 10.0, CLASSES, ACTIONS)
    film.show(7)
    (ax,) = axes_of(film.figure, 'segments')
    (cursor,) = [line for line in ax.lines if line.get_gid() == 'cursor']
    assert cursor.get_xdata() == [0.75, 0.75]
    assert '0.70 s' in [text.get_text() for text in film.figure.texts]
    assert ax.get_xlim() == (0, 1.3)
    assert not texts_overlap(film.figure)


def test_joints_and_persons_that_are_missing_are_left_out():
    joints = moving_body(2, 13)
    joints[0, 4, 2] = np.nan
    joints[1, 4] = 0
    film = PoseFilm(Poses(joints, PARENTS, joint_names=NAMES), 10.0)
    film.show(4)
    assert [len(drawn_bones(body)) for body in film.bodies] == [3, 0]
    film.show(5)
    assert [len(drawn_bones(body)) for body in film.bodies] == [4, 4]


def test_the_camera_follows_and_keeps_everybody_in_the_picture():
    joints = moving_body(1, 40)
    joints[..., 0] += np.linspace(0, 30, 40)[None, :, None]
    points = PoseFilm(Poses(joints, PARENTS, joint_names=NAMES), 10.0).points
    centre, half, (low, high) = follow(points, 10.0, 1.5)
    apart = np.abs(points[..., 0] - centre[None, :, None])
    assert apart.max() <= half
    assert points[..., 1].min() >= low
    assert points[..., 1].max() <= high
    assert half / ((high - low) / 2) == pytest.approx(1.5)
    assert np.ptp(centre) > 15


def test_a_gif_has_every_picture_at_its_time(tmp_path):
    path = save_film(
        tmp_path / 'new' / 'x.gif',
        poses(T=12),
        25.0,
        CLASSES,
        ACTIONS,
        ANSWERS,
        title='a name_with $dollars$',
    )
    with Image.open(path) as image:
        assert image.n_frames == 6
        assert image.info['duration'] == 80
        assert image.info['loop'] == 0


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'path': 'x.avi'}, "ends in '.avi'"),
        ({'ground_truth': [[7, 0, 3]]}, 'ground truth.*label 7'),
        ({'poses': (np.zeros((2, 0, 5, 3)), PARENTS)}, 'one frame or more'),
    ],
)
def test_a_film_of_what_does_not_fit_is_refused(tmp_path, changes, message):
    given = {'poses': poses(), 'classes': CLASSES, **changes}
    path = tmp_path / given.pop('path', 'x.gif')
    with pytest.raises(ValueError, match=message):
        save_film(path, **given)
    assert not path.exists()


JOINTS = ['Hips', 'Spine', 'Hand_L', 'Hand_R', 'Foot_L', 'Foot_R']
TREE = [-1, 0, 1, 1, 0, 0]
# y is up, the body looks along +z, so its left is +x.
BODY = np.array(
    [[0, 1, 0], [0, 2, 0], [1, 2, 0], [-1, 2, 0], [0.3, 0, 0], [-0.3, 0, 0]]
)
PAIRS = [(2, 3), (4, 5)]


def rotation(axis, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return matrix


def test_bones_wear_the_colour_of_their_side():
    ax = new_figure(2, 2).add_subplot()
    draw_pose(ax, BODY, TREE, joint_names=JOINTS)
    (bones,) = ax.collections
    colors = [to_hex(c).upper() for c in bones.get_colors()]
    left, right, middle = LEFT_COLOR, RIGHT_COLOR, MIDDLE_COLOR
    assert colors == [middle, left, right, left, right]


@pytest.mark.parametrize('heading', [0, 37, 145, 260])
def test_the_view_turns_with_the_body(heading):
    turned = BODY @ rotation(1, heading).T
    views = [
        project_pose(b, (1, 1), view_across(b[None], (1, 1), PAIRS))
        for b in (BODY, turned)
    ]
    np.testing.assert_allclose(views[0], views[1], atol=1e-9)


@pytest.mark.parametrize('up', [(0, 1), (1, 1), (2, 1), (0, -1), (2, -1)])
def test_no_choice_of_axis_mirrors_the_body(up):
    axis, sign = up
    points = project_pose(np.eye(3), up, np.array([1.0, 0.0]), turn_deg=0)
    # Picture plane and line of sight: a rotation has determinant +1.
    right, above = points.T
    sight = np.cross(right, above)
    assert np.linalg.det([right, above, sight]) == pytest.approx(1)
    assert above[axis] == sign


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_up_is_found_from_names_and_without(axis):
    body = np.roll(BODY, axis - 1, axis=1)
    body[:, axis] *= 1.5
    assert up_axis(body) == (axis, 1)
    assert up_axis(body, joint_names=JOINTS) == (axis, 1)
    flipped = body.copy()
    flipped[:, axis] *= -1
    assert up_axis(flipped, joint_names=JOINTS) == (axis, -1)


@pytest.mark.parametrize('up', ['w', 'z', 'yy'])
def test_an_axis_that_the_joints_lack_is_refused(up):
    with pytest.raises(ValueError, match='no axis of joints with C=2'):
        up_axis(BODY[:, :2], up)


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


@pytest.mark.parametrize(
    ('fps', 'label', 'end'), [(None, 'frame', 40), (20.0, 'time (s)', 2)]
)
def test_without_a_rate_the_axis_counts_frames(fps, label, end):
    figure = draw_timeline(np.array([[0, 5, 9]]), None, ['a'], 40, fps)

    (ax,) = axes_of(figure, 'segments')
    assert ax.get_xlim() == (0, end)
    assert ax.get_xlabel() == label


def test_scores_and_truth_must_be_of_the_same_videos():
    with pytest.raises(ValueError, match='no video to diagnose'):
        draw_diagnosis({}, {})
    with pytest.raises(ValueError, match='no counterpart'):
        draw_diagnosis(scored()[0], {})
