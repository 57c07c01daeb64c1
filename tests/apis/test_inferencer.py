"""The inferencer against the test command's own loop, and its refusals."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.io.annotation import save_annotation
from mmsnip.io.scores import load_scores
from mmsnip.models.checkpoint import CheckpointError
from mmsnip.structures import DataError
from tests.tools.conftest import ROOT, annotation

CONFIG = ROOT / 'configs' / 'custom' / 'localize.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A short training run and what testing says of its last checkpoint."""
    folder = tmp_path_factory.mktemp('inferencer')
    data = annotation()
    rng = np.random.default_rng(3)
    for video in data['annotations'][-2:]:  # a second person, half the time
        second = video['keypoint'] + rng.normal(0, 0.1, (1, 1, 5, 3))
        second[:, : second.shape[1] // 2] = 0
        second = second.astype(np.float32)
        video['keypoint'] = np.concatenate([video['keypoint'], second])
    ann_file = folder / 'swings.pkl'
    save_annotation(ann_file, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMSNIP_ANN_FILE', str(ann_file))
        cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.base_channels = 8
    cfg.model.neck.out_channels = 16
    cfg.model.head.type = 'FrameLocalizationHead'
    cfg.model.test_cfg.smooth_frames = 1  # many short detections
    cfg.train_dataloader.batch_size = 4
    cfg.train_dataloader.dataset.min_samples = 0
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        loader.update(
            num_workers=0, persistent_workers=False, pin_memory=False
        )
    cfg.work_dir = str(folder / 'work')
    cfg.experiment_name = folder.name
    cfg.train_cfg.max_epochs = 1
    cfg.test_evaluator = [
        dict(
            type='SegmentMAP',
            proposals=[proposals],
            prefix=proposals,
            dump=str(folder / f'{proposals}.json'),
            dump_scores=str(folder / 'scores.npz'),
        )
        for proposals in ('sweep', 'runs')
    ]
    cfg.val_evaluator = cfg.val_cfg = cfg.val_dataloader = None
    cfg.log_level = 'ERROR'
    runner = Runner.from_cfg(cfg)
    head = runner.model.head.classifier
    runner.train()
    torch.manual_seed(0)
    torch.nn.init.normal_(head.weight, std=2.0)  # scores that change in time
    path = folder / 'work' / 'epoch_1.pth'
    content = torch.load(path, weights_only=True)
    content['state_dict'] = runner.model.state_dict()
    # a file that does not exist: inference must not look for it
    content['meta']['mmsnip']['model']['pretrained'] = '/nowhere/gone.pth'
    torch.save(content, path)
    runner.test()
    runner.visualizer.close()
    return folder, {v['frame_dir']: v for v in data['annotations']}


@pytest.fixture(scope='module')
def infer(trained):
    return SkeletonLocalizationInferencer(
        trained[0] / 'work' / 'epoch_1.pth', device='cpu'
    )


def poses(V=5, C=3, T=61, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(T, V, C)).astype(np.float32)


def bend(checkpoint, folder, change):
    """Copy of a checkpoint with other content."""
    content = torch.load(checkpoint, weights_only=True)
    change(content)
    path = folder / 'bent.pth'
    torch.save(content, path)
    return path


@pytest.mark.parametrize('batch_size', [1, 3])
def test_scores_are_those_of_the_test_command(trained, infer, batch_size):
    folder, videos = trained
    expected, classes = load_scores(folder / 'scores.npz')
    names = sorted(expected)

    found = infer(
        [videos[name]['keypoint'] for name in names],
        batch_size=batch_size,
        return_scores=True,
        names=names,
    )

    assert len(names) == 5
    assert classes == infer.classes
    assert [result['video'] for result in found] == names
    for result in found:
        np.testing.assert_allclose(
            result['scores'], expected[result['video']], atol=1e-6, rtol=0
        )


def metrics_of(trained, model, batch_size):
    """What the validation loop finds with batches of this size."""
    path = trained[0] / 'work' / 'epoch_1.pth'
    content = torch.load(path, weights_only=True)
    with DefaultScope.overwrite_default_scope('mmsnip'):
        loader = Runner.build_dataloader(
            dict(
                batch_size=batch_size,
                num_workers=0,
                sampler=dict(type='VisitSampler', shuffle=False),
                collate_fn=dict(type='mmsnip.pad_collate'),
                dataset=dict(
                    type='SkeletonLocalizationDataset',
                    ann_file=str(trained[0] / 'swings.pkl'),
                    split='val',
                    test_mode=True,
                    pipeline=content['meta']['mmsnip']['pipeline'],
                ),
            ),
            seed=0,
        )
        evaluator = Evaluator(
            [
                dict(type='SegmentMAP', proposals=proposals, prefix=proposals)
                for proposals in ('sweep', 'runs')
            ]
        )
    evaluator.dataset_meta = loader.dataset.metainfo
    for batch in loader:
        with torch.no_grad():
            evaluator.process(model.test_step(batch), batch)
    return evaluator.evaluate(len(loader.dataset))


@pytest.mark.parametrize('batch_size', [2, 4])
def test_metrics_do_not_depend_on_the_batch_size(trained, infer, batch_size):
    """Padding does not show in a metric."""
    one = metrics_of(trained, infer.model, 1)

    found = metrics_of(trained, infer.model, batch_size)

    assert found == pytest.approx(one, abs=1e-6, nan_ok=True)


def test_chunks_are_an_option_of_the_inferencer(trained, infer):
    """All of one chunk's scores are those of one pass over its frames."""
    path = trained[0] / 'work' / 'epoch_1.pth'
    small = SkeletonLocalizationInferencer(path, device='cpu', chunk_size=64)
    sequence = poses(T=150)

    assert small(sequence[:64]) == infer(sequence[:64])
    assert small.model.chunk_rule == (64, 'auto')
    assert infer.model.chunk_rule.chunk_size == 32768
    found = small(sequence, return_scores=True)
    assert np.shape(found['scores']) == (150, 3)
    with pytest.raises(ValueError, match='chunk_size=0 must be'):
        SkeletonLocalizationInferencer(path, chunk_size=0)


@pytest.mark.parametrize('proposals', ['runs', 'sweep'])
def test_detections_are_those_of_the_test_command(trained, infer, proposals):
    folder, videos = trained
    text = (folder / f'{proposals}.json').read_text()
    expected = json.loads(text)['results']

    for name, entries in expected.items():
        found = infer(
            videos[name]['keypoint'], proposals=proposals, names=[name]
        )
        assert len(found['detections']) == len(entries) > 0
        for ours, theirs in zip(found['detections'], entries):
            assert ours['label'] == theirs['label']
            assert ours['segment'] == pytest.approx(theirs['segment'])
            assert ours['score'] == pytest.approx(theirs['score'], abs=1e-6)


def test_work_folder_and_config_give_what_the_checkpoint_alone_gives(
    trained, infer, tmp_path, monkeypatch
):
    folder, videos = trained
    work, moved = folder / 'work', tmp_path / 'moved'
    moved.mkdir()
    shutil.copy(work / 'epoch_1.pth', moved)
    gone = '/nowhere/runs/epoch_1.pth'  # as if training ran elsewhere
    (moved / 'last_checkpoint').write_text(gone)
    content = torch.load(work / 'epoch_1.pth', weights_only=True)
    config = Config(
        dict(
            model={**content['meta']['mmsnip']['model'], 'pretrained': gone},
            test_dataloader=dict(
                dataset=dict(pipeline=content['meta']['mmsnip']['pipeline'])
            ),
            default_scope='mmsnip',
        )
    )
    config.dump(tmp_path / 'config.py')
    bare = bend(
        work / 'epoch_1.pth', tmp_path, lambda c: c['meta'].pop('mmsnip')
    )
    sequence = videos['val_4']['keypoint']
    expected = infer(sequence, return_scores=True)

    for arguments in ((moved,), (str(tmp_path / 'config.py'), bare)):
        other = SkeletonLocalizationInferencer(*arguments, device='cpu')
        assert other(sequence, return_scores=True) == expected


def test_another_default_scope_does_not_matter(trained, infer):
    with DefaultScope.overwrite_default_scope('mmengine'):
        other = SkeletonLocalizationInferencer(trained[0] / 'work')
        assert other.classes == infer.classes


def test_neither_an_axis_nor_absent_persons_change_anything(infer):
    alone = poses()[None]
    beside = np.concatenate([alone, np.zeros_like(alone)])

    found = infer(beside, return_scores=True)

    expected = infer(alone, return_scores=True)
    assert infer(poses(), return_scores=True) == expected
    np.testing.assert_allclose(found['scores'], expected['scores'], atol=1e-6)
    nobody = infer(np.zeros((2, 7, 5, 3)), return_scores=True)
    assert np.shape(nobody['scores']) == (7, 3)


@pytest.mark.parametrize('T', [1, 2, 9])
@pytest.mark.parametrize('fps', [7.5, 30.0, 90.0])
def test_short_sequences_of_any_rate_work(infer, T, fps):
    found = infer(poses(T=T), fps=fps, return_scores=True)

    assert found['num_frames'] == T
    assert np.shape(found['scores']) == (T, 3)
    for entry in found['detections']:
        start_s, end_s = entry['segment']
        assert 0 <= start_s < end_s <= T / fps


@pytest.mark.parametrize('proposals', ['runs', 'sweep'])
@pytest.mark.parametrize('factor', [2, 3])
def test_frames_between_those_of_the_model_change_no_second(
    trained, infer, factor, proposals
):
    sequence = trained[1]['val_4']['keypoint']
    T = sequence.shape[1]
    fast = np.repeat(sequence, factor, axis=1)  # at whole frames the same
    options = dict(proposals=proposals, return_scores=True)

    found = infer(fast, fps=30.0 * factor, **options)

    expected = infer(sequence, **options)
    assert found['num_frames'] == T * factor
    assert found['fps'] == 30.0 * factor
    np.testing.assert_allclose(
        np.array(found['scores'])[::factor], expected['scores'], atol=1e-6
    )
    assert len(found['detections']) == len(expected['detections'])
    for ours, theirs in zip(found['detections'], expected['detections']):
        assert ours['label'] == theirs['label']
        assert ours['segment'] == pytest.approx(theirs['segment'])


def test_slow_linear_motion_is_resampled_to_what_the_model_saw(infer):
    ends = poses(T=2)
    share = np.linspace(0, 1, 41)[:, None, None]
    smooth = (ends[0] * (1 - share) + ends[1] * share).astype(np.float32)

    found = infer(smooth[::2], fps=15.0, return_scores=True)

    expected = infer(smooth, return_scores=True)
    np.testing.assert_allclose(
        found['scores'], np.array(expected['scores'])[::2], atol=1e-5
    )


def test_answers_are_ready_for_json_and_scores_only_on_request(infer):
    found = infer([poses()], return_scores=True)

    assert json.loads(json.dumps(found)) == found
    assert 'scores' not in infer(poses())
    assert infer([]) == []


def test_the_threshold_leaves_out_weaker_detections(infer):
    scores = sorted(d['score'] for d in infer(poses())['detections'])
    middle = scores[len(scores) // 2]

    found = infer(poses(), score_threshold=middle)

    kept = sorted(d['score'] for d in found['detections'])
    assert kept == [score for score in scores if score >= middle]
    assert 0 < len(kept) < len(scores)


def test_pictures_of_equal_names_stay_apart(infer, tmp_path):
    infer([poses(), poses(seed=1)], names=['../a', '../a'], show_dir=tmp_path)

    pictures = sorted(tmp_path.iterdir())
    assert len(pictures) == 2
    assert all(p.read_bytes()[:4] == b'\x89PNG' for p in pictures)


@pytest.mark.parametrize(
    ('sequence', 'message'),
    [
        (
            poses(V=4),
            'sequence_0 has 4 joints.*expects 5, in this order: root, neck, '
            'hand_l, hand_r, foot',
        ),
        (poses(C=2), r'C = 2 .*expects C = 3 \(x, y, z\)'),
        (np.full((3, 5, 3), np.inf), 'sequence_0 holds infinity'),
        (poses(T=0), 'sequence_0 is empty'),
        (poses()[0], 'sequence_0 has shape'),
        (None, 'sequence_0'),
        (poses() * 1e39, 'sequence_0'),
    ],
)
def test_what_does_not_fit_the_model_is_refused(infer, sequence, message):
    with pytest.raises(DataError, match=message):
        infer([sequence])


def test_a_file_that_does_not_fit_is_named(infer, tmp_path):
    np.save(tmp_path / 'walk.npy', poses(V=4))

    with pytest.raises(DataError, match=r'walk\.npy has 4 joints'):
        infer(tmp_path / 'walk.npy')


@pytest.mark.parametrize(
    'options',
    [
        dict(fps=0),
        dict(fps='30'),
        dict(batch_size=0),
        dict(proposals='guess'),
        dict(score_threshold='high'),
        dict(names=['a', 'b']),
        dict(persons='two'),
        dict(unit='yard'),
        dict(up='w'),
        dict(map_joints='nobody'),
        dict(scale=-1),
    ],
)
def test_options_out_of_range_are_refused_by_name(infer, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        infer(poses(), **options)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c['meta'].pop('mmsnip'), r"meta\['mmsnip'\] lacks"),
        (
            lambda c: c['meta']['mmsnip']['dataset_meta'].pop('classes'),
            r"lacks \['classes'\]",
        ),
        (
            lambda c: c['meta']['mmsnip']['model']['backbone'].update(
                base_channels=12
            ),
            'does not fit its config',
        ),
        (
            lambda c: c['state_dict'].pop('head.classifier.weight'),
            'head.classifier.weight is missing',
        ),
        (
            lambda c: c['meta']['mmsnip']['pipeline'].insert(
                2, dict(type='MultiView', views=[[], []])
            ),
            'does not keep all 3 frames',
        ),
        (
            lambda c: c['meta']['mmsnip']['pipeline'][3].update(
                stream=['joint', 'bone']
            ),
            'takes 14 channels(.|\n)*C = 3 becomes 6',
        ),
        (
            lambda c: c['meta']['mmsnip']['dataset_meta']['classes'].pop(),
            'has 2 classes, the data it was trained on 1',
        ),
    ],
)
def test_checkpoints_that_say_too_little_are_refused(
    trained, tmp_path, change, message
):
    path = bend(trained[0] / 'work' / 'epoch_1.pth', tmp_path, change)

    with pytest.raises(CheckpointError, match=message):
        SkeletonLocalizationInferencer(path)


def test_config_folder_and_checkpoint_are_told_apart(trained, tmp_path):
    checkpoint = trained[0] / 'work' / 'epoch_1.pth'

    with pytest.raises(ValueError, match='config, which holds no weights'):
        SkeletonLocalizationInferencer(CONFIG)
    with pytest.raises(ValueError, match='pass one checkpoint'):
        SkeletonLocalizationInferencer(checkpoint, checkpoint)
    with pytest.raises(FileNotFoundError, match='last_checkpoint'):
        SkeletonLocalizationInferencer(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'gone\.pth'):
        SkeletonLocalizationInferencer(tmp_path / 'gone.pth')
