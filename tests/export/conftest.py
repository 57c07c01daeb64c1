"""Files that several tests look at."""

from __future__ import annotations

import importlib.util

import pytest

from mmsnip.export.job import export_localizer
from mmsnip.io.annotation import save_annotation
from tests.export.checkpoints import write_checkpoint
from tests.tools.conftest import annotation

ONNX = ('onnx', 'onnxscript', 'onnxruntime')


def needs_onnx():
    lacking = [name for name in ONNX if not importlib.util.find_spec(name)]
    if lacking:
        pytest.skip(f'{", ".join(lacking)} not installed')


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp('export')
    return write_checkpoint(folder / 'epoch_1.pth')


@pytest.fixture(scope='session')
def videos(tmp_path_factory):
    """Annotated videos of the checkpoints' classes and joints."""
    path = tmp_path_factory.mktemp('videos') / 'swings.pkl'
    save_annotation(path, annotation(num_train=2, num_val=6))
    return path


@pytest.fixture(scope='session')
def onnx_file(checkpoint, videos):
    """An ONNX file, compared on noise and on videos, and what was said."""
    needs_onnx()
    said = []
    path = export_localizer(
        checkpoint, 'onnx', ann_file=videos, log=said.append
    )
    return path, said
