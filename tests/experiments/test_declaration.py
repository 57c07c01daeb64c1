"""What a declaration expands to, and what it refuses."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from mmengine.config import DictAction

from experiments.declare import (
    DeclarationError,
    Run,
    flatten,
    load_runs,
    option_text,
    stage_options,
)
from tests.experiments.conftest import BASE

ROOT = Path(__file__).resolve().parents[2]


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


def test_the_epochs_keep_the_shape_of_the_configs_own_schedules():
    localize = stage_options('localize', 0, epochs=40)
    pretrain = stage_options('pretrain', 0, epochs=100, mining=1 / 3)

    # custom/pretrain.py, where nothing is overridden
    assert localize == {'train_cfg.max_epochs': 40}
    assert pretrain['param_scheduler.0.end'] == 5
    assert pretrain['param_scheduler.1.milestones'] == [92]
    assert pretrain['default_hooks.checkpoint.interval'] == 10
    assert pretrain['model.mining_epoch'] == 33


@pytest.mark.parametrize(
    'value', [None, True, 3, 0.05, 1e-4, 'AGCN', [1, 2.5], [None, 'x'], [7]]
)
def test_option_texts_come_back_through_mmengine(value):
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)

    text = f'a.b={option_text(value)}'
    parsed = parser.parse_args(['--cfg-options', text]).cfg_options

    assert parsed == {'a.b': value}


def test_option_texts_that_would_be_read_otherwise_are_refused():
    with pytest.raises(ValueError, match=r"'\[1' has a bracket"):
        option_text('[1')


def test_nested_options_are_dotted():
    nested = {'model': {'neck': None, 'head.x': 1}}

    assert flatten(nested) == {'model.neck': None, 'model.head.x': 1}
    assert Run(*'abcdef', 0, flatten(nested)).overrides == [
        'model.head.x=1',
        'model.neck=None',
    ]


def test_an_init_takes_the_seed_of_its_run_or_the_one_it_names(declare):
    content = copy.deepcopy(BASE)
    content['groups'][0]['runs'].append(dict(name='shared', init='pre@0'))

    runs = declare(content).runs

    assert runs['fine', 1].init == ('pre', 1)
    assert runs['shared', 1].init == ('pre', 0)


def changed(**group):
    content = copy.deepcopy(BASE)
    content['groups'][0].update(group)
    return content


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(sets=[]), "runs.yaml: the key 'sets' is unknown"),
        (changed(budget=''), "group 'toys': it lacks 'budget'"),
        (
            changed(runs=[dict(name='x', widht=3)]),
            "run 'x': the key 'widht' is unknown",
        ),
        (
            changed(runs=[dict(name='x', matrix=dict(n=[1, 2]))]),
            'two runs are x@0; put every axis',
        ),
        (
            changed(runs=[dict(name='x-{n}')]),
            "'n' between braces is no axis",
        ),
        (
            changed(runs=[dict(name='x', init='gone')]),
            "x@0, key init: gone@0 is no declared run of stage 'pretrain'",
        ),
        (
            changed(runs=[dict(name='x', stage='pretrain', init='x')]),
            'starts from scratch; take init out',
        ),
        (
            changed(runs=[dict(name='x', stage='test')]),
            "stage='test' is unknown",
        ),
        (
            changed(runs=[dict(name='x', fraction=20)]),
            r'fraction=20 must lie in \(0, 1\]',
        ),
        (
            changed(matrix=dict(seed=3)),
            "key matrix: 'seed' is 3; expected a list",
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


def test_the_projects_own_declaration_loads_and_names_configs_that_exist():
    declared = load_runs(ROOT / 'experiments' / 'runs.yaml')

    configs = {run.config for run in declared.runs.values()}

    assert configs
    assert all((ROOT / config).is_file() for config in configs)


def test_every_run_of_the_projects_tables_is_declared():
    from experiments.declare import cells, fill
    from experiments.results import expand_lines

    declared = load_runs(ROOT / 'experiments' / 'runs.yaml')
    names = {name for name, _ in declared.runs}

    shown = {
        fill(run, words)
        for table in [*declared.tables, *declared.plots]
        for words in cells(table.get('columns') or table.get('x') or {})
        for run in [
            *(line['run'] for line in expand_lines(table['lines'])),
            # of a plot it is a label
            *([table['baseline']] if table.get('differences') else []),
        ]
    }

    assert shown <= names, shown - names
