"""Training curves and maps of snippets."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from mmsnip.evaluation.neighbors import principal_plane
from mmsnip.visualization import Embedding, draw_embeddings
from mmsnip.visualization.curves import draw_training_curves, read_scalars
from mmsnip.visualization.embedding import flat_positions
from tests.visualization.made import axes_of, texts_overlap


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
    with pytest.raises(ValueError, match=r'a\.json, line 1: found'):
        read_scalars(path)


CLASSES = ['walk', 'run', '$5']


def embedding(name='before', seed=0, size=47, num_labels=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_labels, size)
    features = 4 * np.eye(num_labels, 6)[labels] + rng.normal(size=(size, 6))
    return Embedding(name, features, labels, np.arange(size) % 5)


def test_each_map_has_the_points_of_each_class():
    parts = [embedding(), embedding('after', 1)]
    figure = draw_embeddings(parts, CLASSES)
    maps = axes_of(figure, 'map')
    assert len(maps) == 2
    for ax, part in zip(maps, parts):
        plane, _ = principal_plane(part.features)
        drawn = {c.get_gid(): c.get_offsets() for c in ax.collections}
        assert set(drawn) == {'background', 'class 0', 'class 1', 'class 2'}
        np.testing.assert_allclose(drawn['class 1'], plane[part.labels == 1])
        np.testing.assert_allclose(
            drawn['background'], plane[part.labels == 3]
        )
    assert not texts_overlap(figure)


def test_numbers_stand_above_and_leave_the_background_out():
    part = embedding()
    rows = part.labels != 3
    far = 50 * np.ones_like(part.features)
    moved = part._replace(features=np.where(rows[:, None], part.features, far))
    notes = [
        text.get_text()
        for each in (part, moved)
        for text in axes_of(draw_embeddings([each], CLASSES), 'map')[0].texts
        if text.get_gid() == 'numbers'
    ]
    assert notes[0] == notes[1]
    assert notes[0].startswith('k-NN')
    assert 'silhouette 0.' in notes[0]


def test_sixty_classes_have_their_legend():
    names = [f'raise up both hands and more {i}' for i in range(60)]
    part = embedding(size=600, num_labels=61)
    part = part._replace(features=part.features[:, :6])
    figure = draw_embeddings([part, part, part], names)
    assert len(figure.legends[0].get_texts()) == 61
    assert not texts_overlap(figure)


@pytest.mark.parametrize(
    ('method', 'package'), [('tsne', 'sklearn'), ('umap', 'umap')]
)
def test_other_methods_need_their_package(method, package):
    if find_spec(package) is None:
        with pytest.raises(ModuleNotFoundError, match=f'package {package}'):
            flat_positions(np.eye(9), method)
    else:
        plane, axes = flat_positions(embedding().features, method)
        assert plane.shape == (47, 2)
        assert len(axes) == 2


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="method='ica' is unknown"):
        flat_positions(np.eye(3), 'ica')
    with pytest.raises(ValueError, match='0 embeddings given'):
        draw_embeddings([], CLASSES)
    with pytest.raises(ValueError, match=r'labels range from 0 to 3; .* 0..2'):
        draw_embeddings([embedding()], CLASSES[:2])
    broken = embedding()._replace(features=np.full((47, 2), np.nan))
    with pytest.raises(ValueError, match='expected finite'):
        draw_embeddings([broken], CLASSES)
