"""Pictures show the rows, and carry a hash of what they show."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt
from PIL import Image

from experiments.plots import (
    draw_plot,
    plot_digest,
    plot_numbers,
    read_digest,
)
from experiments.results import Results
from tests.experiments.conftest import toy_row

LINES = dict(
    name='p',
    kind='lines',
    metric='runs/mAP',
    x=dict(fraction=[0.05, 1.0]),
    lines=[dict(run='{n}-{percent}', label='{n}', matrix=dict(n=['a', 'b']))],
)
DOTS = dict(
    name='p',
    kind='dots',
    metric='runs_per_segment',
    baseline='none',
    lines=[dict(run='a-5', label='none'), dict(run='b-5')],
)
ROWS = [
    toy_row(f'{name}-{percent}', seed, {
        'runs/mAP': value + 0.01 * seed, 'runs_per_segment': 1.5 + seed,
    })
    for name, percent, value, seeds in [
        ('a', 5, 0.1, 3), ('a', 100, 0.4, 3), ('b', 5, 0.3, 1),
    ]
    for seed in range(seeds)
]  # fmt: skip


def test_numbers_are_values_by_seed_in_percent_where_they_are_shares():
    lines = plot_numbers(LINES, Results(ROWS))
    dots = plot_numbers(DOTS, Results(ROWS))

    assert [line['label'] for line in lines] == ['a', 'b']
    assert lines[0]['x'] == [0.05, 1.0]
    assert lines[0]['values'][0] == pytest.approx([10, 11, 12])
    assert lines[1]['values'] == [[30], []]
    assert dots[0]['values'] == [[1.5, 2.5, 3.5]]


@pytest.mark.parametrize('plot', [LINES, DOTS], ids=['lines', 'dots'])
def test_a_picture_carries_its_numbers_hash_and_no_figure_stays(
    tmp_path, plot
):
    path = tmp_path / 'new' / 'p.png'
    before = plt.get_fignums()

    drawn = draw_plot(plot, Results(ROWS), path)

    numbers = plot_numbers(plot, Results(ROWS))
    assert drawn
    assert read_digest(path) == plot_digest(plot, numbers)
    assert plt.get_fignums() == before
    with Image.open(path) as picture:
        assert picture.size[0] == 960
        assert len(picture.convert('RGB').getcolors(10**6)) > 20


def test_nothing_is_drawn_without_rows(tmp_path):
    assert not draw_plot(LINES, Results([]), tmp_path / 'p.png')
    assert read_digest(tmp_path / 'p.png') is None


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(kind='bars'), "kind 'bars'"),
        (dict(metric=''), r"missing keys \['metric'\]"),
        (dict(color='red'), r"unknown keys \['color'\]"),
        (dict(x={}), 'lines need one axis'),
    ],
)
def test_malformed_plots_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        plot_numbers({**LINES, **changes}, Results(ROWS))
