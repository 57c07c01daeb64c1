"""What a declaration expands to and refuses, and what makes a run another."""

from __future__ import annotations

import argparse
import copy

import pytest
from mmengine.config import DictAction

from experiments.declare import (
    DeclarationError,
    option_text,
    recorded_options,
)
from tests.experiments.conftest import BASE, only


def test_a_matrix_gives_every_combination_once(declare):
    content = dict(
        groups=[
            dict(
                name='grid',
                budget='b',
                defaults=dict(data='toy'),
                matrix=dict(seed=[0, 1, 2], fraction=[0.05, 1.0]),
                runs=[dict(name='{kind}-{percent}', matrix=dict(kind='xy'))],
            )
        ]
    )
    content['groups'][0]['runs'][0]['matrix']['kind'] = ['x', 'y']

    runs = declare(content).runs

    assert len(runs) == 3 * 2 * 2
    assert {name for name, _ in runs} == {'x-5', 'y-5', 'x-100', 'y-100'}
    assert runs['x-5', 2].options == {
        'train_dataloader.dataset.fraction': 0.05,
        'train_dataloader.dataset.seed': 2,
    }
    assert runs['y-100', 1].options == {}


def test_later_layers_win_and_stages_have_their_own(declare):
    content = dict(
        defaults=dict(
            data='toy', options=dict(a=1, b=1, c=1), pretrain=dict(width=9)
        ),
        axes=dict(kind=dict(x=dict(pretrain=dict(options=dict(b=2, c=2))))),
        groups=[
            dict(
                name='g',
                budget='b',
                matrix=dict(kind=['x']),
                runs=[
                    dict(
                        name='pre', stage='pretrain', options=dict(c='{kind}')
                    ),
                    dict(name='fine'),
                ],
            )
        ],
    )

    runs = declare(content).runs

    width = 'model.backbone.base_channels'
    assert runs['pre', 0].options == dict(a=1, b=2, c='x') | {width: 9}
    assert runs['fine', 0].options == dict(a=1, b=1, c=1)


def test_a_step_by_its_type_counts_as_the_position_it_had():
    data = 'train_dataloader.dataset'
    by_type = [
        f'{data}.num_workers=0',
        f'{data}.pipeline.MultiView.views.0.RandomPosture.prob=0',
        'custom_hooks.EmbeddingMapHook.interval=20',
    ]
    by_position = [
        'custom_hooks.3.interval=20',
        f'{data}.pipeline.4.views.0.2.prob=0',
    ]

    assert recorded_options('pretrain', by_type) == by_position
    assert recorded_options('pretrain', by_position) == by_position


@pytest.mark.parametrize(
    'value', [None, True, 3, 0.05, 1e-4, 'AGCN', [1, 2.5], [None, 'x'], [7]]
)
def test_option_texts_come_back_through_mmengine(value):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)

    text = f'a.b={option_text(value)}'
    parsed = parser.parse_args(['--cfg-options', text]).cfg_options

    assert parsed == {'a.b': value}


def changed(**group):
    content = copy.deepcopy(BASE)
    content['groups'][0].update(group)
    return content


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(sets=[]), r"runs.yaml: unknown keys \['sets'\]"),
        (changed(budget=''), r"group 'toys'.* missing keys \['budget'\]"),
        (
            changed(runs=[dict(name='x', widht=3)]),
            r"run 'x': unknown keys \['widht'\]",
        ),
        (
            changed(runs=[dict(name='x', matrix=dict(n=[1, 2]))]),
            'two runs are x@0; put every axis',
        ),
        (changed(runs=[dict(name='x-{n}')]), "run 'x-{n}': 'n'; the axes"),
        (
            changed(runs=[dict(name='x', init='gone')]),
            r"x@0, key init: \('gone', 0\) must be a declared run of stage",
        ),
        (changed(runs=[dict(name='x', stage='test')]), "stage='test'"),
        (
            changed(runs=[dict(name='x', fraction=20)]),
            r'fraction=20 must lie in \(0, 1\]',
        ),
        (
            dict(
                axes=dict(kind=dict(a={})), **changed(matrix=dict(kind=['b']))
            ),
            "axis 'kind' has no value 'b'; it has",
        ),
    ],
)
def test_declarations_are_refused_with_their_place(declare, content, message):
    with pytest.raises(DeclarationError, match=message):
        declare(content)


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


def test_seeds_differ_in_identity_and_share_the_family(declare):
    found = hashes(declare(BASE))

    for name in ('pre', 'fine'):
        assert found[f'{name}@0'][0] != found[f'{name}@1'][0]
        assert found[f'{name}@0'][1] == found[f'{name}@1'][1]


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
