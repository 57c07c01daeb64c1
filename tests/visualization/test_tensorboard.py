"""The project's pictures in TensorBoard, where it is installed."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.tools.conftest import (
    TINY_LOCALIZE,
    TINY_PRETRAIN,
    ann_file,
    run,
    train,
)

__all__ = ['ann_file']  # the fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec('tensorboard') is None,
        reason='tensorboard is not installed',
    ),
]
BACKEND = 'visualizer.vis_backends.0.type=TensorboardVisBackend'


def events_of(folder):
    """Last step of each scalar; (step, width, height) of each picture."""
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    scalars, pictures = {}, {}
    for file in folder.rglob('events.out.tfevents*'):
        events = EventAccumulator(str(file)).Reload()
        for tag in events.Tags()['scalars']:
            scalars[tag] = events.Scalars(tag)[-1].step
        for tag in events.Tags()['images']:
            image = events.Images(tag)[-1]
            assert image.encoded_image_string.startswith(b'\x89PNG'), tag
            pictures[tag] = (image.step, image.width, image.height)
    return scalars, pictures


def test_the_map_of_pre_training_arrives(tmp_path, ann_file):
    options = [*TINY_PRETRAIN, 'train_cfg.max_epochs=2', BACKEND]

    train('configs/custom/pretrain.py', tmp_path, options, ann_file)

    scalars, pictures = events_of(tmp_path)
    assert {'loss', 'loss_snippet', 'lr'} <= set(scalars)
    assert scalars['knn/accuracy'] == 2
    step, width, height = pictures['embedding']
    assert step == 2
    assert width > height > 300


def test_timelines_and_diagnosis_arrive(tmp_path, ann_file):
    config = 'configs/custom/localize.py'
    options = [*TINY_LOCALIZE, 'train_cfg.max_epochs=1', BACKEND]

    train(config, tmp_path / 'train', options, ann_file)
    done = run(
        [sys.executable, 'tools/test.py', config]
        + [tmp_path / 'train' / 'epoch_1.pth']
        + ['--work-dir', tmp_path / 'test', '--show-dir', tmp_path / 'shown']
        + ['--cfg-options', *options],
        ann_file,
    )

    assert done.returncode == 0, done.output[-3000:]
    scalars, pictures = events_of(tmp_path / 'train')
    assert scalars['runs/mAP'] == 1
    assert 'loss' in scalars
    assert not pictures
    scalars, pictures = events_of(tmp_path / 'test')
    files = {path.stem for path in (tmp_path / 'shown').glob('*.png')}
    assert files == {f'val_{n}' for n in range(5)}
    drawn = (tmp_path / 'shown' / 'diagnosis').glob('*.png')
    assert set(pictures) == files | {f'diagnosis_{p.stem}' for p in drawn}
    assert len(pictures) > len(files)
    assert all(width > 300 for _, width, _ in pictures.values())
