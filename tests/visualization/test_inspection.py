"""Pictures of what is in a file."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.inspect import inspect_annotation
from mmsnip.visualization.inspection import (
    ExamplePose,
    draw_class_histogram,
    draw_example_poses,
    draw_example_timelines,
    draw_inspection,
    draw_joint_overview,
    draw_length_histogram,
    sample_bodies,
)
from tests.io.test_inspect import BODY, NAMES, PARENTS, file_of
from tests.visualization.made import axes_of, texts_overlap

PICTURES = ['classes', 'lengths', 'timelines', 'poses', 'joints']


def inspected(data, out):
    facts = inspect_annotation(data)
    paths = draw_inspection(facts, data['annotations'], out)
    assert all(path.stat().st_size > 2000 for path in paths)
    return [path.stem for path in paths]


def test_a_file_with_classes_gets_five_pictures(tmp_path):
    assert inspected(file_of(), tmp_path / 'new') == PICTURES


def test_a_file_without_classes_gets_no_class_picture(tmp_path):
    data = file_of()
    data['metainfo']['classes'] = []
    for video in data['annotations']:
        del video['segments'], video['segment_labels']

    assert inspected(data, tmp_path) == PICTURES[1:]


def test_a_file_without_a_body_gets_no_poses(tmp_path):
    data = file_of()
    for video in data['annotations']:
        video['keypoint'][:] = 0

    assert inspected(data, tmp_path) == PICTURES[:3]


def test_flat_joints_of_no_known_skeleton_are_drawn(tmp_path):
    data = file_of()
    data['metainfo'] = {}
    for video in data['annotations']:
        video['keypoint'] = video['keypoint'][..., :2] * 200
        video['keypoint'][0, 4:9, 1] = 0

    assert inspected(data, tmp_path) == PICTURES


def counts_of(num_classes, splits, seed=0):
    rng = np.random.default_rng(seed)
    counts = {s: rng.integers(0, 900, (num_classes, 3)) for s in splits}
    counts['all'] = sum(counts.values(), np.zeros((num_classes, 3), int))
    return counts


@pytest.mark.parametrize('num_classes', [4, 51, 300])
def test_class_names_never_overlap(num_classes):
    names = [f'take off a shoe {n} $' for n in range(num_classes)]
    counts = counts_of(num_classes, ['train', 'val'])

    figure = draw_class_histogram(names, counts)

    assert texts_overlap(figure) == []


def test_bars_are_as_long_as_the_counts():
    counts = counts_of(7, ['train', 'val', 'test'])

    figure = draw_class_histogram([f'c{n}' for n in range(7)], counts)

    order = np.argsort(-counts['all'][:, 1], kind='stable')
    (ax,) = axes_of(figure, 'frames')
    widths = [[bar.get_width() for bar in c] for c in ax.containers]
    expected = [counts[s][order, 2].tolist() for s in ('train', 'val', 'test')]
    assert widths == expected


@pytest.mark.parametrize('num_classes', [3, 51])
def test_lengths_of_classes_never_overlap(num_classes):
    rng = np.random.default_rng(0)
    seconds = [
        rng.uniform(0.5, 40, n + 1).tolist() for n in range(num_classes)
    ]
    names = [f'take off a shoe {n}' for n in range(num_classes)]
    video_s = dict(train=rng.uniform(9, 60, 70), val=rng.uniform(9, 60, 30))

    figure = draw_length_histogram(names, seconds, video_s)

    assert texts_overlap(figure) == []
    (ax,) = axes_of(figure, 'videos')
    assert ax.get_ylabel() == 'videos'


def video(frames=90, actions=((0, 5, 30), (1, 40, 80)), jumps=(), nobody=()):
    away = np.zeros(frames, bool)
    away[list(nobody)] = True
    return dict(
        frames=frames,
        fps=30.0,
        actions=np.array(actions, dtype=np.int64).reshape(-1, 3),
        jumps=np.array(jumps, dtype=np.int64),
        nobody=away,
    )


def test_overlapping_segments_lie_in_lanes():
    rows = ((0, 0, 50), (1, 40, 60), (0, 45, 70), (1, 55, 80), (0, 58, 90))

    figure = draw_example_timelines(dict(v=video(90, rows)), ['wave', 'bow'])

    (ax,) = axes_of(figure, 'segments')
    assert len({bar.get_y() for bar in ax.patches}) == 3
    bars = [p for p in ax.patches if p.get_label() in ('wave', 'bow')]
    assert len(bars) == 5


def test_jumps_and_absence_are_marked():
    videos = dict(v=video(90, jumps=[30, 60], nobody=range(45, 60)))

    figure = draw_example_timelines(videos, ['wave', 'bow'])

    (ax,) = axes_of(figure, 'segments')
    marks = {line.get_label(): line for line in ax.lines}
    assert marks['jump'].get_xdata().tolist() == [1.0, 2.0]
    assert list(marks['nobody'].get_xdata()) == [1.5, 2.0]


def test_timelines_of_51_classes_never_overlap_their_texts():
    names = [f'put on a hat {n}' for n in range(51)]
    videos = {
        f'video_with_a_rather_long_name_{n}': video(
            900,
            [(c, 60 * i, 60 * i + 50) for i, c in enumerate(range(n, 51, 4))],
        )
        for n in range(4)
    }

    figure = draw_example_timelines(videos, names)

    assert texts_overlap(figure) == []


def test_poses_have_one_scale_and_two_views():
    examples = [
        ExamplePose('wave', 'a, 1.0 s', BODY[None]),
        ExamplePose('bow', 'b, 2.0 s', 0.5 * BODY[None]),
    ]

    figure = draw_example_poses(examples, PARENTS, NAMES, 'y', 'm')

    front, side = axes_of(figure, 'front'), axes_of(figure, 'side')
    heights = {round(float(np.ptp(ax.get_ylim())), 9) for ax in front + side}
    assert (len(front), len(side), len(heights)) == (2, 2, 1)


def test_a_giant_does_not_shrink_the_others():
    examples = [ExamplePose('wave', 'a', BODY[None]) for _ in range(4)]
    examples.append(ExamplePose('giant', 'b', 1000 * BODY[None]))

    figure = draw_example_poses(examples, PARENTS, NAMES, 'y')

    assert np.ptp(axes_of(figure, 'front')[0].get_ylim()) < 5


def test_joint_overview_never_overlaps_its_texts():
    rng = np.random.default_rng(0)
    ranges = np.sort(rng.normal(size=(5, 33, 3)), axis=0)
    names = [f'left_foot_index_{n}' for n in range(33)]
    findings = {'teleports': 41, 'lost joints': 3}

    figure = draw_joint_overview(
        ranges, rng.random(33), rng.random(33), names, findings, 60
    )

    assert texts_overlap(figure) == []


def test_sampled_bodies_are_centred_and_lost_joints_nan():
    data = file_of(2, 0)
    data['annotations'][0]['keypoint'][0, 5, 3] = 0
    data['annotations'][1]['keypoint'][0, 9] = 0

    bodies = sample_bodies(data['annotations'], 5)

    assert bodies.shape == (119, 5, 3)
    assert np.isnan(bodies).any(axis=(1, 2)).sum() == 1
    np.testing.assert_allclose(np.nanmean(bodies, axis=1), 0, atol=1e-6)


@pytest.mark.parametrize(
    ('draw', 'match'),
    [
        (lambda: draw_class_histogram([], {}), 'no class'),
        (lambda: draw_length_histogram([], [], dict(all=[])), 'no video'),
        (lambda: draw_example_timelines({}, []), 'no video'),
        (lambda: draw_example_poses([]), 'no pose'),
    ],
)
def test_nothing_to_draw_is_refused(draw, match):
    with pytest.raises(ValueError, match=match):
        draw()
