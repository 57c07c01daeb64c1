"""`SegmentMAP`: padding, ranks, dumps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsnip.evaluation import babel_detections, evaluate_babel
from mmsnip.evaluation.protocols import (
    each_video_once,
    evaluate_scores,
    video_entry,
)
from mmsnip.io.detections import load_detections
from mmsnip.io.scores import load_scored_videos
from mmsnip.registry import METRICS

CLASSES = ['walk', 'sit', 'run']


def make_samples(num_videos=5, seed=0, frames=29):
    generator = np.random.default_rng(seed)
    samples = []
    for v in range(num_videos):
        T = frames + v
        scores = generator.dirichlet(np.full(4, 0.5), T).astype(np.float32)
        scores[3:14] = [0.1, 0.8, 0.05, 0.05]
        segments = np.array([[3, 14]]) if v else np.zeros((0, 2), np.int64)
        samples.append(
            dict(
                frame_dir=f'video-{v}',
                pred_frame_scores=torch.from_numpy(scores),
                segments=segments,
                segment_labels=np.ones(len(segments), dtype=np.int64),
                fps=30.0,
                total_frames=T,
            )
        )
    return samples


def build(**options):
    metric = METRICS.build(dict(type='mmsnip.SegmentMAP', **options))
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


def run(samples, size=None, **options):
    metric = build(**options)
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples) if size is None else size)


def test_metric_gives_the_numbers_of_the_pure_functions():
    samples = make_samples()

    metrics = run(samples, per_class=True)

    found = {
        s['frame_dir']: babel_detections(s['pred_frame_scores'].numpy())
        for s in samples
    }
    truth = {
        s['frame_dir']: np.column_stack([s['segment_labels'], s['segments']])
        for s in samples
    }
    expected = evaluate_babel(found, truth, 3, classes=CLASSES)
    np.testing.assert_equal(
        {key: metrics[f'sweep/{key}'] for key in expected}, expected
    )


def test_padding_of_a_sampler_changes_nothing():
    samples = make_samples()

    once = run(samples)
    # more entries than the data set is long, as ranks together may have
    padded = run([*samples, *samples[:2]], size=7)

    np.testing.assert_equal(padded, once)


def evaluate_on_rank(rank, folder):
    from torch import distributed

    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2
    )
    samples = make_samples()
    # what a padding sampler serves: 0 2 4 and 1 3 0
    mine = [samples[v % 5] for v in range(rank, 6, 2)]
    metrics = run(mine, size=5, dump=f'{folder}/out.json')
    Path(folder, f'rank{rank}.json').write_text(json.dumps(metrics))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_segment_map_is_equal_on_one_and_two_processes(tmp_path):
    torch.multiprocessing.spawn(evaluate_on_rank, (str(tmp_path),), nprocs=2)

    alone = run(make_samples())
    for rank in range(2):
        together = json.loads((tmp_path / f'rank{rank}.json').read_text())
        np.testing.assert_equal(together, alone)
    assert len(load_detections(tmp_path / 'out.json')[0]) == 5


@pytest.mark.parametrize('protocol', ['activitynet', 'babel', 'pkummd', 'voc'])
def test_every_protocol_is_reached_by_name(protocol):
    metrics = run(
        make_samples(),
        protocol=protocol,
        proposals=('smooth', 'runs'),
        iou_thresholds=[0.25],
        prefix='val',
    )

    assert 0 <= metrics['val/runs/mAP@0.25'] <= 1
    assert ('val/smooth/2DAP' in metrics) == (protocol == 'pkummd')


def test_dump_holds_the_first_proposals_and_all_metrics(tmp_path):
    samples = make_samples()
    path = tmp_path / 'made' / 'out.json'

    metrics = run(samples, dump=str(path))

    detections, written = load_detections(path)
    np.testing.assert_equal({key: written[key] for key in metrics}, metrics)
    assert 'sweep/AP@0.50/sit' in written
    for sample in samples:
        expected = babel_detections(sample['pred_frame_scores'].numpy())
        # officially a run may end beyond the video, in a file it does not
        expected[:, 2] = expected[:, 2].clip(max=sample['total_frames'])
        np.testing.assert_allclose(detections[sample['frame_dir']], expected)
    assert 'NaN' not in path.read_text()
    assert json.loads(path.read_text())['metrics']['sweep/AP@0.50/run'] is None


def test_metric_refuses_classes_that_do_not_fit_the_scores():
    metric = build()
    metric.dataset_meta = dict(classes=['a', 'b'])
    metric.process(None, make_samples())

    with pytest.raises(ValueError, match='2 names; expected 3'):
        metric.evaluate(5)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'protocol': 'thumos'}, "protocol='thumos' is unknown"),
        ({'proposals': ['sweep', 'magic']}, 'at least one of'),
        ({'proposals': []}, 'at least one of'),
        ({'convention': 'odd'}, "convention='odd'"),
        (
            {'protocol': 'pkummd', 'iou_thresholds': [0.1, 0.5]},
            'one number for',
        ),
    ],
)
def test_metric_refuses_unknown_choices(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_dump_of_scores_alone_gives_the_same_numbers_again(tmp_path):
    path = tmp_path / 'scores.npz'
    options = dict(
        proposals=dict(sweep=dict(min_length=5), runs={}),
        iou_thresholds=[0.25, 0.5],
        convention='clean',
    )

    metrics = run(
        make_samples(), dump_scores=str(path), per_class=True, **options
    )

    stored = load_scored_videos(path)
    settings = dict(stored.settings)
    assert settings.pop('label_rule') == 'segments are taken as annotated'
    again, _ = evaluate_scores(
        stored.scores, stored.truth, stored.classes, **settings
    )
    np.testing.assert_equal(again, metrics)
    assert stored.fps == {f'video-{v}': 30.0 for v in range(5)}


@pytest.mark.parametrize('rule', [None, 'the one that starts last'])
def test_babel_numbers_say_how_their_ground_truth_was_made(
    tmp_path, monkeypatch, rule
):
    lines = []
    monkeypatch.setattr(
        'mmsnip.evaluation.metric.print_log',
        lambda line, logger: lines.append(line),
    )
    metric = build(dump=str(tmp_path / 'out.json'), convention='clean')
    metric.dataset_meta = dict(classes=CLASSES, label_rule=rule)
    metric.process(None, make_samples())

    metric.evaluate(5)

    said = rule or 'segments are taken as annotated'
    assert lines == [f'ground truth of BABEL: {said}']
    extra = json.loads((tmp_path / 'out.json').read_text())['external_data']
    assert extra['label_rule'] == said
    assert (extra['protocol'], extra['convention']) == ('babel', 'clean')


def sample(**changes):
    scores = torch.full((13, 4), 0.25)
    base = dict(
        frame_dir='v1',
        pred_frame_scores=scores,
        segments=np.array([[2, 5], [7, 13]]),
        segment_labels=np.array([0, 2]),
        total_frames=13,
        fps=25.0,
    )
    return {**base, **changes}


@pytest.mark.parametrize('segments', [[], np.zeros((0, 2)), torch.empty(0, 2)])
def test_entry_of_a_video_without_actions_has_no_segments(segments):
    entry = video_entry(sample(segments=segments, segment_labels=[]))

    assert entry['segments'].shape == (0, 3)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'pred_frame_scores': None}, "'v1' lacks 'pred_frame_scores'"),
        ({'segments': None}, "'v1' lacks 'segments'"),
        ({'total_frames': 14}, "'v1' has 13 scored frames, .* is 14"),
        ({'segment_labels': [0]}, "video 'v1': 1 labels for 2"),
        (
            {'segment_labels': [0, 3]},
            "'v1', row 1: found label 3; expected 0 to 2",
        ),
        ({'segments': [[2, 5], [7, 14]]}, "'v1', row 1"),
        ({'segments': [[5, 5], [7, 13]]}, "'v1', row 0"),
        (
            {'pred_frame_scores': torch.full((13, 4), float('nan'))},
            r"'v1', .*nan at \[0, 0\]",
        ),
    ],
)
def test_entry_refuses_a_malformed_sample_and_names_it(changes, message):
    with pytest.raises(ValueError, match=message):
        video_entry(sample(**changes))


def test_entry_without_frame_rate_is_refused_where_one_is_needed():
    unknown = sample(fps=None)

    assert video_entry(unknown)['fps'] is None
    assert video_entry(unknown, 30, needs_fps=True)['fps'] == 30.0
    with pytest.raises(ValueError, match="'v1' has no 'fps'"):
        video_entry(unknown, needs_fps=True)


@pytest.mark.parametrize(
    'changes',
    [
        {'frame_index': torch.arange(5, 18)},
        {'segments': [[2, 6], [7, 13]]},
        {'segments': [[2, 5]], 'segment_labels': [0]},
    ],
)
def test_windows_under_one_name_are_refused(changes):
    entries = [video_entry(sample()), video_entry(sample(**changes))]

    with pytest.raises(ValueError, match="'v1' came twice with different"):
        each_video_once(entries)
