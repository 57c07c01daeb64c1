"""Every golden number is looked at by a parity test."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.parity import (
    SEEDS,
    Deviation,
    Parity,
    error,
    summary,
    unread,
)

MARK = 'pytest.mark.parity'


@pytest.fixture(scope='module')
def sources():
    """Text of the test files that hold parity tests, by path."""
    texts = {
        path: path.read_text(encoding='utf-8')
        for path in (ROOT / 'tests').rglob('test_*.py')
    }
    return {path: text for path, text in texts.items() if MARK in text}


def need_all_parity_tests(request, sources):
    option = request.config.option
    files = {item.path for item in request.session.items}
    if option.keyword or not set(sources) <= files:
        pytest.skip('needs all other parity tests in the same run')
    if any('::' in name for name in request.config.args):
        pytest.skip('needs all other parity tests in the same run')


def test_each_reference_file_is_known_by_family_and_seed(reference_dir):
    found = {path.name for path in reference_dir.glob('*.npz')}

    assert found == {
        f'{family}_s{seed}.npz'
        for family, seeds in SEEDS.items()
        for seed in seeds
    }


@pytest.mark.parametrize('family', sorted(SEEDS))
def test_a_parity_test_names_each_family(family, sources):
    assert any(f'{family}_s' in text for text in sources.values())


def test_a_parity_test_names_each_committed_file(golden_dir, sources):
    for path in golden_dir.glob('*.npz'):
        assert any(path.stem in text for text in sources.values()), path


def test_committed_files_are_small(golden_dir):
    sizes = {p.name: p.stat().st_size for p in golden_dir.glob('*.npz')}

    assert max(sizes.values()) <= 60 * 1024, sizes
    assert sum(sizes.values()) <= 400 * 1024, sizes


def test_each_committed_file_says_where_it_is_from(golden_dir):
    text = (golden_dir / 'README.md').read_text(encoding='utf-8')

    assert {p.name for p in golden_dir.glob('*.npz')} == set(
        re.findall(r'^\| `(\w+\.npz)` \|', text, re.MULTILINE)
    )


@pytest.mark.parity
def test_each_reference_array_was_read(
    request, reference_dir, golden_dir, arrays_read, sources
):
    need_all_parity_tests(request, sources)

    assert unread(reference_dir, golden_dir, arrays_read) == {}


@pytest.mark.parity
def test_each_committed_array_was_read(
    request, golden_dir, arrays_read, sources
):
    need_all_parity_tests(request, sources)

    assert unread(golden_dir, golden_dir, arrays_read) == {}


def test_arrays_that_nobody_read_are_listed_but_for_informative_ones(tmp_path):
    np.savez(
        tmp_path / 'a_s0.npz',
        **{'x': 1, 'y/probe': 2, 'y/f32rel_y': 3, 'seed': 4, 'y/seed': 5},
    )

    left = unread(tmp_path, tmp_path.parent, {'a_s0.npz': {'x'}})

    assert left == {'a_s0.npz': ['y/probe']}


def test_float64_is_compared_beyond_the_rounding_of_float32():
    exact = np.array([1 / 3, -2 / 3, 1e-3])
    golden = exact.astype(np.float32)

    assert error(exact, golden).max() == 0
    assert error(exact + 1e-7, golden).min() > 3e-8
    assert error(golden + np.float32(1e-3), golden).min() > 9e-4


def test_a_deviation_beyond_its_limit_fails_and_is_recorded():
    recorded = []
    parity = Parity(lambda _, value: recorded.append(value))

    for value in (2e-3, np.nan):
        with pytest.raises(AssertionError, match='probe'):
            parity.close('probe', [1 + value], [1.0], 1e-3, 'y')

    assert [Deviation(*row).case for row in recorded] == 2 * ['probe']


def test_summary_shows_the_largest_deviation_of_all_seeds():
    rows = [
        ('a_s0.npz', Deviation('eval', 1e-7, 1e-5, 'y')),
        ('a_s3.npz', Deviation('eval', 4e-6, 1e-5, 'dx')),
        ('golden/b.npz', Deviation('train', 0.0, 0.0, '')),
    ]

    *_, first, second = summary(rows)

    assert first.split() == [
        *('4.0e-06', '1.0e-05', '2', 'a_s*.npz:', 'eval', '(dx,', 's3)')
    ]
    assert second.split()[3:] == ['golden/b.npz:', 'train']
