"""Pictures that a test, a pre-training and ``mmsnip plot`` leave."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.structures import BaseDataElement

from mmsnip.io.annotation import save_annotation
from mmsnip.io.scores import save_scores
from mmsnip.registry import HOOKS
from mmsnip.visualization import hooks as hook_module
from mmsnip.visualization.hooks import DiagnosisHook, TimelineHook, poses_of
from tests.models.test_skeleton_clr import pretrainer
from tests.models.test_snippet_probe import loader
from tests.tools.conftest import annotation, command
from tests.visualization.made import (
    CLASSES,
    NAMES,
    PARENTS,
    PICTURES,
    moving_body,
    scored,
)

META = {
    'classes': CLASSES,
    'fps': 10.0,
    'parents': PARENTS,
    'joint_names': NAMES,
}


class Recorder:
    """Stands for a visualizer and keeps what it is shown."""

    def __init__(self):
        self.dataset_meta = META
        self.shown, self.scalars = {}, {}

    def add_scalars(self, scalars, step=0):
        self.scalars[step] = scalars

    def add_image(self, name, image, step=0):
        self.shown[name] = (image.shape, step)


@pytest.fixture
def runner():
    metric = SimpleNamespace(
        protocol='babel', proposals={'runs': {}}, convention='clean'
    )
    loop = SimpleNamespace(evaluator=SimpleNamespace(metrics=[metric]))
    return SimpleNamespace(visualizer=Recorder(), test_loop=loop)


def answer(name, T=13, **metainfo):
    generator = torch.Generator().manual_seed(T)
    sample = BaseDataElement(metainfo=dict(frame_dir=name, **metainfo))
    sample.pred_frame_scores = torch.rand(T, 4, generator=generator)
    return sample


def batch(N, M=2, T=17, V=5, C=3):
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(N, M, T, dtype=torch.bool)
    mask[:, 1] = False
    return dict(
        inputs=torch.randn(N, M, T, V, C, generator=generator), body_mask=mask
    )


def answers(with_truth=True):
    scores, truth = scored()
    samples = []
    for name, array in scores.items():
        about = dict(
            segments=truth[name][:, 1:], segment_labels=truth[name][:, 0]
        )
        sample = answer(name, **(about if with_truth else {}))
        sample.pred_frame_scores = torch.from_numpy(array)
        samples.append(sample)
    return samples


def run(hook, runner, samples, data=None):
    hook.before_test_epoch(runner)
    for place, sample in enumerate(samples):
        hook.after_test_iter(runner, place, data, [sample])
    hook.after_test_epoch(runner, {})


def names(folder):
    return sorted(path.name for path in folder.rglob('*') if path.is_file())


def test_the_first_tested_videos_become_pictures(runner, tmp_path):
    hook = HOOKS.build(
        dict(type='mmsnip.TimelineHook', show_dir=str(tmp_path), max_videos=3)
    )
    about = dict(segments=np.array([[0, 5]]), segment_labels=[2])
    # a second window of a video does not overwrite the first
    samples = [answer('v', **about), answer('v'), answer('w'), answer('x')]
    run(hook, runner, samples, batch(1))
    assert names(tmp_path) == ['v-2.png', 'v.png', 'w.png']
    assert cv2.imread(str(tmp_path / 'v.png')).shape[1] == 1200
    assert len(runner.visualizer.shown) == 3


def test_pictures_stay_in_their_folder_whatever_the_video_is_called(
    runner, tmp_path
):
    folder = tmp_path / 'show'
    samples = [answer('../../evil'), answer('/abs/olute'), answer('..')]
    run(TimelineHook(show_dir=str(folder)), runner, samples)
    assert len(list(folder.iterdir())) == len(names(tmp_path)) == 3


def test_poses_are_the_valid_frames_of_the_input():
    data = batch(2)
    poses = poses_of(META, data, answer('v'), 1)
    np.testing.assert_array_equal(poses.joints, data['inputs'][1, :, :13])
    assert poses.body_mask.tolist() == [[True] * 13, [False] * 13]
    assert list(poses.parents) == PARENTS


@pytest.mark.parametrize(
    ('data', 'metainfo'),
    [
        (batch(2), {'stream': ('bone',)}),
        (batch(2, V=7), {}),
        (batch(2, T=5), {}),
        ({'inputs': [batch(2)['inputs']] * 2}, {}),
        ({'inputs': [[batch(2)['inputs']]] * 2}, {}),
        (None, {}),
    ],
)
def test_inputs_that_are_no_positions_of_the_body_give_no_poses(
    data, metainfo
):
    assert poses_of(META, data, answer('v', **metainfo), 0) is None


def test_a_test_leaves_all_pictures_in_the_folder_and_the_backends(
    runner, tmp_path
):
    hook = HOOKS.build(
        dict(type='mmsnip.DiagnosisHook', show_dir=str(tmp_path / 'new'))
    )
    run(hook, runner, answers())
    assert names(tmp_path) == [f'{name}.png' for name in PICTURES]
    for name in PICTURES:
        image = cv2.imread(str(tmp_path / 'new' / f'{name}.png'))
        shown = runner.visualizer.shown[f'diagnosis_{name}']
        assert (image.shape, 0) == shown


def test_the_diagnosis_is_of_the_videos_of_this_test_alone(
    runner, monkeypatch
):
    seen = []
    monkeypatch.setattr(
        hook_module, 'draw_diagnosis', lambda *given: seen.append(given) or {}
    )
    hook = DiagnosisHook()
    run(hook, runner, answers())
    run(hook, runner, answers()[:1])
    scores, truth = scored()
    assert [list(each[0]) for each in seen] == [['v0', 'v1', 'v2'], ['v0']]
    np.testing.assert_allclose(seen[0][0]['v1'], scores['v1'], rtol=1e-6)
    np.testing.assert_array_equal(seen[0][1]['v1'], truth['v1'])
    (metric,) = runner.test_loop.evaluator.metrics
    assert seen[0][2:] == (CLASSES, vars(metric))


def windows():
    samples = answers()
    samples[1].set_metainfo(dict(frame_dir='v0'))
    return samples


@pytest.mark.parametrize(
    ('samples', 'drawn'),
    # the same video twice is one video
    [([], 0), (answers(False), 0), (windows(), 0), (answers() * 2, 4)],
)
def test_a_test_that_cannot_be_diagnosed_goes_on(
    runner, tmp_path, samples, drawn
):
    run(DiagnosisHook(show_dir=str(tmp_path)), runner, samples)
    assert len(names(tmp_path)) == drawn


def test_only_the_main_process_draws_what_all_have_seen(
    runner, tmp_path, monkeypatch
):
    def gather(mine):
        entries, refusal = mine
        return [(entries[:2], refusal), (entries[2:], None)]

    monkeypatch.setattr(hook_module, 'all_gather_object', gather)
    run(DiagnosisHook(show_dir=str(tmp_path / 'a')), runner, answers())
    assert len(names(tmp_path)) == 4
    monkeypatch.setattr(hook_module, 'is_main_process', lambda: False)
    run(DiagnosisHook(show_dir=str(tmp_path / 'b')), runner, answers())
    hook = TimelineHook(show_dir=str(tmp_path / 'b'))
    hook.after_test_iter(runner, 0, None, [answer('v')])
    assert not (tmp_path / 'b').exists()


@pytest.fixture
def probe(tmp_path):
    """An embedding map's hook and a runner at an epoch."""
    path = tmp_path / 'toy.pkl'
    save_annotation(path, annotation())
    hook = HOOKS.build(
        dict(
            type='mmsnip.EmbeddingMapHook',
            train_dataloader=loader(path, 'train'),
            val_dataloader=loader(path, 'val'),
            show_dir=str(tmp_path / 'maps'),
        )
    )
    runner = SimpleNamespace(
        model=pretrainer(),
        epoch=0,
        max_epochs=3,
        visualizer=Recorder(),
        message_hub=MessageHub.get_instance('maps'),
        logger=MMLogger.get_current_instance(),
    )
    return hook, runner


