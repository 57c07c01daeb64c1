"""The benchmarks: golden yardsticks, arithmetic of the table, quick runs.

That ours equals a yardstick is checked by each part before it times anything.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from benchmarks import evaluation, pipeline
from benchmarks.encoders import PlainCTRGCN
from benchmarks.rows import in_turns, row_of, table
from benchmarks.run import PARTS, main, put_on_page, text_of
from mmsnip.skeleton.augment import blur_kernel, blur_time, shear_matrix
from mmsnip.skeleton.augment import flip_space as our_flip_space
from mmsnip.skeleton.geometry import euler_rotation
from mmsnip.skeleton.geometry import rotate as our_rotate
from tests.models.golden_blocks import arrays_of, relative
from tests.parity import SEEDS


@pytest.mark.parity
def test_the_plain_network_matches_official(reference_dir, parity):
    golden = np.load(reference_dir / 'ctrgcn_model_s0.npz')
    if 'A' in golden.files:
        A = golden['A']
    else:
        A = np.load(reference_dir / 'ctrgcn_blocks_s0.npz')['A']
    weights = {
        f'blocks.{int(key[1 : key.index(".")]) - 1}{key[key.index(".") :]}'
        if key[0] == 'l'
        else key: value
        for key, value in arrays_of(golden, 'sd/').items()
        if not key.startswith('fc.')
    }
    model = PlainCTRGCN(torch.tensor(A, dtype=torch.float32))
    found = model.load_state_dict(weights, strict=False)
    assert not found.unexpected_keys
    assert all('num_batches' in key for key in found.missing_keys)
    x = torch.tensor(golden['x']).permute(0, 4, 2, 3, 1).double()

    with torch.no_grad():
        y = model.double().eval()(x).flatten(0, 1)

    apart = relative(y, torch.tensor(golden['feat/l10']))
    parity.add('plain ctrgcn_model_s0', apart, 1e-9, 'feat/l10')


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['babel_segmap'])
def test_the_plain_evaluation_gives_the_official_numbers(
    reference_dir, seed, parity
):
    z = np.load(reference_dir / f'babel_segmap_s{seed}.npz')
    count = sum(key.startswith('L/') for key in z.files)
    scores, labels = (
        [z[f'{key}/{v}'] for v in range(count)] for key in ('scores', 'L')
    )

    ap = evaluation.evaluate(scores, labels, z['ious'])

    parity.close('plain AP', ap, z['AP'], 1e-12, 'AP')


def test_plain_changes_equal_ours():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 31, 25, 2))
    sample = np.ascontiguousarray(x.transpose(3, 1, 2, 0))
    s1, s2 = rng.uniform(-0.5, 0.5, (2, 3))
    matrix = shear_matrix(np.stack((s1, s2)))
    angles = [0.7, 21.0, 0.2]
    pairs = np.array(pipeline.MIRRORED)
    smoothed = blur_time(sample, blur_kernel(1.3), normalize=False)

    for plain, ours in (
        (pipeline.shear(x, s1, s2), our_rotate(sample, matrix)),
        (
            pipeline.rotate(x, angles),
            our_rotate(sample, euler_rotation(angles)),
        ),
        (pipeline.flip_space(x), our_flip_space(sample, pairs)),
        (pipeline.blur(x, 1.3), smoothed),
    ):
        np.testing.assert_allclose(
            plain.transpose(3, 1, 2, 0), ours, atol=1e-13
        )


def row(**changes):
    options = dict(name='a thing', target=2.0, note='N = 4')
    options.update(changes)
    return row_of(ours=[1.0, 2.0, 1.0], plain=[3.0, 4.0, 9.0], **options)


def test_a_ratio_is_the_median_of_the_turns_with_its_quartiles():
    found = row()
    single = row_of('a thing', [2.0], [5.0], 2.0)

    assert (found.ours, found.plain) == (1.0, 4.0)
    assert (found.low, found.ratio, found.high) == (2.5, 3.0, 6.0)
    assert (single.low, single.ratio, single.high) == (2.5, 2.5, 2.5)


def test_tasks_take_turns_and_every_second_turn_backwards():
    order = []

    in_turns([lambda: order.append(0), lambda: order.append(1)], 3)

    assert order == [0, 1] + [0, 1] + [1, 0] + [0, 1]


def test_the_page_says_which_targets_are_met(tmp_path):
    page = tmp_path / 'speed.md'
    page.write_text('x\n<!-- cpu: begin -->\nold\n<!-- cpu: end -->\ny\n')
    lines = table([row(), row(target=7.0)]).splitlines()

    put_on_page(text_of(dict(cores=2), [row()]), 'cpu', page)

    assert [line.split('|')[-2].strip() for line in lines[2:]] == ['yes', 'no']
    text = page.read_text()
    assert text.startswith('x\n<!-- cpu: begin -->\ncores 2\n')
    assert '| a thing (N = 4) | 4 s | 1 s | 3 (2.5 .. 6) | 2 | yes |' in text
    assert 'old' not in text
    with pytest.raises(ValueError, match=r"needs '<!-- cuda: begin -->'"):
        put_on_page('text', 'cuda', page)


@pytest.mark.slow
@pytest.mark.parametrize('part', PARTS)
def test_a_quick_run_gives_rows_with_finite_ratios(part):
    rows = main(['--quick', '--clock', 'cpu', '--only', part])

    assert rows
    for found in rows:
        assert math.isfinite(found.ratio), found.name
        assert 0 < found.low <= found.ratio <= found.high
