"""Targets against numbers worked out by hand."""

from __future__ import annotations

import pytest

from experiments.results import Results
from experiments.table import render_targets
from tests.experiments.conftest import toy_row

ROWS = [
    *(
        toy_row('plain', seed, {'runs/mAP': value, 'runs_per_segment': 1.25})
        for seed, value in enumerate([0.5, 0.52, 0.6])
    ),
    *(
        toy_row('better', seed, {'runs/mAP': value})
        for seed, value in [(2, 0.66), (0, 0.55), (1, 0.53)]
    ),
]


def outcome(**line):
    """Asked, measured, seeds and outcome of one target."""
    line = dict(dict(said='x', run='plain', metric='runs/mAP'), **line)
    text = render_targets(dict(name='t', lines=[line]), Results(ROWS))
    return [c.strip() for c in text.splitlines()[-1].strip('|').split('|')][2:]


def test_a_mean_is_compared_in_the_units_of_the_tables():
    # 50, 52, 60: mean 54
    assert outcome(least=53.9) == ['at least 53.9', '54.0 ± 5.3', '3', 'met']
    assert outcome(least=54.1)[-1] == '**missed**'
    assert outcome(metric='runs_per_segment', most=1.25) == [
        'at most 1.25', '1.25 ± 0.00', '3', 'met',
    ]  # fmt: skip
    assert outcome(metric='runs_per_segment', most=1.2)[-1] == '**missed**'


def test_a_difference_is_paired_by_seed():
    # 5, 1, 6 better: mean 4
    both = dict(run='better', over='plain')
    assert outcome(**both, least=0.5) == [
        'at least +0.5', '+4.0 [+1.0, +6.0]', '3', 'met',
    ]  # fmt: skip
    assert outcome(**both, least=3.5)[-1] == 'met by the mean alone'
    assert outcome(**both, least=5)[-1] == '**missed**'
    assert outcome(**both, most=5)[-1] == 'met by the mean alone'
    assert outcome(**both, most=6.5)[-1] == 'met'


def test_what_has_no_row_is_neither_met_nor_missed():
    assert outcome(run='absent', least=0)[-2:] == ['0', 'not run']
    assert outcome(run='better', over='absent', most=9)[-2:] == [
        '0', 'not run',
    ]  # fmt: skip


@pytest.mark.parametrize(
    'line', [dict(least=1, most=2), dict(), dict(least=1, mean=2)]
)
def test_a_line_that_asks_nothing_clear_is_refused(line):
    with pytest.raises(ValueError, match="targets 't', line 'x'"):
        outcome(**line)


def test_unknown_keys_are_refused():
    with pytest.raises(ValueError, match=r"unknown keys \['title'\]"):
        render_targets(dict(name='t', title='x', lines=[]), Results(ROWS))