def test_the_two_maps_are_of_the_first_and_the_last_weights(probe, tmp_path):
    hook, runner = probe
    hook.before_train(runner)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in runner.model.backbone.parameters():
            weights.add_(0.3 * torch.randn_like(weights))
    hook.after_train_epoch(runner)
    assert not runner.visualizer.shown
    runner.epoch = 2
    hook.after_train_epoch(runner)
    before, after = hook.embeddings
    assert before.name == 'before pre-training'
    assert after.name == 'after 3 epochs'
    np.testing.assert_array_equal(before.labels, after.labels)
    assert np.abs(before.features - after.features).max() > 1e-3
    assert set(np.unique(before.videos)) == {0, 1}
    assert (tmp_path / 'maps' / 'embedding.png').stat().st_size > 5000
    assert runner.visualizer.shown['embedding'][1] == 3
    assert 'knn/accuracy' in runner.visualizer.scalars[3]


def test_a_resumed_run_has_no_map_of_its_beginning(probe):
    hook, runner = probe
    runner.epoch = 2
    hook.before_train(runner)
    hook.after_train_epoch(runner)
    assert [each.name for each in hook.embeddings] == ['after 3 epochs']


@pytest.fixture(scope='module')
def tool():
    return command('plot')


def dump(folder, with_truth=True):
    scores, truth = scored()
    path = folder / 'scores.npz'
    settings = dict(protocol='babel', proposals={'runs': {}})
    rates = dict.fromkeys(scores, 10.0)
    truth = truth if with_truth else None
    save_scores(path, scores, CLASSES, truth, rates, settings)
    return path


