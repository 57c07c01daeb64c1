"""A run is another run once anything that matters has changed."""

from __future__ import annotations

import copy

import pytest

from tests.experiments.conftest import BASE, only


def digest(name):
    return f'content of {name}'


def hashes(declared, digest=digest):
    return {
        run.label: (
            declared.identity(run, digest),
            declared.family(run, digest),
        )
        for run in declared.runs.values()
    }


def edited(which, **changes):
    content = copy.deepcopy(BASE)
    content['groups'][0]['runs'][which].update(changes)
    return content


@pytest.mark.parametrize(
    'changes',
    [
        dict(width=16),
        dict(epochs=5),
        dict(fraction=0.2),
        dict(data='other'),
        dict(data='toy/holdout'),
        dict(config='configs/custom/linear_probe.py'),
        dict(options={'model.neck': None}),
        dict(environment={'MMSNIP_STREAM': 'bone'}),
        dict(init=None),
    ],
    ids=str,
)
def test_every_knob_changes_the_identity(declare, changes):
    before = hashes(declare(BASE))

    after = hashes(declare(edited(1, **changes)))

    assert after['fine@0'][0] != before['fine@0'][0]
    assert after['fine@0'][1] != before['fine@0'][1]
    assert after['pre@0'] == before['pre@0']


@pytest.mark.parametrize('changes', [dict(epochs=3), dict(width=4)], ids=str)
def test_a_knob_of_its_start_changes_a_runs_identity(declare, changes):
    before = hashes(declare(BASE))

    after = hashes(declare(edited(0, **changes)))

    assert after['fine@1'][0] != before['fine@1'][0]
    assert after['fine@1'][1] != before['fine@1'][1]


def test_the_content_of_the_data_changes_the_identity(declare):
    declared = declare(BASE)

    before = hashes(declared)
    after = hashes(declared, lambda name: 'changed')

    assert not set(before.values()) & set(after.values())


def test_seeds_differ_in_identity_and_share_the_family(declare):
    found = hashes(declare(BASE))

    for name in ('pre', 'fine'):
        assert found[f'{name}@0'][0] != found[f'{name}@1'][0]
        assert found[f'{name}@0'][1] == found[f'{name}@1'][1]


def test_seeds_that_share_a_start_are_another_family(declare):
    found = hashes(declare(edited(1, init='pre@0')))
    own = hashes(declare(BASE))

    assert found['fine@0'][1] == found['fine@1'][1]
    assert found['fine@0'][1] != own['fine@0'][1]
    # seed 0 is the same run either way
    assert found['fine@0'][0] == own['fine@0'][0]


@pytest.mark.parametrize(
    'content',
    [
        edited(1, name='renamed'),
        edited(1, options={'train_dataloader.num_workers': 3}),
        dict(groups=[dict(BASE['groups'][0], name='n', budget='much')]),
    ],
    ids=['name', 'workers', 'group'],
)
def test_names_and_workers_change_nothing(declare, content):
    before = hashes(declare(BASE))

    after = hashes(declare(content))

    assert set(after.values()) == set(before.values())


def test_fraction_one_is_no_fraction(declare):
    whole = hashes(declare(edited(1, fraction=1.0)))
    unsaid = hashes(declare(edited(1, fraction=None)))

    assert whole == unsaid


def test_draws_of_a_budget_are_one_family_and_pair_by_draw(declare):
    content = only(
        dict(
            name='few',
            data='toy/two/{draw}',
            matrix=dict(draw=[0, 1], seed=[0, 1]),
        )
    )
    declared = declare(content)
    digest = {'toy/two/0': 'a', 'toy/two/1': 'b', 'toy': 'c'}.__getitem__

    runs = declared.runs.values()

    assert [run.label for run in runs] == [
        'few@0.0', 'few@0.1', 'few@1.0', 'few@1.1'
    ]  # fmt: skip
    assert len({declared.identity(run, digest) for run in runs}) == 4
    assert len({declared.family(run, digest) for run in runs}) == 1
