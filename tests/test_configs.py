"""Every config builds its model and names components that exist."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsnip.cli.launch import load_config
from mmsnip.datasets.benchmarks import SUBSETS
from mmsnip.io.annotation import save_annotation
from mmsnip.registry import METRICS, MODELS, TRANSFORMS
from mmsnip.transforms.streams import streams_of
from tests.tools.conftest import annotation

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(
    path
    for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts
)


@pytest.fixture
def swings(tmp_path, monkeypatch):
    path = tmp_path / 'swings.pkl'
    save_annotation(path, annotation())
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(path))
    for name in ('MMSNIP_INIT', 'MMSNIP_SPLIT', 'MMSNIP_STREAM'):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda p: str(p.relative_to(ROOT / 'configs'))
)
def test_config_builds_its_model_and_pipelines(path, swings):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)

    model = MODELS.build(cfg.model)
    joints = model.backbone.num_joints
    x = torch.randn(2, 1, 24, joints, model.backbone.in_channels)

    assert torch.isfinite(model.eval()(x)).all()
    for phase in ('train', 'val', 'test'):
        loader = cfg.get(f'{phase}_dataloader')
        for step in loader.dataset.pipeline if loader else ():
            TRANSFORMS.build(step)
        if cfg.get(f'{phase}_evaluator'):
            METRICS.build(cfg[f'{phase}_evaluator'])
    # What a checkpoint keeps of it can be read again.
    again = Config.fromstring(cfg.pretty_text, '.py')
    assert again.model == cfg.model


def test_view_length_of_short_videos_is_lowered(swings):
    cfg = Config.fromfile(ROOT / 'configs' / 'custom' / 'pretrain.py')

    frames = cfg.view_frames

    assert 90 <= frames < 150
    stride = math.prod(cfg.model.backbone.temporal_strides)
    assert stride == 4  # segments of 20 to 30 frames
    assert cfg.model.snippet_head.num_snippets == -(-frames // stride)


def test_more_frames_a_second_make_longer_windows(tmp_path, monkeypatch):
    def read(fps):
        data = annotation()
        data['metainfo']['fps'] = fps
        save_annotation(tmp_path / f'{fps}.pkl', data)
        monkeypatch.setenv('MMSNIP_ANN_FILE', str(tmp_path / f'{fps}.pkl'))
        folder = ROOT / 'configs' / 'custom'
        names = ('localize', 'linear_probe', 'pretrain', 'pretrain_rvtclr')
        return [Config.fromfile(folder / f'{name}.py') for name in names]

    usual, fast = read(30.0), read(120.0)

    for low, high in zip(usual, fast):
        first, *others = low.model.backbone.temporal_strides
        strides = high.model.backbone.temporal_strides
        assert list(strides) == [4 * first, *others]
    for low, high in zip(usual[:2], fast[:2]):
        assert (low.window, high.window) == (512, 2048)
        assert high.train_pipeline[4]['size'] == 2048
    for cfg in fast[2:]:
        stride = math.prod(cfg.model.backbone.temporal_strides)
        assert cfg.model.snippet_head.num_snippets == -(
            -cfg.view_frames // stride
        )


def test_the_papers_numbers_stand_in_the_configs():
    pretrain = Config.fromfile(
        ROOT / 'configs' / 'snippet' / 'agcn_babel_pretrain.py'
    )
    localize = Config.fromfile(
        ROOT
        / 'configs'
        / 'localization'
        / 'agcn_ushape_1xb8-40e_babel-subset1-joint.py'
    )

    assert pretrain.model.key_momentum == 0.999
    assert pretrain.model.snippet_head.loss_weight == 1.5
    assert pretrain.model.snippet_head.num_snippets == 19
    assert pretrain.model.global_head.queue_size == 32768
    assert pretrain.train_cfg.max_epochs == 600
    assert pretrain.optim_wrapper.optimizer.lr == 0.1
    assert localize.optim_wrapper.optimizer.lr == 1e-4
    assert localize.train_cfg.max_epochs == 40
    assert localize.train_dataloader.batch_size == 8
    assert localize.model.neck.out_channels == 512


def loaders_of(cfg):
    return [cfg[f'{phase}_dataloader'] for phase in ('train', 'val', 'test')]


@pytest.mark.parametrize('stream', ['joint', 'bone', 'motion'])
def test_a_config_named_by_a_stream_shows_it_everywhere(stream):
    found = {
        path.name: streams_of([loader.dataset.pipeline for loader in loaders])
        for path in CONFIGS
        if path.stem.endswith(f'-{stream}')
        for loaders in [loaders_of(Config.fromfile(path))]
    }

    assert len(found) >= 5
    assert set(map(frozenset, found.values())) == {frozenset({(stream,)})}


@pytest.mark.parametrize('name', ['pretrain', 'pretrain_rvtclr', 'localize'])
def test_the_stream_of_custom_data_is_one_variable(name, swings, monkeypatch):
    monkeypatch.setenv('MMSNIP_STREAM', 'bone')
    path = ROOT / 'configs' / 'custom' / f'{name}.py'

    cfg = load_config(
        Namespace(
            config=path,
            work_dir=None,
            cfg_options=None,
            launcher='none',
            local_rank=0,
        )
    )

    assert cfg.work_dir == f'work_dirs/{name}-bone'
    assert streams_of(cfg.to_dict()) == {('bone',)}


def test_a_linear_probe_trains_the_classifier_alone(swings):
    probes = [path for path in CONFIGS if 'linear_probe' in str(path)]

    trained = set()
    for path in probes:
        cfg = Config.fromfile(path)
        init_default_scope(cfg.default_scope)
        model = MODELS.build(cfg.model)
        trained |= {
            name
            for name, weight in model.named_parameters()
            if weight.requires_grad
        }

    assert len(probes) == 4
    assert trained == {'head.classifier.weight', 'head.classifier.bias'}


def test_semi_supervised_configs_differ_in_the_share_that_they_name():
    for path in CONFIGS:
        if path.parent.name != 'semi_supervised':
            continue
        cfg = Config.fromfile(path)
        share = int(path.stem.rsplit('-', 1)[1][: -len('pct')]) / 100

        assert cfg.train_dataloader.dataset.fraction == share, path
        assert 'fraction' not in cfg.val_dataloader.dataset, path


def test_each_class_of_each_subset_has_its_own_config():
    found = {
        (cfg.train_dataloader.dataset.subset, loader.dataset.only)
        for path in CONFIGS
        if path.parent.name == 'per_class'
        for cfg in [Config.fromfile(path)]
        for loader in loaders_of(cfg)
        if cfg.model.head.num_classes == 1
    }

    assert found == {(n, name) for n in SUBSETS for name in SUBSETS[n]}


def test_each_host_has_a_config_without_snippets_that_differs_in_nothing():
    alone = [path for path in CONFIGS if path.stem.endswith('_global')]

    for path in alone:
        host = Config.fromfile(
            path.with_name(path.name.replace('_global', ''))
        )
        cfg = Config.fromfile(path)
        assert host.model.snippet_head.loss_weight == 1.5
        assert cfg.model.pop('snippet_head') is None
        host.model.pop('snippet_head')
        assert cfg.to_dict() == host.to_dict(), path
    assert len(alone) == 12  # three hosts of four encoders and data sets
