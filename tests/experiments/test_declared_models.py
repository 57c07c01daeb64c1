"""The project's own runs build: no option is misspelt, none is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

from experiments.data import DataFolder
from experiments.declare import load_runs, meant_options
from mmsnip.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
DECLARED = load_runs(ROOT / 'experiments' / 'runs.yaml')
# Options that a config leaves to the defaults of its classes.
UNSAID = (
    'base_channels', 'data_bn_type', 'fraction', 'seed', 'matching', 'prob',
)  # fmt: skip


def different(runs):
    """One run of each config, options and data, seeds aside."""
    found = {}
    for run in runs:
        options = meant_options(run.overrides)
        key = (
            run.config,
            run.data,
            *sorted(run.environment.items()),
            *(o for o in options if 'seed=' not in o),
        )
        found.setdefault(key, run)
    return list(found.values())


def parsed(run):
    """Options as ``tools/train.py`` has them."""
    return {
        name: DictAction._parse_iterable(text)
        for name, text in (option.split('=', 1) for option in run.overrides)
    }


@pytest.fixture(scope='module')
def data(data_dir, tmp_path_factory):
    """The data sets; what is joined is joined once."""
    return DataFolder(data_dir, tmp_path_factory.mktemp('made'), DECLARED.data)


@pytest.mark.data
@pytest.mark.parametrize(
    'run', different(DECLARED.runs.values()), ids=lambda run: run.name
)
def test_every_declared_run_builds_and_overrides_what_there_is(
    run, data, monkeypatch
):
    path = data.source(run.data)
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(path))
    for name, value in run.environment.items():
        monkeypatch.setenv(name, value)
    cfg = Config.fromfile(ROOT / run.config)
    init_default_scope('mmsnip')
    options = parsed(run)

    for name in options:
        if name.rsplit('.', 1)[-1] not in UNSAID:
            assert has(cfg, name), f'{run.config} has no {name}'
    cfg.merge_from_dict(options)
    model = MODELS.build(cfg.model)

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
