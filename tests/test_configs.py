"""Every config builds its model and names components that exist."""

from __future__ import annotations

import math
import os
import re
from argparse import Namespace
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsnip.cli.launch import load_config
from mmsnip.cli.places import list_configs
from mmsnip.datasets.benchmarks import SUBSETS
from mmsnip.hooks import streams_of
from mmsnip.io.annotation import save_annotation
from mmsnip.registry import METRICS, MODELS, TRANSFORMS
from tests.metafiles import (
    FOLDERS,
    OLD_NAMES,
    config_paths,
    metafile,
    text_of,
)
from tests.tools.conftest import annotation

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(
    path
    for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts
)
LOCALIZATION = ROOT / 'configs' / 'localization'
VARIABLES = ('INIT', 'SPLIT', 'STREAM', 'SUBSET', 'CLASS', 'FRACTION')


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(f'MMSNIP_{name}', raising=False)


@pytest.fixture
def swings(tmp_path, monkeypatch):
    path = tmp_path / 'swings.pkl'
    save_annotation(path, annotation())
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(path))
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
        assert (low.window, high.window) == (256, 1024)
        assert high.train_pipeline[4]['size'] == 1024
    for cfg in fast[2:]:
        stride = math.prod(cfg.model.backbone.temporal_strides)
        assert cfg.model.snippet_head.num_snippets == -(
            -cfg.view_frames // stride
        )


def test_videos_without_labels_are_taught_unless_told_otherwise(
    tmp_path, monkeypatch
):
    data = annotation()
    for video in data['annotations'][:3]:
        del video['segments'], video['segment_labels']
    save_annotation(tmp_path / 'few.pkl', data)
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(tmp_path / 'few.pkl'))
    folder = ROOT / 'configs' / 'custom'

    def read(name):
        cfg = Config.fromfile(folder / f'{name}.py')
        loader = cfg.train_dataloader
        hooks = [hook.type for hook in cfg.custom_hooks]
        return (
            cfg.model.type == 'MeanTeacherLocalizer',
            loader.sampler.type == 'HalfLabelledSampler',
            not loader.dataset.labelled,
            'MeanTeacherHook' in hooks,
        )

    assert read('localize') == (True,) * 4
    assert read('linear_probe') == (False,) * 4  # labels alone judge
    monkeypatch.setenv('MMSNIP_UNLABELLED', '0')
    assert read('localize') == (False,) * 4
    assert read('linear_probe') == (False,) * 4
    assert os.environ['MMSNIP_UNLABELLED'] == '0'


def test_the_papers_numbers_stand_in_the_configs():
    pretrain = Config.fromfile(
        ROOT / 'configs/snippet/skeletonclr_agcn_1xb128_600e_babel.py'
    )
    localize = Config.fromfile(LOCALIZATION / 'ushape_agcn_1xb8_40e_babel.py')

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


@pytest.mark.parametrize('stream', ['joint', 'bone', 'motion'])
def test_a_stream_is_one_variable_of_every_published_config(
    stream, monkeypatch
):
    monkeypatch.setenv('MMSNIP_STREAM', stream)

    for path in CONFIGS:
        if path.parent.name == 'custom' or 'egocentric' in path.stem:
            continue
        cfg = Config.fromfile(path)
        read = {k: v for k, v in cfg.to_dict().items() if 'loader' in k}
        read['hooks'] = cfg.custom_hooks
        assert streams_of(read) == {(stream,)}, path


def loaded(path, *cfg_options):
    return load_config(
        Namespace(
            config=path,
            work_dir=None,
            cfg_options=cfg_options,
            launcher='none',
            local_rank=0,
        )
    )


def test_a_step_of_a_pipeline_is_named_by_its_type(swings):
    path = ROOT / 'configs' / 'custom' / 'localize.py'
    pipeline = 'train_dataloader.dataset.pipeline'

    cfg = loaded(path, (f'{pipeline}.RandomTempo.prob', '0'))

    steps = cfg.train_dataloader.dataset.pipeline
    assert [s.get('prob') for s in steps if s.type == 'RandomTempo'] == [0]
    for step, message in (('RandomWindow', '2 times'), ('None', '0 times')):
        with pytest.raises(SystemExit, match=message):
            loaded(path, (f'{pipeline}.{step}.size', '3'))


