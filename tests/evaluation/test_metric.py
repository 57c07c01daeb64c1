from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmsnip.evaluation import babel_detections, evaluate_babel
from mmsnip.io.detections import load_detections, load_scores
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


def test_metric_reports_both_ways_to_propose_and_frame_scores():
    metrics = run(make_samples())

    assert {
        *('sweep/mAP@0.10', 'sweep/mAP', 'runs/mAP@0.50', 'runs/mAP'),
        *('frame_accuracy', 'frame_accuracy_action', 'edit'),
        *('F1@10', 'F1@25', 'F1@50', 'runs_per_segment'),
    } <= set(metrics)
    assert not [key for key in metrics if 'AP@0.10/' in key]


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


def test_metric_appends_one_entry_per_video():
    metric = build()

    metric.process(None, make_samples(num_videos=4))

    assert len(metric.results) == 4


def test_padding_of_a_sampler_changes_nothing():
    samples = make_samples()

    once = run(samples)
    # more entries than the data set is long, as ranks together may have
    padded = run([*samples, *samples[:2]], size=7)

    np.testing.assert_equal(padded, once)


def test_order_of_videos_changes_nothing():
    samples = make_samples()

    np.testing.assert_equal(run(samples[::-1]), run(samples))


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


def test_metric_runs_inside_an_evaluator_on_data_elements():
    from mmaction.structures import ActionDataSample

    elements = []
    for sample in make_samples():
        element = ActionDataSample()
        element.pred_frame_scores = sample.pop('pred_frame_scores')
        element.set_metainfo(sample)
        elements.append(element)
    evaluator = Evaluator(build())

    evaluator.process(elements)
    metrics = evaluator.evaluate(len(elements))

    np.testing.assert_equal(metrics, run(make_samples()))


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


def test_arguments_of_the_proposals_reach_them():
    samples = make_samples()
    loose = build(proposals=['runs'])
    strict = build(proposals=dict(runs=dict(min_length=40)))
    for metric in (loose, strict):
        metric.process(None, samples)

    assert loose.evaluate(5)['runs/mAP'] > strict.evaluate(5)['runs/mAP'] == 0


def test_background_alone_is_evaluated():
    sample = make_samples(num_videos=1)[0]
    sample['pred_frame_scores'] = torch.eye(4)[[3] * 29]

    metrics = run([sample])

    assert metrics['frame_accuracy'] == 1.0
    assert np.isnan(metrics['sweep/mAP'])


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


def test_dump_of_scores_comes_back_exactly(tmp_path):
    samples = make_samples()

    run(samples, dump_scores=str(tmp_path / 'scores.npz'))

    scores, classes = load_scores(tmp_path / 'scores.npz')
    assert classes == CLASSES
    for sample in samples:
        np.testing.assert_array_equal(
            scores[sample['frame_dir']], sample['pred_frame_scores'].numpy()
        )


def test_metric_without_any_video_reports_nothing():
    assert build().compute_metrics([]) == {}


def test_metric_refuses_classes_that_do_not_fit_the_scores():
    metric = build()
    metric.dataset_meta = dict(classes=['a', 'b'])
    metric.process(None, make_samples())

    with pytest.raises(ValueError, match='2 names; expected 3'):
        metric.evaluate(5)


def test_metric_refuses_videos_with_other_numbers_of_classes():
    samples = make_samples(num_videos=2)
    samples[1]['pred_frame_scores'] = torch.full((30, 5), 0.2)

    with pytest.raises(ValueError, match=r'disagree.*has 4.*has 5'):
        run(samples)


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
