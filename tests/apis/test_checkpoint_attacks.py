"""A checkpoint runs nothing, reads nothing, and takes what it weighs."""

import os
import subprocess
import time

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

import mmsnip.registry  # noqa: F401  (what tools/train.py imports)
from mmsnip.apis.trained_model import build_model, read_recipe
from mmsnip.models.checkpoint import CheckpointError
from mmsnip.models.recipe import registered
from mmsnip.registry import MODELS, TRANSFORMS

NAMES = [f'joint_{v}' for v in range(5)]
SKELETON = dict(joint_names=NAMES, parents=[-1, 0, 1, 1, 0])
MODEL = dict(
    type='SkeletonLocalizer',
    backbone=dict(
        type='mmsnip.AGCN',
        graph_cfg=dict(layout=SKELETON),
        base_channels=4,
        temporal_strides=[1, 2],
        inflate_stages=[],
        out_indices=[1],
    ),
    head=dict(type='FrameLocalizationHead', num_classes=2),
)
PIPELINE = [
    dict(type='SkeletonStream', stream='joint'),
    dict(type='PackSkeletonInputs'),
]


def saved(folder, model=None, pipeline=None, scope='mmsnip', **metainfo):
    """A checkpoint of good weights and whatever recipe."""
    with torch.random.fork_rng():
        weights = MODELS.build({**MODEL, 'type': 'mmsnip.SkeletonLocalizer'})
    own = dict(
        default_scope=scope,
        model=MODEL if model is None else model,
        pipeline=PIPELINE if pipeline is None else pipeline,
        dataset_meta=dict(
            {'classes': ['wave', 'walk'], 'fps': 30.0, **SKELETON}, **metainfo
        ),
    )
    path = folder / 'epoch_1.pth'
    content = dict(state_dict=weights.state_dict(), meta=dict(mmsnip=own))
    torch.save(content, path)
    return path


def build(path):
    recipe = read_recipe(path, None)
    return build_model(recipe), recipe.transforms()


def nested(change, where=('backbone',)):
    """The model with something else deep in it."""
    model = {**MODEL}
    part = model
    for key in where:
        part[key] = {**part[key]}
        part = part[key]
    part.update(change)
    return model


def test_a_plain_recipe_builds(tmp_path):
    model, transforms = build(saved(tmp_path))

    assert len(transforms.transforms) == 2
    assert model.backbone.in_channels == 3


CALLS = [
    dict(type='subprocess.check_output', args=['touch', 'EVIDENCE']),
    dict(type='os.system', command='touch EVIDENCE'),
    dict(type='builtins.exec'),
    dict(type='torch.hub.load', repo_or_dir='a/b', model='c'),
    dict(type='mmengine.Config.fromfile', filename='x.py'),
    dict(type='mmsnip.apis.trained_model.read_recipe'),
    dict(type='mmaction.CLIPSimilarity'),  # downloads
    dict(type='mmaction.UniFormerV2'),  # downloads by default
    dict(type='LoadImageFromFile'),
    dict(type='SkeletonStream', _scope_='antigravity'),
    dict(type=['SkeletonStream']),
]


@pytest.mark.parametrize('call', CALLS, ids=lambda call: str(call['type']))
@pytest.mark.parametrize('place', ['model', 'nested', 'pipeline', 'view'])
def test_a_checkpoint_calls_nothing(tmp_path, monkeypatch, call, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, 'check_output', pytest.fail)
    monkeypatch.setattr(os, 'system', pytest.fail)
    change = dict(
        model=dict(model=call),
        nested=dict(model=nested(dict(graph_cfg=dict(layout=[(call,)])))),
        pipeline=dict(pipeline=[*PIPELINE, call]),
        view=dict(pipeline=[dict(type='MultiView', views=[[call]])]),
    )[place]
    path = saved(tmp_path, **change)

    key = r"epoch_1.pth, meta\['mmsnip'\]\['(model|pipeline)'"
    with pytest.raises(CheckpointError, match=key):
        build(path)