@pytest.mark.parametrize('name', ['pretrain', 'pretrain_rvtclr', 'localize'])
def test_the_stream_of_custom_data_is_one_variable(name, swings, monkeypatch):
    monkeypatch.setenv('MMSNIP_STREAM', 'bone')
    path = ROOT / 'configs' / 'custom' / f'{name}.py'

    cfg = loaded(path)

    assert cfg.work_dir == f'work_dirs/{name}-bone'
    assert streams_of(cfg.to_dict()) == {('bone',)}


def test_a_linear_probe_trains_the_classifier_alone(swings):
    probes = [path for path in CONFIGS if 'probe' in path.stem]

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

    assert len(probes) == 2
    assert trained == {'head.classifier.weight', 'head.classifier.bias'}


def test_subset_class_and_share_are_variables(monkeypatch):
    for number, names in SUBSETS.items():
        for name in names:
            monkeypatch.setenv('MMSNIP_SUBSET', str(number))
            monkeypatch.setenv('MMSNIP_CLASS', name)
            monkeypatch.setenv('MMSNIP_FRACTION', '0.05')

            cfg = loaded(LOCALIZATION / 'ushape_agcn_1xb8_40e_babel.py')

            assert cfg.model.head.num_classes == 1
            for phase in ('train', 'val', 'test'):
                dataset = cfg[f'{phase}_dataloader'].dataset
                assert (dataset.subset, dataset.only) == (number, name)
                share = 0.05 if phase == 'train' else None
                assert dataset.get('fraction') == share
            assert cfg.work_dir.endswith(
                f'-subset{number}-{name.replace(" ", "-")}-fraction0.05'
            )


def test_the_protocol_of_pkummd_is_a_variable(monkeypatch):
    for split, protocol in (
        ('xsub', 'cross-subject'),
        ('xview', 'cross-view'),
    ):
        monkeypatch.setenv('MMSNIP_SPLIT', split)

        cfg = Config.fromfile(LOCALIZATION / 'linear_agcn_1xb8_40e_pkummd.py')

        assert cfg.train_dataloader.dataset.protocol == protocol
        assert cfg.test_dataloader.dataset.protocol == protocol
        assert cfg.model.head.num_classes == 51


@pytest.mark.parametrize('folder', FOLDERS)
def test_the_metafile_of_a_folder_is_what_its_configs_build(folder, swings):
    found = (ROOT / 'configs' / folder / 'metafile.yml').read_text()

    # Written anew by: python -m tests.metafiles
    assert found == text_of(metafile(folder))


def test_the_model_index_imports_every_metafile():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())

    listed = [
        model['Config']
        for path in index['Import']
        for model in yaml.safe_load((ROOT / path).read_text())['Models']
    ]
    assert sorted(listed) == list_configs(ROOT)
    assert len(list((ROOT / 'configs').rglob('*.py'))) <= 50


@pytest.mark.parametrize('folder', FOLDERS)
def test_the_readme_of_a_folder_names_each_of_its_configs(folder):
    text = (ROOT / 'configs' / folder / 'README.md').read_text()

    for path in config_paths(folder):
        assert f'`{path.name}`' in text, path.name


def test_names_of_configs_follow_one_grammar():
    grammar = (
        r'(skeletonclr|aimclr|rvtclr|ushape|linear|probe|unet|pyramid)'
        r'_(agcn|ctrgcn|stgcn)_1xb\d+_\d+e_(babel|pkummd|ntu60)'
        r'(_egocentric)?'
    )

    for path in CONFIGS:
        name = OLD_NAMES.get(path.stem, path.stem)
        assert path.parent.name == 'custom' or re.fullmatch(grammar, name)
