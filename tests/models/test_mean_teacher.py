"""Learning from frames without labels, against slow versions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.hooks import EMAHook

from mmsnip.hooks import MeanTeacherHook
from mmsnip.losses.frame import soft_cross_entropy
from mmsnip.models.averaging import WarmEMA
from tests.models.test_localizer import localizer, samples, skeletons

T = 13


def taught(weight=0.0, **changes):
    model = localizer(type='mmsnip.MeanTeacherLocalizer', **changes)
    if weight:
        teacher = localizer(**changes)
        with torch.no_grad():
            for parameter in teacher.parameters():
                parameter.mul_(1.1)
        model.set_teacher(teacher, weight)
    return model.train()


def batch(lengths=(T, T, T), labelled=(0, 2)):
    """Two views; videos that are not `labelled` have no frame labels."""
    made = samples(lengths)
    for n in set(range(len(lengths))) - set(labelled):
        made[n] = ActionDataSample(metainfo=dict(frame_dir=f'video_{n}'))
    views = [skeletons(len(lengths), seed=seed) for seed in (0, 1)]
    count = torch.tensor(lengths)
    full = bool((count == T).all())
    return dict(
        inputs=views,
        data_samples=made,
        num_frames=[None if full else count] * 2,
        mode='loss',
    )


def gradients(model, losses):
    model.zero_grad()
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    return [p.grad for p in model.parameters() if p.grad is not None]


def test_soft_cross_entropy_is_that_of_a_loop():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    targets = torch.rand(2, 5, 3, generator=generator, dtype=torch.float64)
    counted = torch.rand(2, 5, generator=generator) < 0.6

    total, number = 0.0, 0
    for n in range(2):
        for t in range(5):
            if counted[n, t]:
                p = logits[n, t].exp() / logits[n, t].exp().sum()
                total -= float((targets[n, t] * p.log()).sum())
                number += 1

    found = soft_cross_entropy(logits, targets, counted)
    assert float(found) == pytest.approx(total / number)
    assert float(soft_cross_entropy(logits, targets, counted & False)) == 0
    with pytest.raises(ValueError, match='targets have shape'):
        soft_cross_entropy(logits, targets[:1], counted)


def test_without_a_teacher_videos_without_labels_change_no_gradient():
    model, plain = taught(), localizer().train()
    data = batch()
    rows = [0, 2]

    found = model(**data)
    expected = plain(
        data['inputs'][1][rows],
        [data['data_samples'][n] for n in rows],
        mode='loss',
    )

    assert 'loss_teacher' not in found
    assert torch.equal(found['loss_frame'], expected['loss_frame'])
    for ours, theirs in zip(
        gradients(model, found), gradients(plain, expected)
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('smoothing', [0.0, 0.15])
def test_the_teachers_loss_is_that_of_a_loop(smoothing):
    head = dict(
        type='mmsnip.FrameLocalizationHead',
        num_classes=4,
        smoothing_weight=smoothing,
    )
    model = taught(0.7, head=head)
    lengths = (T, 9, 11)
    data = batch(lengths, labelled=(0,))
    teacher = localizer(head=head).eval()
    teacher.load_state_dict(model._teacher[0].state_dict())

    losses = model(**data)

    # The student's logits once more, from the same statistics of the batch.
    again = taught(head=head)
    logits = again(data['inputs'][1], None, None, data['num_frames'][1])
    with torch.no_grad():
        scores = teacher(data['inputs'][0], None, None, data['num_frames'][0])
    total, number, jumps = 0.0, 0, []
    for n in (1, 2):
        log_prob = logits[n].log_softmax(1)
        for t in range(lengths[n]):
            square = scores[n, t].softmax(0) ** 2  # temperature 0.5
            loss = -(square / square.sum() * log_prob[t]).sum()
            total += float(loss.detach())
            number += 1
            if t:
                jump = (log_prob[t] - log_prob[t - 1]).abs().clamp(max=4)
                jumps.append(float((jump**2).mean().detach()))
    expected = total / number + smoothing * sum(jumps) / len(jumps)
    found = float(losses['loss_teacher'])
    assert found == pytest.approx(0.7 * expected, rel=1e-4)


def test_the_teacher_is_no_part_of_the_model_and_gets_no_gradient():
    model = taught(1.0)
    teacher = model._teacher[0]

    gradients(model, model(**batch()))

    assert all(p.grad is None for p in teacher.parameters())
    assert model.state_dict().keys() == localizer().state_dict().keys()


def test_the_teacher_changes_no_prediction():
    x = skeletons()

    assert torch.equal(taught(1.0).eval()(x), localizer().eval()(x))


def test_a_batch_without_any_label_still_learns_from_the_teacher():
    losses = taught(1.0)(**batch(labelled=()))

    assert float(losses['loss_frame'].detach()) == 0
    assert float(losses['loss_teacher'].detach()) > 0


@pytest.mark.parametrize('temperature', [0, 1.5])
def test_an_impossible_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match='temperature='):
        localizer(type='mmsnip.MeanTeacherLocalizer', temperature=temperature)


def test_the_hook_hands_over_the_running_mean_and_raises_its_weight():
    model = taught()
    ema = EMAHook(ema_type='mmsnip.WarmEMA')
    ema.ema_model = WarmEMA(model)
    runner = SimpleNamespace(model=model, hooks=[ema], iter=0, max_iters=20)
    hook = MeanTeacherHook(begin=0.5, rise=0.2, weight=2.0)

    weights = []
    for runner.iter in range(20):
        hook.before_train_iter(runner, runner.iter)
        weights.append(model.teacher_weight)

    rising = [0.5, 1.0, 1.5]
    assert weights == pytest.approx([0.0] * 10 + rising + [2.0] * 7)
    assert model._teacher[0] is ema.ema_model.module
    runner.hooks = []
    with pytest.raises(ValueError, match='EMAHook'):
        hook.before_train_iter(runner, 0)
    with pytest.raises(ValueError, match='begin='):
        MeanTeacherHook(begin=1.0)
