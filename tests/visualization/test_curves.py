from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.visualization.curves import draw_training_curves, read_scalars


def write_log(path, records, tail=''):
    lines = [json.dumps(record) for record in records]
    path.write_text('\n'.join(lines) + '\n' + tail, encoding='utf-8')
    return path


def train(iteration, epoch=None, **values):
    record = {'lr': 0.1, 'time': 0.2, 'iter': iteration, 'step': iteration}
    if epoch is not None:
        record['epoch'] = epoch
    return {**record, **values}


@pytest.fixture
def log(tmp_path):
    records = []
    for epoch in (1, 2, 3):
        for i in (2, 4):
            it = (epoch - 1) * 4 + i
            records.append(
                train(it, epoch, loss=5.0 / it, loss_snippet=1.0 / it)
            )
        records.append(
            {
                'babel/mAP@0.50': 0.1 * epoch,
                'babel/AP@0.50/walk': 0.5,
                'time': 0.1,
                'step': epoch,
            }
        )
    return write_log(tmp_path / 'scalars.json', records)


def panel(figure, label):
    (ax,) = [ax for ax in figure.axes if ax.get_label() == label]
    return {line.get_gid(): line for line in ax.lines}


def test_curves_hold_the_numbers_of_the_log(log):
    figure = draw_training_curves(log)
    line = panel(figure, 'loss')['loss']
    assert line.get_xdata().tolist() == [2, 4, 6, 8, 10, 12]
    np.testing.assert_allclose(line.get_ydata(), 5.0 / line.get_xdata())
    assert list(panel(figure, 'lr')) == ['lr']


def test_validation_by_epoch_stands_at_the_epochs_last_iteration(log):
    lines = panel(draw_training_curves(log), 'val')
    assert list(lines) == ['babel/mAP@0.50']
    assert lines['babel/mAP@0.50'].get_xdata().tolist() == [4, 8, 12]


def test_metrics_asked_for_are_drawn(log):
    figure = draw_training_curves(log, metrics=['babel/AP@0.50/walk'])
    assert list(panel(figure, 'val')) == ['babel/AP@0.50/walk']


def test_a_metric_that_is_missing_is_named(log):
    with pytest.raises(ValueError, match=r"\['f1'\]; it has"):
        draw_training_curves(log, metrics=['f1'])


def test_a_resumed_run_replaces_its_repeated_iterations(tmp_path):
    path = write_log(
        tmp_path / 'a.json',
        [train(1, loss=9.0), train(2, loss=8.0), train(2, loss=7.0)],
    )
    steps, values = read_scalars(path)[0]['loss']
    assert (steps.tolist(), values.tolist()) == ([1, 2], [9, 7])


def test_a_last_line_cut_off_is_left_out(tmp_path):
    path = write_log(
        tmp_path / 'a.json', [train(1, loss=9.0)], tail='{"lr": 0.1, "lo'
    )
    assert list(read_scalars(path)[0]) == ['lr', 'loss']


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{"loss"\n{"loss": 1, "iter": 1}\n', encoding='utf-8')
    with pytest.raises(ValueError, match=r'a\.json, line 1: not JSON'):
        read_scalars(path)


def test_a_log_without_numbers_is_refused(tmp_path):
    path = write_log(tmp_path / 'a.json', [{'step': 1}])
    with pytest.raises(ValueError, match='no record holds a number'):
        draw_training_curves(path)
