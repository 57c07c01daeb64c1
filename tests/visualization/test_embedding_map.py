from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from mmsnip.evaluation.neighbors import principal_plane
from mmsnip.visualization.embedding_map import (
    Embedding,
    draw_embeddings,
    flat_positions,
)
from tests.visualization.test_timeline import axes_of, texts_overlap

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


def test_one_class_has_no_numbers():
    part = Embedding('x', np.eye(4), np.zeros(4, dtype=int))
    (ax,) = axes_of(draw_embeddings([part], CLASSES), 'map')
    assert ax.texts[1].get_text() == 'fewer than two classes'


def test_of_too_many_points_a_part_is_drawn():
    figure = draw_embeddings([embedding(size=500)], CLASSES, max_points=60)
    (ax,) = axes_of(figure, 'map')
    assert sum(len(c.get_offsets()) for c in ax.collections) == 60


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
