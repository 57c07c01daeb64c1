"""The project's own runs build: no option is misspelt, none is refused."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from experiments.data import DataFolder
from experiments.declare import (
    NEUTRAL,
    cells,
    fill,
    load_runs,
    recorded_options,
)
from experiments.results import expand_lines
from mmsnip.cli.launch import load_config
from mmsnip.io.annotation import load_annotation
from mmsnip.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
DECLARED = load_runs(ROOT / 'experiments' / 'runs.yaml')
# Options that a config leaves to the defaults of its classes.
UNSAID = (
    'base_channels', 'data_bn_type', 'fraction', 'seed', 'matching', 'prob',
)  # fmt: skip


def test_every_run_of_the_tables_is_declared_with_a_config_that_exists():
    names = {name for name, _ in DECLARED.runs}
    shown = {
        fill(run, {**line['words'], **words})
        for table in [*DECLARED.tables, *DECLARED.plots]
        for words in cells(table.get('columns') or {})
        for line in expand_lines(table['lines'])
        # of a plot the baseline is a label
        for run in [
            line['run'],
            *([table['baseline']] if table.get('differences') else []),
        ]
    }

    assert shown <= names, shown - names
    assert all((ROOT / run.config).is_file() for run in DECLARED.runs.values())


def different():
    """One run of each config, options and data, seeds aside."""
    found = {}
    for run in DECLARED.runs.values():
        options = recorded_options(run.stage, run.overrides)
        key = (
            run.config,
            run.data,
            *sorted(run.environment.items()),
            *(o for o in options if 'seed=' not in o),
        )
        found.setdefault(key, run)
    return list(found.values())


@pytest.fixture(scope='module')
def data(data_dir, tmp_path_factory):
    """The data sets; what is joined is joined once."""
    return DataFolder(data_dir, tmp_path_factory.mktemp('made'), DECLARED.data)


@pytest.mark.data
@pytest.mark.parametrize('run', different(), ids=lambda run: run.name)
def test_every_declared_run_builds_and_overrides_what_there_is(
    run, data, monkeypatch
):
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(data.source(run.data)))
    for name, value in run.environment.items():
        monkeypatch.setenv(name, value)

    def config(options):
        pairs = [option.split('=', 1) for option in options]
        return load_config(
            Namespace(
                config=str(ROOT / run.config),
                work_dir='x',
                cfg_options=pairs,
                launcher='none',
                local_rank=0,
            )
        )

    init_default_scope('mmsnip')
    before = config([])
    options = recorded_options(run.stage, run.overrides)
    named = [o for o in run.overrides if not o.split('=')[0].endswith(NEUTRAL)]
    model = MODELS.build(config(run.overrides).model)

    # The position that a hash is taken of is where the step stands.
    assert config(options).to_dict() == config(named).to_dict()
    for name in (option.split('=')[0] for option in options):
        if name.rsplit('.', 1)[-1] not in UNSAID:
            assert has(before, name), f'{run.config} has no {name}'
    assert sum(p.numel() for p in model.parameters()) > 0


def has(node, name):
    """Whether a config has a dotted name."""
    for part in name.split('.'):
        if isinstance(node, (list, tuple)):
            if int(part) >= len(node):
                return False
            node = node[int(part)]
        elif part in node:
            node = node[part]
        else:
            return False
    return True


@pytest.mark.data
def test_the_declared_holdouts_are_whole_styles_of_train(data):
    held = load_annotation(data.file('bandai_stitched/holdout'))
    trimmed = load_annotation(data.file('bandai_trimmed/holdout'))

    # 18 sequences of each of five styles
    assert [len(held['split'][k]) for k in ('train', 'val')] == [54, 36]
    for part in (held, trimmed):
        styles = {name.rsplit('_', 2)[1] for name in part['split']['val']}
        rest = {name.rsplit('_', 2)[1] for name in part['split']['train']}
        assert styles == {'masculine', 'youthful'}
        assert not styles & rest
        assert not rest & {'elderly', 'exhausted', 'old', 'tired'}


@pytest.mark.data
def test_the_declared_stitched_set_is_cross_subject(data):
    made = load_annotation(data.file('msr_stitched'))

    assert [len(made['split'][k]) for k in ('train', 'val')] == [48, 47]
    for part, odd in (('train', 1), ('val', 0)):
        persons = {int(name.split('_')[1]) for name in made['split'][part]}
        assert {person % 2 for person in persons} == {odd}
    assert len(made['metainfo']['classes']) == 16
    lengths = np.concatenate(
        [np.diff(entry['segments']) for entry in made['annotations']]
    )
    assert np.median(lengths) == 39
