"""From a checkpoint to a file that is kept only if it is right."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.export import formats
from mmsnip.export.formats import FORMATS
from mmsnip.export.job import check_batches, export_localizer, score_poses
from mmsnip.export.metadata import ExportError, read_metadata
from tests.export.checkpoints import (
    METAINFO,
    STRIDE,
    pipeline,
    poses,
    write_checkpoint,
)
from tests.export.conftest import needs_onnx


def scores_of(checkpoint, keypoint):
    infer = SkeletonLocalizationInferencer(checkpoint, device='cpu')
    return np.array(infer(keypoint, return_scores=True)['scores'])


def assert_file_scores_alike(path, checkpoint):
    about = read_metadata(path)
    run = FORMATS[about['format']].run(str(path))
    for M, T in ((1, 1), (2, 37), (3, 120)):
        keypoint = poses(M, T, about['num_channels'])
        found = score_poses(run, keypoint, about, 'walk')
        wanted = scores_of(checkpoint, keypoint)
        assert found.shape == wanted.shape == (T, 3)
        assert np.abs(found - wanted).max() < 1e-5


@pytest.mark.parametrize('backbone', ['AGCN', 'CTRGCN', 'STGCN'])
def test_torchscript_scores_as_the_inferencer_does(tmp_path, backbone):
    checkpoint = write_checkpoint(tmp_path / 'a.pth', backbone=backbone)

    path = export_localizer(checkpoint, 'torchscript')

    assert path == tmp_path / 'a.torchscript.pt'
    assert_file_scores_alike(path, checkpoint)


def test_a_model_that_smooths_its_scores_is_exported_too(tmp_path):
    checkpoint = write_checkpoint(tmp_path / 'a.pth', smooth=9)

    path = export_localizer(checkpoint, 'torchscript')

    assert read_metadata(path)['smooth_frames'] == 9
    assert_file_scores_alike(path, checkpoint)


@pytest.fixture(scope='module')
def one_trace():
    """torch takes the graph of a model once, for both its formats."""
    taken, take = {}, formats.export_program

    def export_program(scorer, example):
        weights = [w.numpy().tobytes() for w in scorer.state_dict().values()]
        key = b''.join(weights)
        if key not in taken:
            taken.clear()
            taken[key] = take(scorer, example)
        return taken[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, 'export_program', export_program)
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ('backbone', 'neck', 'target'),
    [
        ('AGCN', None, 'exported-program'),
        ('AGCN', None, 'onnx'),
        ('CTRGCN', 'unet', 'exported-program'),
        ('CTRGCN', 'unet', 'onnx'),
        ('STGCN', 'pyramid', 'onnx'),
    ],
)
def test_a_traced_graph_scores_as_the_inferencer_does(
    tmp_path, backbone, neck, target, one_trace
):
    if target == 'onnx':
        needs_onnx()
    steps = pipeline('joint', 'bone')
    checkpoint = write_checkpoint(
        tmp_path / 'a.pth', steps, backbone=backbone, neck=neck, channels=6
    )

    path = export_localizer(checkpoint, target)

    assert_file_scores_alike(path, checkpoint)
    assert read_metadata(path)['frames']['min'] <= STRIDE + 1


def test_the_file_says_all_that_its_use_needs(tmp_path, checkpoint):
    steps = pipeline('bone', align='heading')
    checkpoint = write_checkpoint(tmp_path / 'a.pth', steps)

    path = export_localizer(checkpoint, 'torchscript', tmp_path / 'b' / 'c.pt')
    about = read_metadata(path)

    for key in ('classes', 'joint_names', 'parents', 'fps'):
        assert about[key] == METAINFO[key]
    assert about['stream'] == ['bone']
    assert about['pipeline'] == steps
    assert about['layout']['spine'] is not None or about['layout']['origin']
    assert about['frames'] == dict(min=1, max=32768, overlap=16 + 36)
    assert about['check']['noise'] < about['check']['limit'] == 1e-4
    assert set(about['inputs']) == {'keypoint', 'body_mask', 'num_frames'}
    assert about['mmsnip']
    assert json.dumps(about).find(str(tmp_path)) < 0


def test_a_file_that_scores_otherwise_is_not_kept(
    tmp_path, checkpoint, monkeypatch
):
    right = FORMATS['torchscript']

    def write_wrong(scorer, *rest):
        scorer.localizer.head.classifier.bias[1] += 0.01
        right.write(scorer, *rest)

    monkeypatch.setitem(
        formats.FORMATS, 'torchscript', right._replace(write=write_wrong)
    )
    out = tmp_path / 'out' / 'a.pt'

    with pytest.raises(ExportError, match=r'differ from PyTorch by 0\.00'):
        export_localizer(checkpoint, 'torchscript', out)

    assert list(out.parent.iterdir()) == []


def test_a_model_that_an_exporter_cannot_follow_is_named(
    tmp_path, checkpoint, monkeypatch
):
    def write(*arguments):
        raise RuntimeError('unsupported operator')

    monkeypatch.setitem(
        formats.FORMATS,
        'torchscript',
        FORMATS['torchscript']._replace(write=write),
    )

    with pytest.raises(ExportError, match=r'AGCN.*unsupported operator'):
        export_localizer(checkpoint, 'torchscript', tmp_path / 'a.pt')


def test_a_file_that_fails_at_some_length_is_not_kept(checkpoint):
    model = SkeletonLocalizationInferencer(checkpoint, device='cpu').model

    def run(inputs):
        raise RuntimeError('T must be 64')

    with pytest.raises(ExportError, match=r'of \(1,\) frames.*T must be 64'):
        check_batches(run, model, STRIDE, 1)


def test_real_videos_are_compared_with_the_inferencer(
    tmp_path, checkpoint, videos
):
    said = []

    path = export_localizer(
        checkpoint, 'torchscript', tmp_path / 'a.pt', None, videos, 'train',
        said.append,
    )  # fmt: skip

    assert read_metadata(path)['check']['videos'] < 1e-5
    assert 'the same on 2 videos' in said[1]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(target='onnx', quantize='int8'), 'needs --ann FILE'),
        (dict(target='torchscript', quantize='int8'), 'goes with --to onnx'),
        (dict(target='onnx', quantize='int4'), "'int4' is unknown"),
        (dict(target='tflite'), "'tflite' is unknown"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    checkpoint, options, message, monkeypatch
):
    monkeypatch.setattr(formats.importlib.util, 'find_spec', lambda name: name)

    with pytest.raises(ExportError, match=message):
        export_localizer(checkpoint, **options)


def test_what_is_lacking_is_named_with_the_command(checkpoint, monkeypatch):
    monkeypatch.setattr(
        formats.importlib.util,
        'find_spec',
        lambda name: None if name == 'onnxscript' else name,
    )

    with pytest.raises(ExportError, match=r'pip install onnxscript$'):
        export_localizer(checkpoint, 'onnx')


def test_a_foreign_step_is_noted_and_the_file_still_compared(
    tmp_path, monkeypatch
):
    from mmsnip.export import job

    checkpoint = write_checkpoint(tmp_path / 'a.pth')
    monkeypatch.setattr(job, 'foreign_steps', lambda steps: ['Twist'])
    said = []

    path = export_localizer(checkpoint, 'torchscript', log=said.append)

    assert said[0].startswith("note: ['Twist'] in the test pipeline")
    assert list(read_metadata(path)['check']) == ['limit', 'noise']


def test_a_file_without_metadata_is_refused(tmp_path):
    path = tmp_path / 'a.pt'
    torch.save(dict(a=1), path)

    with pytest.raises(ExportError, match="no metadata 'mmsnip'"):
        read_metadata(path)
    with pytest.raises(FileNotFoundError, match='there is no such file'):
        read_metadata(tmp_path / 'b.onnx')
