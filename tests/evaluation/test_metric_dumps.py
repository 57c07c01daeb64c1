"""What `SegmentMAP` writes down beside its numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.io.scores import load_scored_videos
from tests.evaluation.test_metric import CLASSES, build, make_samples, run


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


def test_scores_are_dumped_of_videos_without_a_frame_rate(tmp_path):
    path = tmp_path / 'scores.npz'
    samples = make_samples()
    del samples[1]['fps']

    run(samples, dump_scores=str(path))

    assert 'video-1' not in load_scored_videos(path).fps


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


def test_numbers_of_other_protocols_say_nothing_of_babel(monkeypatch):
    monkeypatch.setattr('mmsnip.evaluation.metric.print_log', pytest.fail)

    assert run(make_samples(), protocol='voc')
