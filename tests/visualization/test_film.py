"""Films: labels, bones and the camera of each frame."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter
from PIL import Image

from mmsnip.visualization import Poses, save_film
from mmsnip.visualization.film import PoseFilm, follow
from tests.visualization.made import axes_of, moving_body, texts_overlap

PARENTS = [-1, 0, 1, 1, 1]
NAMES = ['Hips', 'Spine', 'Head', 'Hand_L', 'Hand_R']
CLASSES = ['walk', 'cost $5 or $7', 'run']
TRUTH = np.array([[0, 0, 5], [1, 3, 9]])
FOUND = np.array([[2, 0, 4, 0.9], [1, 2, 8, 0.5], [1, 7, 11, 0.4]])


def poses(M=2, T=13, C=3):
    return Poses(moving_body(M, T, C=C), PARENTS, joint_names=NAMES)


def drawn_bones(body):
    """Bones that a viewer sees."""
    widths = np.broadcast_to(body.get_linewidths(), len(body.get_segments()))
    return [s for s, w in zip(body.get_segments(), widths) if w > 0]


def test_the_label_of_each_frame_is_shown():
    film = PoseFilm(poses(), 10.0, CLASSES, TRUTH, FOUND)
    shown = []
    for frame in (1, 4, 10):
        film.show(frame)
        shown.append([text.get_text() for text in film.captions.values()])
    # the second detection yields to the first and hides nothing else
    assert shown == [
        ['walk', 'run'],
        ['walk + cost $5 or $7', 'background'],
        ['background', 'cost $5 or $7'],
    ]
    assert list(film.captions) == ['ground truth', 'prediction']


def test_the_cursor_and_the_clock_are_in_seconds():
    film = PoseFilm(poses(), 10.0, CLASSES, TRUTH)
    film.show(7)
    (ax,) = axes_of(film.figure, 'segments')
    (cursor,) = [line for line in ax.lines if line.get_gid() == 'cursor']
    assert cursor.get_xdata() == [0.75, 0.75]
    assert '0.70 s' in [text.get_text() for text in film.figure.texts]
    assert ax.get_xlim() == (0, 1.3)
    assert not texts_overlap(film.figure)


def test_joints_and_persons_that_are_missing_are_left_out():
    joints = moving_body(2, 13)
    joints[0, 4, 2] = np.nan
    joints[1, 4] = 0
    film = PoseFilm(Poses(joints, PARENTS, joint_names=NAMES), 10.0)
    film.show(4)
    assert [len(drawn_bones(body)) for body in film.bodies] == [3, 0]
    film.show(5)
    assert [len(drawn_bones(body)) for body in film.bodies] == [4, 4]


def test_the_camera_follows_and_keeps_everybody_in_the_picture():
    joints = moving_body(1, 40)
    joints[..., 0] += np.linspace(0, 30, 40)[None, :, None]
    points = PoseFilm(Poses(joints, PARENTS, joint_names=NAMES), 10.0).points
    centre, half, (low, high) = follow(points, 10.0, 1.5)
    apart = np.abs(points[..., 0] - centre[None, :, None])
    assert apart.max() <= half
    assert points[..., 1].min() >= low
    assert points[..., 1].max() <= high
    assert half / ((high - low) / 2) == pytest.approx(1.5)
    assert np.ptp(centre) > 15


def test_a_gif_has_every_picture_at_its_time(tmp_path):
    path = save_film(
        tmp_path / 'new' / 'x.gif',
        poses(T=26),
        25.0,
        CLASSES,
        TRUTH,
        FOUND,
        span=(4, 16),
        title='a name_with $dollars$',
    )
    with Image.open(path) as image:
        assert image.n_frames == 6
        assert image.info['duration'] == 80
        assert image.info['loop'] == 0


@pytest.mark.skipif(FFMpegWriter.isAvailable(), reason='ffmpeg is installed')
def test_mp4_without_ffmpeg_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match='ffmpeg is not installed'):
        save_film(tmp_path / 'x.mp4', poses())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'path': 'x.avi'}, "ends in '.avi'"),
        ({'span': (5, 99)}, r'span=\(5, 99\) must name frames of a video of'),
        ({'span': (5, 5)}, r'span=\(5, 5\)'),
        ({'ground_truth': [[7, 0, 3]]}, 'ground truth.*label 7'),
        ({'poses': (np.zeros((2, 0, 5, 3)), PARENTS)}, 'one frame or more'),
        ({'poses': (np.ones((2, 9, 4, 3)), PARENTS)}, 'parents has 5'),
        ({'frame_rate': 0}, 'frame_rate=0 must be positive'),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changes, message):
    given = {'poses': poses(), 'classes': CLASSES, **changes}
    path = tmp_path / given.pop('path', 'x.gif')
    with pytest.raises(ValueError, match=message):
        save_film(path, **given)
    assert not path.exists()
