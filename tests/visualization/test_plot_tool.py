"""``tools/plot.py``: pictures of dumped scores, without a model."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.annotation import save_annotation
from mmsnip.io.scores import save_scores
from tests.tools.conftest import command
from tests.visualization.made import CLASSES, PICTURES, moving_body, scored
from tests.visualization.test_film import NAMES, PARENTS


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
