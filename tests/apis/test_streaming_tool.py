"""``tools/stream.py`` on a file."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.apis import StreamingLocalizer
from tests.apis.streaming_models import (
    JOINTS,
    checkpoint,
    feed,
    joined,
    poses,
)
from tests.tools.conftest import command


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp('stream') / 'model.pth')


@pytest.fixture(scope='module')
def tool():
    """``mmsnip stream`` in this process."""
    return command('stream')


def test_each_action_is_printed_once_with_the_time_it_is_known(
    tool, model, tmp_path, capsys
):
    keypoint = poses(T=150)
    path = tmp_path / 'waving.npz'
    np.savez(path, keypoint=keypoint, fps=60.0)
    stream = StreamingLocalizer(
        model, device='cpu', fps=60.0, look_ahead=8, hop=4
    )

    status = tool(
        [str(path), '--model', str(model), '--device', 'cpu']
        + ['--look-ahead', '8', '--hop', '4']
    )

    lines = capsys.readouterr().out.splitlines()
    _, segments = joined(feed(stream, keypoint, 50))
    assert status == 0
    assert '150 frames at 60 frames/s' in lines[0]
    assert len(lines) == len(segments) + 2 > 3
    for line, segment in zip(lines[1:], segments):
        start_s, end_s = segment['segment']
        assert f'{segment["label"]}: {start_s:.2f} to {end_s:.2f} s' in line
        assert float(line[1:10]) >= end_s - 1e-2
    assert lines[-1].endswith('frames/s')


def test_realtime_waits_for_the_frames(tool, model, tmp_path, monkeypatch):
    path = tmp_path / 'waving.npy'
    np.save(path, poses(M=1, T=9))
    waited = []
    monkeypatch.setattr('time.sleep', waited.append)

    tool([str(path), '--model', str(model), '--fps', '0.1', '--realtime'])

    assert waited[-9] == 0
    assert 60 < waited[-1] <= 80


def test_joints_in_another_order_are_found_by_name(
    tool, model, tmp_path, capsys
):
    order, keypoint = [3, 0, 4, 2, 1], poses(M=1, T=60)
    names = [JOINTS[v] for v in order]
    np.save(tmp_path / 'own.npy', keypoint)
    np.savez(
        tmp_path / 'own.npz', keypoint=keypoint[:, :, order], joint_names=names
    )
    lines = []

    for name in ('own.npy', 'own.npz'):
        tool([str(tmp_path / name), '--model', str(model)])
        lines.append(capsys.readouterr().out.splitlines()[1:-1])

    assert lines[0] == lines[1] != []


def test_a_body_that_lacks_joints_is_refused_with_a_remedy(
    tool, model, tmp_path, capsys
):
    path = tmp_path / 'other.npz'
    np.savez(path, keypoint=np.ones((9, 5, 3)), joint_names=list('abcde'))
    arguments = [str(path), '--model', str(model)]

    with pytest.raises(SystemExit):
        tool(arguments)
    assert 'lacks 5 of the 5 joints' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        tool([*arguments, '--map-joints', 'nobody'])
    assert 'neither a layout' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('--hop', '0', 'hop=0 must be a whole number of at least 1'),
        ('--look-ahead', '-1', 'look_ahead=-1 must be a whole number'),
        ('--fps', '-3', 'fps=-3.0 must be a positive number'),
    ],
)
def test_options_out_of_range_are_refused_in_a_line(
    tool, capsys, option, value, message
):
    with pytest.raises(SystemExit) as ended:
        tool(['a.npy', '--model', 'm.pth', option, value])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err
