"""An ONNX file, its example and its eight bits."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.export import formats
from mmsnip.export.formats import FORMATS, LEAST, OPSET, quantize_weights
from mmsnip.export.job import export_localizer, score_poses
from mmsnip.export.metadata import ExportError, read_metadata
from mmsnip.io.annotation import save_annotation
from tests.export.checkpoints import poses
from tests.export.conftest import needs_onnx
from tests.tools.conftest import ROOT, annotation

EXAMPLE = ROOT / 'examples' / 'onnx_segments.py'
# What is told to be absent raises an ImportError.
BLOCKED = """
import runpy, sys
for name in ('torch', 'mmengine', 'mmcv', 'mmaction', 'scipy'):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.slow
def test_the_file_is_free_of_the_machine_that_wrote_it(onnx_file):
    import onnx

    path, said = onnx_file
    model = onnx.load(path)
    sizes = {
        value.name: [
            dim.dim_param or dim.dim_value
            for dim in value.type.tensor_type.shape.dim
        ]
        for value in (*model.graph.input, *model.graph.output)
    }

    assert sizes == dict(
        keypoint=['N', 'M', 'T', 5, 3],
        body_mask=['N', 'M', 'T'],
        num_frames=['N'],
        scores=['N', 'T', 3],
    )
    assert str(ROOT).encode() not in path.read_bytes()
    assert [(o.domain, o.version) for o in model.opset_import] == [('', OPSET)]
    assert read_metadata(path)['opset'] == OPSET
    assert 'the same on 5 videos' in said[1]


@pytest.mark.slow
def test_a_padded_batch_scores_as_its_videos_do_alone(onnx_file):
    run = FORMATS['onnx'].run(str(onnx_file[0]))
    rng = np.random.default_rng(0)
    keypoint = rng.normal(0, 1, (3, 2, 41, 5, 3)).astype(np.float32)
    mask = rng.random((3, 2, 41)) < 0.7
    lengths = np.array([41, 24, 33])
    for n, size in enumerate(lengths):
        mask[n, :, size:] = False

    together = run(dict(keypoint=keypoint, body_mask=mask, num_frames=lengths))

    for n, size in enumerate(lengths):
        alone = run(
            dict(
                keypoint=keypoint[n : n + 1, :, :size],
                body_mask=mask[n : n + 1, :, :size],
                num_frames=lengths[n : n + 1],
            )
        )
        assert np.abs(together[n, :size] - alone[0]).max() < 1e-5


@pytest.mark.slow
def test_the_example_needs_no_torch_and_finds_what_the_inferencer_finds(
    onnx_file, checkpoint, tmp_path
):
    keypoint = poses(T=150)
    np.save(tmp_path / 'walk.npy', keypoint)
    infer = SkeletonLocalizationInferencer(checkpoint, device='cpu')

    done = subprocess.run(
        [sys.executable, '-c', BLOCKED, EXAMPLE, onnx_file[0]]
        + [tmp_path / 'walk.npy', '30'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    wanted = [
        f'{d["segment"][0]:8.2f} {d["segment"][1]:8.2f} s  '
        f'{d["score"]:.2f}  {d["label"]}'
        for d in infer(keypoint)['detections']
    ]
    assert done.stdout.splitlines() == wanted
    assert len(wanted) > 0


def test_the_example_is_short():
    lines = EXAMPLE.read_text().split('"""')[-1].splitlines()

    assert len([line for line in lines if line.strip()]) <= 20


@pytest.mark.slow
def test_eight_bits_are_measured_and_the_loss_is_in_the_file(
    onnx_file, checkpoint, videos, tmp_path, monkeypatch
):
    said, out = [], tmp_path / 'small.onnx'

    def write(scorer, example, path, about):  # it was written once
        shutil.copy(onnx_file[0], path)
        about['frames']['min'] = 1

    monkeypatch.setitem(
        formats.FORMATS, 'onnx', FORMATS['onnx']._replace(write=write)
    )

    export_localizer(checkpoint, 'onnx', out, 'int8', videos, log=said.append)

    found = read_metadata(out)['quantized']
    assert read_metadata(out)['precision'] == 'int8 weights'
    assert found['videos'] == 6
    assert set(found['float32']) == set(found['int8'])
    assert found['largest_difference'] < 0.1
    line = next(text for text in said if text.startswith('runs/mAP:'))
    numbers = [float(x) for x in re.findall(r'[01]\.\d{4}', line)]
    assert numbers[0] == pytest.approx(found['float32']['runs/mAP'], abs=1e-4)
    whole = read_metadata(onnx_file[0])
    scores = [
        score_poses(FORMATS['onnx'].run(str(path)), poses(), whole, 'walk')
        for path in (out, onnx_file[0])
    ]
    gap = np.abs(scores[0] - scores[1]).max()
    assert 0 < gap < 0.1


def test_a_quantized_weight_is_off_by_half_a_step_of_its_row(tmp_path):
    needs_onnx()
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weight = rng.normal(0, 1, (33, 37)).astype(np.float32)
    weight *= np.logspace(-3, 3, 33, dtype=np.float32)[:, None]
    weight[4] = 0
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['w', 'x'], ['y'])],
        'product',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [37, 37])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [33, 37])],
        [numpy_helper.from_array(weight, 'w')],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=10
    )
    path = str(tmp_path / 'a.onnx')
    onnx.save(model, path)

    assert quantize_weights(path) == (33 * 37, 33 * 37)

    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, dict(x=np.eye(37, dtype=np.float32)))
    step = np.abs(weight).max(axis=1, keepdims=True) / 127
    assert (np.abs(found - weight) <= step * 0.501).all()
    assert (found[4] == 0).all()
    assert weight.size >= LEAST


def test_videos_of_other_classes_or_splits_are_refused(
    checkpoint, videos, tmp_path
):
    data = annotation(num_train=1, num_val=1)
    data['metainfo']['classes'] = ['right', 'left']
    save_annotation(tmp_path / 'a.pkl', data)

    for file, split, message in (
        (tmp_path / 'a.pkl', None, 'other classes than the model'),
        (videos, 'dev', "no split 'dev'; it has"),
    ):
        with pytest.raises(ExportError, match=message):
            export_localizer(
                checkpoint, 'torchscript', ann_file=file, split=split
            )
