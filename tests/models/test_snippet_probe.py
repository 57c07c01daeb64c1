"""A k-NN probe between epochs, of which training notices nothing."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import BaseDataElement

from mmsnip.io.annotation import save_annotation
from mmsnip.models import snippet_probe
from mmsnip.models.snippet_probe import snippets_of, thin
from mmsnip.registry import HOOKS
from tests.models.test_distributed import on_two_processes
from tests.models.test_skeleton_clr import pretrainer
from tests.tools.conftest import ROOT, TINY_PRETRAIN, annotation, losses, train

KEYS = {'knn/accuracy', 'knn/balanced_accuracy', 'knn/action_accuracy'}
PIPELINE = [
    dict(type='mmsnip.FormatSkeleton'),
    dict(type='mmsnip.FrameLabels'),
    dict(type='mmsnip.PackSkeletonInputs'),
]


def loader(path, split, batch_size=1, pipeline=PIPELINE, **changes):
    return dict(
        dict(
            batch_size=batch_size,
            num_workers=0,
            persistent_workers=True,
            dataset=dict(
                type='mmsnip.SkeletonLocalizationDataset',
                ann_file=str(path),
                split=split,
                pipeline=list(pipeline),
            ),
        ),
        **changes,
    )


def probe(path, **changes):
    config = dict(
        type='mmsnip.SnippetProbeHook',
        train_dataloader=loader(path, 'train'),
        val_dataloader=loader(path, 'val'),
        interval=3,
        num_neighbors=4,
    )
    return HOOKS.build({**config, **changes})


class Recorder:
    """Stands for a logger and for a visualizer."""

    def __init__(self):
        self.lines, self.records = [], []

    def info(self, line):
        self.lines.append(line)

    def add_scalars(self, scalars, step):
        self.records.append((step, scalars))


def runner(model=None, epoch=2, max_epochs=100):
    recorder = Recorder()
    return SimpleNamespace(
        model=pretrainer() if model is None else model,
        epoch=epoch,
        max_epochs=max_epochs,
        logger=recorder,
        visualizer=recorder,
        message_hub=MessageHub('probe'),
    )


def probed(path, epoch=2, **changes):
    run = runner(epoch=epoch)
    probe(path, **changes).after_train_epoch(run)
    return scalars_of(run)


def scalars_of(run):
    scalars = run.message_hub.log_scalars
    return {key: float(value.current()) for key, value in scalars.items()}


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    """Eight untrimmed videos that vote and five that are labelled."""
    path = tmp_path_factory.mktemp('probe') / 'swings.pkl'
    save_annotation(path, annotation())
    return path


def trimmed(path, unlabelled=()):
    data = annotation()
    for number, video in enumerate(data['annotations']):
        del video['segments'], video['segment_labels']
        if video['frame_dir'] not in unlabelled:
            video['label'] = number % 2
    save_annotation(path, data)
    return path


def slow_snippets(model, data, names):
    """Features and labels of each strided frame, video by video."""
    stride = model.backbone.temporal_strides_out[-1]
    rows = []
    for video in data['annotations']:
        if video['frame_dir'] not in names:
            continue
        T = video['total_frames']
        frames = [2] * T
        for (start, end), label in zip(
            video['segments'], video['segment_labels']
        ):
            frames[start:end] = [int(label)] * int(end - start)
        with torch.no_grad():
            features = model(
                torch.from_numpy(video['keypoint'])[None], mode='tensor'
            )
        for i in range(features.shape[2]):
            counts = Counter(frames[i * stride : (i + 1) * stride])
            most = max(counts.values())
            label = min(c for c in counts if counts[c] == most)
            rows.append((features[0, :, i].double().numpy(), label))
    return rows


def test_the_metrics_are_those_of_a_slow_recount(path):
    data = annotation()
    model = pretrainer().eval()
    bank = slow_snippets(model, data, data['split']['train'])
    right, labels = [], []
    for x, label in slow_snippets(model, data, data['split']['val']):
        near = sorted(
            (-(x @ y) / np.linalg.norm(x) / np.linalg.norm(y), other)
            for y, other in bank
        )[:4]
        votes = Counter()
        for cosine, other in near:
            votes[other] += np.exp(-cosine / 0.07)
        right.append(max(votes, key=votes.get) == label)
        labels.append(label)
    right, labels = np.array(right), np.array(labels)

    found = probed(path)

    assert set(labels.tolist()) == {0, 1, 2}
    shares = [right[labels == c].mean() for c in range(3)]
    assert found == {
        'knn/accuracy': pytest.approx(right.mean()),
        'knn/balanced_accuracy': pytest.approx(np.mean(shares)),
        'knn/action_accuracy': pytest.approx(right[labels != 2].mean()),
    }


def test_padding_of_a_batch_does_not_change_the_metrics(path):
    batched = probed(
        path,
        train_dataloader=loader(path, 'train', batch_size=3),
        val_dataloader=loader(path, 'val', batch_size=5),
    )

    assert batched == pytest.approx(probed(path))


def test_a_trimmed_video_gives_its_label_to_all_its_snippets(tmp_path):
    found = probed(trimmed(tmp_path / 'trimmed.pkl'))

    assert set(found) == KEYS
    assert found['knn/action_accuracy'] == found['knn/accuracy']


@pytest.mark.parametrize(
    ('epoch', 'runs'), [(0, False), (2, True), (3, False), (6, True)]
)
def test_the_probe_runs_at_its_interval_and_at_the_end(path, epoch, runs):
    run = runner(epoch=epoch, max_epochs=7)

    probe(path).after_train_epoch(run)

    assert bool(scalars_of(run)) == runs
    assert [step for step, _ in run.visualizer.records] == [epoch + 1] * runs
    assert len(run.logger.lines) == runs


def test_the_log_names_all_numbers(path):
    run = runner()

    probe(path).after_train_epoch(run)

    (line,) = run.logger.lines
    (record,) = run.visualizer.records
    assert record == (3, scalars_of(run))
    assert all(f'{k}: {v:.4f}' in line for k, v in scalars_of(run).items())
    assert not any('loss' in key for key in scalars_of(run))


def test_loaders_are_built_once(path, monkeypatch):
    built = []
    build = snippet_probe.build_loader
    monkeypatch.setattr(
        snippet_probe,
        'build_loader',
        lambda name, cfg: built.append(name) or build(name, cfg),
    )
    hook, run = probe(path), runner()

    hook.before_train(run)
    hook.after_train_epoch(run)
    hook.after_train_epoch(run)

    assert built == ['train_dataloader', 'val_dataloader']


def test_training_finds_everything_as_it_was(path):
    model = pretrainer()
    model.backbone.blocks[0].eval()  # frozen
    run = runner(model)
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(3)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    draws = []
    for use in (False, True):
        random.seed(1)
        np.random.seed(2)  # noqa: NPY002
        torch.manual_seed(3)
        if use:
            hook = probe(path)
            hook.before_train(run)
            hook.after_train_epoch(run)
        draws.append(
            (
                random.random(),
                float(np.random.rand()),  # noqa: NPY002
                float(torch.rand(())),
            )
        )

    assert draws[0] == draws[1]
    assert [module.training for module in model.modules()] == modes
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key
    assert all(p.grad is None for p in model.parameters())


def answer(T=13, stride=4, labels=None, C=3, **metainfo):
    sample = BaseDataElement(metainfo=metainfo)
    frames = -(-T // stride)
    sample.snippet_features = torch.arange(1.0, 1 + frames * C).view(-1, C)
    if labels is not None:
        sample.gt_frame_labels = torch.as_tensor(labels)
    return sample


def test_a_snippet_is_the_mean_of_its_frames_and_their_majority():
    labels = [1] * 5 + [5] * 3 + [0] * 2 + [5] * 3

    found = snippets_of(answer(labels=labels), 13, stride=4, group=3)

    # Of 12 source frames five are 1 and five are 5: the lower one.
    assert found.features.tolist() == [[4.0, 5.0, 6.0], [10.0, 11.0, 12.0]]
    assert found.labels.tolist() == [1, 5]


def test_a_window_beyond_the_video_pools_all_of_it():
    found = snippets_of(answer(label=6), 13, stride=4, group=99)

    assert found.features.tolist() == [[5.5, 6.5, 7.5]]
    assert found.labels.tolist() == [6]


def test_snippets_of_padding_alone_are_left_out():
    labels = [-100] * 4 + [-100] * 3 + [2] + [0] * 5

    found = snippets_of(answer(labels=labels), 13, stride=4)

    assert found.features[:, 0].tolist() == [4.0, 7.0, 10.0]
    assert found.labels.tolist() == [2, 0, 0]


def videos(lengths):
    return {
        place: snippets_of(answer(T=T, label=place), T, 4, place=place)
        for place, T in enumerate(lengths)
    }


@pytest.mark.parametrize('limit', [1, 7, 40, 1000])
def test_few_enough_snippets_are_kept_evenly(limit):
    lengths = np.random.default_rng(0).integers(40, 90, 19)
    whole = videos(lengths)

    step, kept = thin(whole, limit)

    total = sum(len(video.labels) for video in kept.values())
    assert total <= limit
    assert total > limit / 4 or step == 1
    for place, video in kept.items():
        assert set(np.diff(video.turns)) <= {step}
        share = len(whole[place].labels) / step
        assert abs(len(video.labels) - share) < 1


def test_shares_thinned_on_the_way_keep_what_the_whole_keeps():
    lengths = np.random.default_rng(1).integers(40, 90, 19)
    step, expected = thin(videos(lengths), 30)

    parts = []
    for rank in range(2):
        share, own = {}, 1
        for place, video in videos(lengths).items():
            if place % 2 == rank:
                share[place] = video.every(own)
                own, share = thin(share, 30, own)
        parts.append((own, share))

    assert max(own for own, _ in parts) <= step
    for _, share in parts:
        for place, video in share.items():
            found = video.every(step).turns.tolist()
            assert found == expected[place].turns.tolist()


def test_max_snippets_bounds_both_sets(path):
    run = runner()

    probe(path, max_snippets=50).after_train_epoch(run)

    found = re.search(r'(\d+) snippets vote on (\d+)', run.logger.lines[0])
    bank, queries = (int(number) for number in found.groups())
    assert 12 < bank <= 50
    assert 12 < queries <= 50


def probe_of_rank(rank, path, limit):
    model = pretrainer()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if rank:
        # Plain batch norm has seen other videos on the other process.
        generator = torch.Generator().manual_seed(rank)
        for norm in norms:
            norm.running_mean.normal_(generator=generator)
            norm.running_var.uniform_(0.1, 9, generator=generator)
    before = [norm.running_mean.clone() for norm in norms]
    run = runner(model)
    probe(path, max_snippets=limit).after_train_epoch(run)
    after = [norm.running_mean for norm in norms]
    return dict(
        scalars=scalars_of(run),
        untouched=all(map(torch.equal, before, after)),
    )


@pytest.mark.slow
@pytest.mark.parametrize('limit', [40, 20000])
def test_two_processes_score_what_one_does(tmp_path, path, limit):
    one = probed(path, max_snippets=limit)

    found = on_two_processes(
        partial(probe_of_rank, path=path, limit=limit), tmp_path
    )

    assert [rank['scalars'] for rank in found] == [one, one]
    assert all(rank['untouched'] for rank in found)


def test_a_diverged_encoder_is_said_and_does_not_end_the_run(path):
    model = pretrainer()
    with torch.no_grad():
        next(model.backbone.blocks[-1].parameters()).fill_(float('nan'))
    run = runner(model)

    probe(path).after_train_epoch(run)

    assert scalars_of(run) == {}
    assert 'features are not finite' in run.logger.lines[0]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(interval=0), 'interval=0'),
        (dict(snippet_frames=0), 'snippet_frames=0'),
        (dict(num_neighbors=0), 'num_neighbors=0'),
        (dict(max_snippets=0), 'max_snippets=0'),
        (dict(temperature=0), 'temperature=0 must be positive, or None'),
    ],
)
def test_numbers_out_of_range_are_refused(path, changes, message):
    with pytest.raises(ValueError, match=message):
        probe(path, **changes)


VIEWS = [
    PIPELINE[0],
    dict(type='mmsnip.MultiView', views=[[], []]),
    PIPELINE[-1],
]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(pipeline=[PIPELINE[0], PIPELINE[2]]), 'FrameLabels'),
        (dict(pipeline=VIEWS), 'gives 2 views of a video'),
        (dict(sampler=dict(type='DefaultSampler')), 'shuffle=False'),
        (dict(drop_last=True), 'leave out drop_last'),
    ],
)
def test_a_loader_that_does_not_fit_is_refused_before_training(
    path, changes, message
):
    changes.setdefault('pipeline', PIPELINE)
    hook = probe(path, val_dataloader=loader(path, 'val', **changes))

    with pytest.raises(ValueError, match=message):
        hook.before_train(runner())


def test_windows_that_the_stride_does_not_divide_are_refused(path):
    with pytest.raises(ValueError, match=r'frames=10 .* multiple of 8'):
        probe(path, snippet_frames=10).before_train(runner())


def test_sets_of_other_classes_are_refused(path):
    val = loader(path, 'val')
    val['dataset']['metainfo'] = dict(classes=['right', 'left'])

    with pytest.raises(ValueError, match=r"\['left', 'right'\] and val_data"):
        probe(path, val_dataloader=val).before_train(runner())


def start_and_probe(hook, run):
    hook.before_train(run)
    hook.after_train_epoch(run)


@pytest.mark.parametrize('place', [0, 2])
def test_a_video_without_labels_is_named(tmp_path, place):
    path = trimmed(tmp_path / 'partly.pkl', unlabelled=[f'val_{place}'])
    hook, run = probe(path), runner()

    with pytest.raises(ValueError, match=f"video 'val_{place}' has neither"):
        start_and_probe(hook, run)


CONFIG = """
_base_ = [{base!r}]
probed = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        type='SkeletonLocalizationDataset',
        ann_file={path!r},
        pipeline=[
            dict(type='FormatSkeleton'),
            dict(type='NormalizeSkeleton'),
            dict(type='FrameLabels'),
            dict(type='SkeletonStream', stream='egocentric'),
            dict(type='PackSkeletonInputs'),
        ],
    ),
)
custom_hooks = [
    *_base_.custom_hooks[1:3],  # neither SeedHook nor a probe
    dict(
        type='SnippetProbeHook',
        train_dataloader=dict(
            probed, dataset=dict(probed['dataset'], split='train')
        ),
        val_dataloader=dict(
            probed, dataset=dict(probed['dataset'], split='val')
        ),
        interval=2,
    ),
]
"""


@pytest.mark.slow
def test_training_takes_the_same_course_with_and_without_the_probe(
    tmp_path, path
):
    # Without SeedHook, which would hide draws of the probe.
    base = str(ROOT / 'configs' / 'custom' / 'pretrain.py')
    text = CONFIG.format(base=base, path=str(path))
    with_probe, without = tmp_path / 'with.py', tmp_path / 'without.py'
    with_probe.write_text(text)
    without.write_text(text[: text.index('    dict(\n        type')] + ']\n')
    options = [*TINY_PRETRAIN, 'train_cfg.max_epochs=3']

    done = train(with_probe, tmp_path / 'a', options, path)
    train(without, tmp_path / 'b', options, path)

    assert losses(tmp_path / 'a') == losses(tmp_path / 'b')
    states = [
        torch.load(tmp_path / name / 'epoch_3.pth', weights_only=True)
        for name in 'ab'
    ]
    for key, value in states[0]['state_dict'].items():
        assert torch.equal(value, states[1]['state_dict'][key]), key
    (log,) = (tmp_path / 'a').glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows = [row for row in rows if 'knn/accuracy' in row]
    assert [row['step'] for row in rows] == [2, 3]
    assert all(set(row) == KEYS | {'step'} for row in rows)
    assert 'k-NN probe after epoch 3' in done.output
