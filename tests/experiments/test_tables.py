"""Tables against numbers worked out by hand."""

from __future__ import annotations

import pytest

from experiments.results import Results, title_of
from experiments.table import NOTHING, render_table
from tests.experiments.conftest import toy_row

ROWS = [
    *(
        toy_row('plain', seed, {'runs/mAP': value, 'runs_per_segment': 2 + v})
        for seed, (value, v) in enumerate([(0.5, 0), (0.52, 1), (0.6, 2)])
    ),
    *(
        toy_row('better', seed, {'runs/mAP': value, 'runs_per_segment': 1.5})
        for seed, value in [(2, 0.66), (0, 0.55), (1, 0.53)]
    ),
    *(
        toy_row('short', seed, {'runs/mAP': value})
        for seed, value in [(1, 0.42), (2, 0.7)]
    ),
    toy_row('single', 0, {'runs/mAP': 0.25}),
]
TABLE = dict(
    name='t',
    lines=[
        dict(run='plain', label='Plain'),
        dict(run='{what}', label='{what}!', matrix=dict(what=['better'])),
        dict(run='short'),
        dict(run='single'),
        dict(run='absent'),
    ],
    metrics=['runs/mAP', 'runs_per_segment'],
    baseline='plain',
    differences=['runs/mAP'],
)


def grid(text):
    """Cells of the lines below the heading."""
    lines = text.split('\n\n')[0].splitlines()[2:]
    return [
        [cell.strip() for cell in line.strip('|').split('|')] for line in lines
    ]


def test_cells_are_mean_and_spread_and_differences_are_paired():
    cells = grid(render_table(TABLE, Results(ROWS)))

    # 50, 52, 60: mean 54, deviations -4, -2, 6, sqrt(56 / 2) = 5.29
    assert cells[0] == ['Plain', '54.0 ± 5.3', '3.00 ± 1.00', 'baseline', '3']
    # 5, 1, 6 better: mean 4; three pairs have their range as interval
    assert cells[1][0] == 'better!'
    assert cells[1][3] == '+4.0 [+1.0, +6.0]'
    assert cells[1][2] == '1.50 ± 0.00'
    # seeds 1 and 2: -10 and +10
    assert cells[2][1] == '56.0 ± 19.8'
    assert cells[2][3] == '+0.0 (2 pairs are too few for an interval)'
    assert cells[2][-1] == '2'
    assert cells[3][1:] == [
        '25.0', NOTHING, '-25.0 (1 pair is too few for an interval)', '1',
    ]  # fmt: skip
    assert cells[4] == ['absent', NOTHING, NOTHING, NOTHING, '0']


def test_the_basis_is_read_out_of_the_rows():
    text = render_table(dict(TABLE, note='A note.'), Results(ROWS))

    basis = text.split('\n\n')[1]
    assert basis == (
        '*Budget: tiny; toy, evaluated on val; width 8; 4 epochs; mean ± '
        'standard deviation over seeds, in percent; differences are paired '
        'by seed, in brackets the 95 % bootstrap interval of their mean (of '
        'three, their range); mmsnip 0.1.0, torch 2.0.* A note.'
    )


def test_a_table_without_rows_says_so():
    text = render_table(TABLE, Results([]))

    assert text.endswith('*No run of this table has been made yet.*')


def test_columns_are_values_of_an_axis_with_a_baseline_each():
    rows = [
        toy_row(f'{name}-{percent}', 0, {'runs/mAP': value})
        for name, percent, value in [
            ('a', 5, 0.1), ('a', 100, 0.4), ('b', 5, 0.3), ('b', 100, 0.45),
        ]
    ]  # fmt: skip
    table = dict(
        name='t',
        lines=[dict(run='a-{percent}'), dict(run='b-{percent}', label='b')],
        columns=dict(fraction=[0.05, 1.0]),
        metrics=['runs/mAP'],
        baseline='a-{percent}',
        differences=['runs/mAP'],
    )

    text = render_table(table, Results(rows))

    assert '5 % of labels: runs mAP |' in text.splitlines()[0]
    assert grid(text)[0][1:] == ['10.0', 'baseline', '40.0', 'baseline', '1']
    assert grid(text)[1][1] == '30.0'
    assert grid(text)[1][2].startswith('+20.0 (1 pair')
    assert grid(text)[1][4].startswith('+5.0 (1 pair')


def test_rows_on_held_out_videos_are_in_no_table_of_val():
    held = [toy_row('plain', 0, {'runs/mAP': 0.9}, split='holdout')]
    table = dict(name='t', lines=[dict(run='plain')], metrics=['runs/mAP'])

    on_val = render_table(table, Results(held))
    on_held = render_table(dict(table, split='holdout'), Results(held))

    assert '90.0' not in on_val
    assert '90.0' in on_held
    assert 'evaluated on a held-out part of train' in on_held


def test_a_repeated_run_counts_once_with_its_newest_row():
    rows = [
        toy_row('a', 0, {'runs/mAP': 0.1}),
        toy_row('a', 1, {'runs/mAP': 0.3}),
        toy_row('a', 0, {'runs/mAP': 0.5}),
    ]

    assert Results(rows).values('a', 'runs/mAP') == {0: 0.5, 1: 0.3}


def test_seeds_of_an_older_declaration_are_not_averaged_in():
    old = [
        toy_row('a', s, {'runs/mAP': 0.1}, family='old', identity=f'old{s}')
        for s in (0, 1, 2)
    ]
    new = [toy_row('a', 0, {'runs/mAP': 0.5}, family='new', identity='n')]

    assert Results([*old, *new]).values('a', 'runs/mAP') == {0: 0.5}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(metric='x'), r"unknown keys \['metric'\]"),
        (dict(metrics=[]), r"missing keys \['metrics'\]"),
        (dict(baseline=None), 'differences need a baseline'),
        (dict(lines=[dict(label='x')]), "lacks its 'run'"),
    ],
)
def test_malformed_tables_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        render_table({**TABLE, **changes}, Results(ROWS))


def test_every_metric_has_a_title():
    assert title_of('sweep/AP@0.50/walk') == 'sweep AP@0.5, walk'
    assert title_of('F1@50') == 'F1@50'
