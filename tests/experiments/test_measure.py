"""Numbers of a row against counts made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.measure import (
    clips_beside,
    distractor_metrics,
    measure_scores,
    probe_metrics,
)
from mmsnip.io.annotation import load_annotation
from mmsnip.io.scores import save_scores

CLASSES = ['left', 'right']


def scores_of(labels):
    return np.eye(3)[labels] * 0.7 + 0.1


# frames 2..6 are 'left'; found one frame late, and a false alarm at 8, 9
TRUTH = {'a': np.array([[0, 2, 6]]), 'b': np.zeros((0, 3), dtype=np.int64)}
FOUND = {
    'a': scores_of([2, 2, 2, 0, 0, 0, 2, 2, 1, 1, 2]),
    'b': scores_of([2, 2, 2, 2, 2]),
}


def test_the_metrics_of_a_score_file_are_those_counted_by_hand(tmp_path):
    path = tmp_path / 'scores.npz'
    save_scores(path, FOUND, CLASSES, TRUTH)

    metrics = measure_scores(path)

    assert metrics['frame_accuracy'] == pytest.approx((11 - 3 + 5) / 16)
    assert metrics['background_called_action'] == pytest.approx(2 / 12)
    assert metrics['runs/mAP'] == 1  # IoU 3/4 everywhere, 'right' has none
    assert metrics['runs/AP@0.50/left'] == 1
    assert 'runs/AP@0.50/right' not in metrics  # not defined
    assert metrics['F1@50'] == pytest.approx(2 / 3)
    assert metrics['runs_per_segment'] == 2
    assert {'sweep/mAP', 'sweep/mAP@0.50', 'edit'} <= set(metrics)
    json.dumps(metrics, allow_nan=False)


def clip(start, end, labelled):
    return dict(clip='c', content='x', start=start, end=end, labelled=labelled)


def test_distractors_and_transitions_are_counted_apart():
    # a: clip 2..6 labelled, 7..10 a distractor; between: 0, 1, 6, 10
    sequences = [
        dict(frame_dir='a', clips=[clip(2, 6, True), clip(7, 10, False)]),
        dict(frame_dir='b', clips=[clip(0, 5, False)]),
    ]

    metrics = distractor_metrics(FOUND, TRUTH, sequences)

    assert metrics == {
        'distractor_called_action': 2 / (3 + 5),
        'transition_called_action': 0 / 4,
    }


def test_clips_of_another_data_set_are_refused():
    sequences = [dict(frame_dir='a', clips=[clip(5, 9, False)])]

    with pytest.raises(ValueError, match='a distractor overlaps the labelled'):
        distractor_metrics(FOUND, TRUTH, sequences)


def test_the_list_of_clips_beside_the_data_adds_its_metrics(tmp_path):
    path = tmp_path / 'scores.npz'
    save_scores(path, {'a': FOUND['a']}, CLASSES, {'a': TRUTH['a']})
    listed = dict(sequences=[dict(frame_dir='a', clips=[clip(8, 10, False)])])
    (tmp_path / 'toy_clips.json').write_text(json.dumps(listed))

    metrics = measure_scores(path, tmp_path / 'toy.pkl')

    assert metrics['distractor_called_action'] == 1
    assert metrics['transition_called_action'] == 0


def test_the_last_probe_counts_and_torn_lines_do_not(tmp_path):
    for name, lines in (
        ('1', ['{"loss": 3}', '{"knn/acc": 0.25, "step": 10}']),
        ('2', ['{"knn/acc": 0.5, "step": 20}', '{"loss": 1}', '{"knn/a']),
    ):
        (tmp_path / name).write_text('\n'.join(lines))

    logs = [tmp_path / '1', tmp_path / '2']

    assert probe_metrics(logs) == {'knn/acc': 0.5}
    assert probe_metrics([]) == {}


@pytest.mark.data
def test_the_stitched_benchmarks_distractors_are_those_of_its_list(
    data_dir, tmp_path
):
    path = data_dir / 'bandai_stitched.pkl'
    data = load_annotation(path)
    val = set(data['split']['val'])
    scores, truth = {}, {}
    sequences = clips_beside(path)
    clips_of = {entry['frame_dir']: entry['clips'] for entry in sequences}
    num_classes = len(data['metainfo']['classes'])
    for video in data['annotations']:
        name = video['frame_dir']
        if name not in val:
            continue
        labels = np.full(video['total_frames'], num_classes)
        for entry in clips_of[name]:
            if not entry['labelled']:
                labels[entry['start'] : entry['end']] = 0
        scores[name] = np.eye(num_classes + 1)[labels]
        truth[name] = np.column_stack(
            [video['segment_labels'], video['segments']]
        )

    save_scores(tmp_path / 'a.npz', scores, data['metainfo']['classes'], truth)

    metrics = measure_scores(tmp_path / 'a.npz', path)

    assert metrics['distractor_called_action'] == 1
    assert metrics['transition_called_action'] == 0
    # the counts that its README states
    assert metrics['background_called_action'] == pytest.approx(
        8911 / (8911 + 3585)
    )