@pytest.mark.parametrize('scope', ['antigravity', 'mmdet', 'mmengine', 7])
def test_a_checkpoint_names_no_other_scope(tmp_path, scope):
    with pytest.raises(CheckpointError, match='default_scope'):
        build(saved(tmp_path, scope=scope))


def test_a_checkpoint_makes_nothing_be_read(tmp_path):
    gone = 'http://localhost:9/gone.pth'
    given = dict(type='Pretrained', checkpoint=gone)
    model = nested(dict(pretrained=gone, init_cfg=given))
    model.update(pretrained=gone, init_cfg=given, load_from=gone)

    build(saved(tmp_path, model=model))


def test_a_work_folder_names_no_file_elsewhere(tmp_path):
    saved(tmp_path)
    inside = tmp_path / 'work'
    inside.mkdir()
    for named in (tmp_path / 'epoch_1.pth', '../epoch_1.pth', 'http://a/b'):
        (inside / 'last_checkpoint').write_text(str(named))
        with pytest.raises(FileNotFoundError, match='work'):
            read_recipe(inside, None)


HUGE = [
    dict(backbone={**MODEL['backbone'], 'base_channels': 10**9}),
    dict(backbone={**MODEL['backbone'], 'base_channels': 10**5}),
    dict(head=dict(type='FrameLocalizationHead', num_classes=10**6)),
    dict(
        backbone={
            **MODEL['backbone'],
            'temporal_strides': [1] * 90_000,
        }
    ),
    dict(backbone={**MODEL['backbone'], 'graph_cfg': dict(
        layout=dict(num_node=10**6, inward=[[1, 0]], center=0))}),
    dict(backbone={**MODEL['backbone'], 'graph_cfg': dict(
        layout=dict(parents=[-1] + [0] * 90_000))}),
]  # fmt: skip


@pytest.mark.parametrize('change', HUGE, ids=range(len(HUGE)))
def test_a_model_takes_no_more_than_its_weights(tmp_path, change):
    path = saved(tmp_path, model={**MODEL, **change})
    started = time.process_time()

    with pytest.raises(ValueError, match=r'weights|numbers up to|joints'):
        build(path)

    assert time.process_time() - started < 20


def test_metainfo_of_a_checkpoint_is_bounded(tmp_path):
    for change, key in [
        (dict(fps=1e5), 'fps'),
        (dict(fps='fast'), 'fps'),
    ]:
        with pytest.raises(CheckpointError, match=key):
            build(saved(tmp_path, **change))


def test_shared_and_deep_lists_are_bounded():
    bomb = deep = []
    for _ in range(60):
        bomb, deep = [bomb, bomb], [deep]
    loop = []
    loop.append(loop)
    for config in (bomb, deep, loop, dict(a=torch.zeros(2))):
        for registry in (None, TRANSFORMS):
            with pytest.raises(CheckpointError, match='here'):
                registered(config, registry, 'here')


def test_resuming_runs_no_config_of_the_checkpoint(tmp_path):
    evidence = tmp_path / 'evidence'
    code = f"open({str(evidence)!r}, 'w').close()"
    path = tmp_path / 'evil.pth'
    module = torch.nn.Linear(2, 1)
    torch.save(
        dict(
            state_dict=module.state_dict(),
            meta=dict(config=code, epoch=0, iter=0),
            message_hub={},
        ),
        path,
    )

    found = Runner.load_checkpoint(
        _runner(module), str(path), map_location='cpu'
    )

    assert 'config' not in found['meta']
    assert not evidence.exists()


def _runner(module):
    from types import SimpleNamespace

    return SimpleNamespace(
        model=module,
        call_hook=lambda *args, **kwargs: None,
        logger=SimpleNamespace(info=print),
        cfg=Config(),
    )
