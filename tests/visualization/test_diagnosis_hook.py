"""Pictures of a whole test, drawn as it ends."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mmsnip.registry import HOOKS
from mmsnip.visualization import hooks as diagnosis_hook
from mmsnip.visualization.hooks import DiagnosisHook
from tests.visualization.made import CLASSES, PICTURES
from tests.visualization.made import scored as make_scored


class Recorder:
    """Stands for a visualizer and keeps what it is shown."""

    def __init__(self):
        self.dataset_meta = {'classes': CLASSES, 'fps': 10.0}
        self.shown = {}

    def add_image(self, name, image, step=0):
        self.shown[name] = (image.shape, step)


def metric(**settings):
    given = dict(protocol='babel', proposals={'runs': {}}, convention='clean')
    return SimpleNamespace(**{**given, **settings})


@pytest.fixture
def runner():
    loop = SimpleNamespace(evaluator=SimpleNamespace(metrics=[metric()]))
    return SimpleNamespace(
        visualizer=Recorder(), iter=40, test_loop=loop, val_loop=loop
    )


def answers(with_truth=True):
    scores, truth = make_scored()
    samples = []
    for name, array in scores.items():
        sample = BaseDataElement(metainfo=dict(frame_dir=name))
        if with_truth:
            sample.set_metainfo(
                dict(
                    segments=truth[name][:, 1:],
                    segment_labels=truth[name][:, 0],
                )
            )
        sample.pred_frame_scores = torch.from_numpy(array)
        samples.append(sample)
    return samples


def run(hook, runner, samples, loop='test'):
    getattr(hook, f'before_{loop}_epoch')(runner)
    for place, sample in enumerate(samples):
        getattr(hook, f'after_{loop}_iter')(runner, place, None, [sample])
    getattr(hook, f'after_{loop}_epoch')(runner, {})


def names(folder):
    return sorted(path.name for path in folder.rglob('*') if path.is_file())


def test_a_test_leaves_all_pictures_in_the_folder_and_the_backends(
    runner, tmp_path
):
    hook = HOOKS.build(
        dict(type='mmsnip.DiagnosisHook', show_dir=str(tmp_path / 'new'))
    )
    run(hook, runner, answers())
    assert names(tmp_path) == [f'{name}.png' for name in PICTURES]
    assert sorted(runner.visualizer.shown) == [
        f'diagnosis_{name}' for name in PICTURES
    ]
    for name in PICTURES:
        image = cv2.imread(str(tmp_path / 'new' / f'{name}.png'))
        shape, step = runner.visualizer.shown[f'diagnosis_{name}']
        assert (image.shape, 0) == (shape, step)


def test_the_pictures_are_of_the_videos_of_this_test_alone(
    runner, tmp_path, monkeypatch
):
    seen = []

    def note(scores, truth, classes, fps, settings, **options):
        seen.append((scores, truth, classes, fps, settings))
        return {}

    monkeypatch.setattr(diagnosis_hook, 'draw_diagnosis', note)
    hook = DiagnosisHook()
    run(hook, runner, answers())
    run(hook, runner, answers()[:1])
    scores, truth = make_scored()
    assert [list(each[0]) for each in seen] == [['v0', 'v1', 'v2'], ['v0']]
    np.testing.assert_allclose(seen[0][0]['v1'], scores['v1'], rtol=1e-6)
    np.testing.assert_array_equal(seen[0][1]['v1'], truth['v1'])
    assert seen[0][2:4] == (CLASSES, dict.fromkeys(scores, 10.0))
    assert seen[0][4] == vars(metric())


def test_validation_draws_only_on_request(runner, tmp_path):
    quiet = DiagnosisHook(show_dir=str(tmp_path))
    run(quiet, runner, answers(), 'val')
    assert names(tmp_path) == []
    loud = DiagnosisHook(show_dir=str(tmp_path), during_val=True)
    run(loud, runner, answers(), 'val')
    assert names(tmp_path) == [f'{name}_40.png' for name in PICTURES]
    assert {step for _, step in runner.visualizer.shown.values()} == {40}


@pytest.mark.parametrize('samples', [[], answers(False), answers() * 2])
def test_a_test_without_truth_goes_on(runner, tmp_path, samples):
    hook = DiagnosisHook(show_dir=str(tmp_path))
    run(hook, runner, samples)
    # the same video twice is one video
    assert bool(names(tmp_path)) == (len(samples) == 6)


def test_windows_of_a_video_are_no_reason_to_stop(runner, tmp_path):
    samples = answers()
    samples[1].set_metainfo(dict(frame_dir='v0'))
    run(DiagnosisHook(show_dir=str(tmp_path)), runner, samples)
    assert names(tmp_path) == []


def test_only_the_main_process_draws_what_all_have_seen(
    runner, tmp_path, monkeypatch
):
    def gather(mine):
        entries, refusal = mine
        return [(entries[:2], refusal), (entries[2:], None)]

    monkeypatch.setattr(diagnosis_hook, 'all_gather_object', gather)
    run(DiagnosisHook(show_dir=str(tmp_path)), runner, answers())
    assert len(names(tmp_path)) == 5
    monkeypatch.setattr(diagnosis_hook, 'is_main_process', lambda: False)
    run(DiagnosisHook(show_dir=str(tmp_path / 'b')), runner, answers())
    assert not (tmp_path / 'b').exists()