def skeletons(folder, lengths=(53, 41), **meta):
    path = folder / 'ann.pkl'
    info = dict(classes=CLASSES, fps=10.0, parents=PARENTS, joint_names=NAMES)
    info.update(meta)
    info = {key: value for key, value in info.items() if value is not None}
    videos = [
        dict(
            frame_dir=f'v{place}',
            total_frames=T,
            keypoint=moving_body(1, T).astype(np.float32),
            segments=np.zeros((0, 2), dtype=np.int64),
            segment_labels=np.zeros(0, dtype=np.int64),
        )
        for place, T in enumerate(lengths)
    ]
    split = {'val': [video['frame_dir'] for video in videos]}
    save_annotation(path, dict(metainfo=info, split=split, annotations=videos))
    return path


def files(folder):
    return sorted(
        str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()
    )


def test_scores_with_truth_give_every_picture(tool, tmp_path, capsys):
    out = tmp_path / 'out'
    args = [str(dump(tmp_path)), '--out', str(out), '--videos', '2']
    assert tool([*args, '--format', 'svg', '--width', '7']) == 0
    assert files(out) == sorted(
        [f'{name}.svg' for name in PICTURES]
        + ['timelines/v0.svg', 'timelines/v1.svg']
    )
    assert capsys.readouterr().out.count('picture: ') == 6


def test_scores_without_truth_give_timelines(tool, tmp_path, capsys):
    out = tmp_path / 'out'
    path = dump(tmp_path, with_truth=False)
    assert tool([str(path), '--out', str(out)]) == 0
    assert files(out) == [f'timelines/v{i}.png' for i in range(3)]
    assert 'no ground truth' in capsys.readouterr().out


def test_annotations_add_poses_and_films(tool, tmp_path, capsys):
    out = tmp_path / 'out'
    args = [str(dump(tmp_path)), '--out', str(out), '--film', 'gif']
    assert tool([*args, '--ann', str(skeletons(tmp_path))]) == 0
    assert [name for name in files(out) if name.endswith('.gif')] == [
        'timelines/v0.gif',
        'timelines/v1.gif',
    ]
    assert 'no skeletons of 1 of the videos' in capsys.readouterr().out


def test_annotations_of_other_lengths_are_refused(tool, tmp_path, capsys):
    ann = skeletons(tmp_path, lengths=(50, 41))
    args = [str(dump(tmp_path)), '--out', str(tmp_path / 'o')]
    assert tool([*args, '--ann', str(ann)]) == 2
    assert "video 'v0' has 50 frames and 53" in capsys.readouterr().err


def test_a_file_that_is_none_is_refused(tool, tmp_path, capsys):
    assert tool([str(tmp_path / 'absent.npz')]) == 2
    assert 'absent.npz' in capsys.readouterr().err
    (tmp_path / 'text.npz').write_text('no')
    assert tool([str(tmp_path / 'text.npz')]) == 2
    assert 'is not an .npz file' in capsys.readouterr().err
