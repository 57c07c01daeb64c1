"""Every config builds its model and names components that exist."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsnip.io.annotation import save_annotation
from mmsnip.registry import METRICS, MODELS, TRANSFORMS
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
    monkeypatch.delenv('MMSNIP_INIT', raising=False)
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
    assert cfg.model.snippet_head.num_snippets == -(-frames // 8)


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
