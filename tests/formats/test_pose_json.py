from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError
from tests.formats.readers import read_any as read_pose_json

M, T = 2, 7


def bodies(V, D=2, scale=100.0, seed=0):
    """Two people, far apart, who move a little: (M, T, V, D)."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform(0.2, 0.8, (M, 1, V, D))
    pose[1] += 3
    steps = rng.normal(0, 0.01, (M, T, 1, D)).cumsum(axis=1)
    return ((pose + steps) * scale).astype(np.float32)


def scores(V, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 1, (M, T, V)).astype(np.float32)


def flat(x, s, m, t):
    return np.concatenate((x[m, t], s[m, t, :, None]), 1).ravel().tolist()


def xyv(point, score):
    keys = 'xyz'[: len(point)]
    return {**dict(zip(keys, point.tolist())), 'visibility': float(score)}


def openpose(x, s, key='pose_keypoints_2d', **more):
    return [
        {
            'version': 1.3,
            'people': [
                {'person_id': [-1], key: flat(x, s, m, t), **more}
                for m in range(M)
            ],
        }
        for t in range(T)
    ]


def mmpose(x, s, tracks=True):
    return [
        {
            'frame_id': t + 1,
            'instances': [
                {
                    'keypoints': x[m, t].tolist(),
                    'keypoint_scores': s[m, t].tolist(),
                    'bbox': [[0, 0, 9, 9]],
                    'bbox_score': 0.9,
                    **({'track_id': 7 + m} if tracks else {}),
                }
                for m in range(M)
            ],
        }
        for t in range(T)
    ]


def yolo(x, s):
    return [
        [
            {
                'name': 'person',
                'class': 0,
                'confidence': 0.9,
                'box': {'x1': 0, 'y1': 0, 'x2': 9, 'y2': 9},
                'track_id': m + 3,
                'keypoints': {
                    'x': x[m, t, :, 0].tolist(),
                    'y': x[m, t, :, 1].tolist(),
                    'visible': s[m, t].tolist(),
                },
            }
            for m in range(M)
        ]
        for t in range(T)
    ]


def alphapose(x, s, **more):
    return [
        {
            'image_id': f'{t}.jpg',
            'category_id': 1,
            'keypoints': flat(x, s, m, t),
            'score': 2.9,
            'idx': m + 1,
            **more,
        }
        for t in range(T)
        for m in range(M)
    ]


def landmarks(x, s, m, t):
    return [xyv(p, c) for p, c in zip(x[m, t], s[m, t])]


def write(tmp_path, document, name='video.json'):
    path = tmp_path / name
    path.write_text(json.dumps(document))
    return path


def write_folder(tmp_path, frames, numbers=None):
    folder = tmp_path / 'video'
    folder.mkdir()
    for t, frame in zip(numbers or range(len(frames)), frames):
        write(folder, frame, f'walk_{t:012d}_keypoints.json')
    return folder


def check(keypoint, metadata, x, s):
    assert keypoint.dtype == np.float32
    np.testing.assert_allclose(keypoint, x, rtol=1e-6)
    np.testing.assert_allclose(metadata['keypoint_score'], s, rtol=1e-6)


@pytest.mark.parametrize(
    ('V', 'layout'), [(25, 'openpose-25'), (18, 'openpose')]
)
def test_openpose_folder_is_told_by_its_length(tmp_path, V, layout):
    x, s = bodies(V), scores(V)
    folder = write_folder(tmp_path, openpose(x, s))

    keypoint, metadata = read_pose_json(folder)

    check(keypoint, metadata, x, s)
    assert metadata['layout'] == layout
    assert metadata['unit'] == 'pixel'
    assert metadata['up'] == '-y'
    assert metadata['track_ids'] == ['0', '1']
    assert not metadata['mended']


def test_openpose_3d_wins_and_names_no_unit(tmp_path):
    x, s = bodies(25, D=3), scores(25)
    frames = openpose(x, s, 'pose_keypoints_3d', pose_keypoints_2d=[])
    keypoint, metadata = read_pose_json(write_folder(tmp_path, frames))
    check(keypoint, metadata, x, s)
    assert 'unit' not in metadata
    assert 'up' not in metadata


def test_missing_frame_numbers_are_zero_and_reported(tmp_path):
    x, s = bodies(25), scores(25)
    numbers = [9, 10, 11, 14, 15, 17, 18]  # as text, 9 comes behind 18
    folder = write_folder(tmp_path, openpose(x, s), numbers)

    keypoint, metadata = read_pose_json(folder)

    assert keypoint.shape == (M, 10, 25, 2)
    assert metadata['first_frame'] == 9
    np.testing.assert_allclose(
        keypoint[:, np.array(numbers) - 9], x, rtol=1e-6
    )
    assert not keypoint[:, [3, 4, 7]].any()
    assert metadata['mended'] == [
        '3 frame numbers are missing; nobody is there in these frames: '
        '12..13, 16'
    ]


def test_persons_without_ids_keep_their_place_when_the_order_changes(tmp_path):
    x, s = bodies(17), scores(17)
    frames = mmpose(x, s, tracks=False)
    for frame in frames[1::2]:
        frame['instances'].reverse()
    keypoint, metadata = read_pose_json(write(tmp_path, frames))
    check(keypoint, metadata, x, s)


@pytest.mark.parametrize(
    ('names', 'layout'),
    [
        (get_layout('coco').joint_names, 'coco'),
        (('tail', 'left_paw', 'right_paw', 'nose', 'ear'), None),
    ],
)
def test_mmpose_demo_file_names_its_joints(tmp_path, names, layout):
    x, s = bodies(len(names)), scores(len(names))
    document = dict(
        meta_info=dict(keypoint_id2name=dict(enumerate(names))),
        instance_info=mmpose(x, s),
    )
    keypoint, metadata = read_pose_json(write(tmp_path, document))
    check(keypoint, metadata, x, s)
    assert metadata['joint_names'] == list(names)
    assert metadata.get('layout') == layout
    assert metadata['track_ids'] == ['7', '8']
    assert metadata['first_frame'] == 1


def test_mmpose_3d_is_human36m_with_z_up(tmp_path):
    x, s = bodies(17, D=3, scale=1.0), scores(17)
    names = [
        *('root', 'right_hip', 'right_knee', 'right_foot', 'left_hip'),
        *('left_knee', 'left_foot', 'spine', 'thorax', 'neck_base', 'head'),
        *('left_shoulder', 'left_elbow', 'left_wrist', 'right_shoulder'),
        *('right_elbow', 'right_wrist'),
    ]
    meta = dict(keypoint_id2name={str(v): n for v, n in enumerate(names)})
    for document in (
        mmpose(x, s),
        dict(meta_info=meta, instance_info=mmpose(x, s)),
    ):
        keypoint, metadata = read_pose_json(write(tmp_path, document))
        check(keypoint, metadata, x, s)
        assert metadata['layout'] == 'h36m'
        assert (metadata['unit'], metadata['up']) == ('m', 'z')


def test_whole_bodies_keep_the_body_and_say_so(tmp_path):
    x, s = bodies(133), scores(133)
    keypoint, metadata = read_pose_json(write(tmp_path, mmpose(x, s)))
    check(keypoint, metadata, x[:, :, :17], s[:, :, :17])
    assert metadata['layout'] == 'coco'
    assert 'joints 17..132 of 133' in metadata['mended'][0]


def test_yolo_frames_and_one_file_a_frame_agree(tmp_path):
    x, s = bodies(17, scale=0.2), scores(17)
    file = write(tmp_path, yolo(x, s))
    keypoint, metadata = read_pose_json(file)
    check(keypoint, metadata, x, s)
    assert metadata['layout'] == 'coco'
    assert metadata['unit'] == 'normalized'
    assert metadata['track_ids'] == ['3', '4']

    folder = write_folder(tmp_path, [*yolo(x, s), []])
    again, metadata = read_pose_json(folder)
    np.testing.assert_array_equal(again[:, :T], keypoint)
    assert not again[:, T].any()


def test_yolo_bodies_without_a_track_are_tracked_beside_those_with(tmp_path):
    x, s = bodies(17), scores(17)
    frames = yolo(x, s)
    for frame in frames:
        del frame[1]['track_id']
    keypoint, metadata = read_pose_json(write(tmp_path, frames))
    check(keypoint, metadata, x, s)
    assert metadata['track_ids'] == ['3', '0']


def test_coco_annotations_give_the_shape_of_the_images(tmp_path):
    x, s = bodies(17), scores(17)
    document = dict(
        images=[
            dict(id=900 + t, file_name=f'a/{t:06d}.jpg', height=48, width=64)
            for t in range(T)
        ],
        annotations=[
            dict(
                id=10 * t + m,
                image_id=900 + t,
                track_id=m,
                keypoints=flat(x, s, m, t),
            )
            for t in range(T)
            for m in range(M)
        ],
        categories=[
            dict(name='person', keypoints=list(get_layout('coco').joint_names))
        ],
    )
    keypoint, metadata = read_pose_json(write(tmp_path, document))
    check(keypoint, metadata, x, s)
    assert metadata['img_shape'] == (48, 64)
    assert metadata['layout'] == 'coco'


def mediapipe_forms(x, s, m=0):
    poses = [landmarks(x, s, m, t) for t in range(T)]
    names = [n.upper() for n in get_layout('mediapipe').joint_names]
    return {
        'lists': poses,
        'poses': [[pose] for pose in poses],
        'keys': [dict(frame=t, landmarks=p) for t, p in enumerate(poses)],
        'tasks': [dict(pose_landmarks=[pose]) for pose in poses],
        'proto': [dict(poseLandmarks=dict(landmark=p)) for p in poses],
        'names': [dict(zip(names, pose)) for pose in poses],
        'frames': dict(fps=25, width=64, height=48, frames=poses),
    }


@pytest.mark.parametrize('form', list(mediapipe_forms(bodies(33), scores(33))))
def test_mediapipe_dumps_of_every_form_are_read(tmp_path, form):
    x, s = bodies(33, D=3, scale=1.0), scores(33)
    path = write(tmp_path, mediapipe_forms(x, s)[form])
    keypoint, metadata = read_pose_json(path)
    check(keypoint, metadata, x[:1], s[:1])
    assert metadata['layout'] == 'mediapipe'
    assert metadata['unit'] == 'normalized'
    if form == 'frames':
        assert metadata['fps'] == 25.0
        assert metadata['img_shape'] == (48, 64)


@pytest.mark.parametrize('several_files', [False, True])
def test_mediapipe_world_landmarks_are_taken_where_given(
    tmp_path, several_files
):
    image, s = bodies(33, D=3, scale=1.0), scores(33)
    real = bodies(33, D=3, scale=0.3, seed=5)
    frames = [
        dict(
            pose_landmarks=[landmarks(image, s, m, t) for m in range(M)],
            pose_world_landmarks=[landmarks(real, s, m, t) for m in range(M)],
        )
        for t in range(T)
    ]
    frames[2] = dict(pose_landmarks=[], pose_world_landmarks=[])
    make = write_folder if several_files else write
    path = make(tmp_path, frames)
    for x in (image, real):
        x[:, 2] = 0
    s[:, 2] = 0
    keypoint, metadata = read_pose_json(path)
    check(keypoint, metadata, real, s)
    assert (metadata['unit'], metadata['up']) == ('m', '-y')
    keypoint, metadata = read_pose_json(path, world=False)
    check(keypoint, metadata, image, s)
    assert metadata['unit'] == 'normalized'


@pytest.mark.parametrize('word', ['NaN', 'Infinity', 'null', '1e999', '1e300'])
def test_lost_joint_is_zero_with_score_zero(tmp_path, word):
    x, s = bodies(17), scores(17)
    text = json.dumps(mmpose(x, s))
    gone = f'[{x[1, 4, 9, 0].tolist()}, {x[1, 4, 9, 1].tolist()}]'
    assert text.count(gone) == 1
    path = tmp_path / 'video.json'
    path.write_text(text.replace(gone, f'[{word}, 5.0]'))
    x[1, 4, 9], s[1, 4, 9] = 0, 0
    check(*read_pose_json(path), x, s)


ONE = [{'frame_id': 0, 'instances': []}]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'empty'),
        ('{"people": [', r'line 1: '),
        ('[\n1,\n2', 'line 3: '),
        ('[' * 200_000, 'is no JSON'),
        ('[' + '1' * 5000 + ']', 'no JSON'),
        ('[]', 'nobody is there'),
        ('7', r'a int, which is no pose JSON.*Known are openpose'),
        ('{"a": 1}', r"object with the keys \['a'\], which is no pose"),
        ('[{"a": 1}]', r"list of 1 entries; the first is.*\['a'\]"),
        ('{"people": []}', 'nobody is there'),
        ('{"people": 5}', 'found a int; expected a list of persons'),
        ('{"people": [{"hand": [1]}]}', 'expected pose_keypoints_2d'),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', 'holds 2 numbers'),
        (
            '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}',
            r'bodies of 1 joints; of openpose, \[18, 25\] are known',
        ),
        (
            '[{"image_id": 1, "keypoints": ["a", 2, 3]}]',
            r"entry 0, 'keypoints': expected a list of numbers",
        ),
        (
            '[[{"keypoints": [[1, 2], [3]], "keypoint_scores": [1, 1]}]]',
            'person 0: expected a list of numbers',
        ),
        (
            '[[{"keypoints": [[1, 2], [3, 4]], "keypoint_scores": [1]}]]',
            'found 2 joints and 1 scores',
        ),
        (
            '[{"box": {}, "confidence": 1, "keypoints": {"x": [1]}}]',
            'expected the keys x, y and visible',
        ),
        ('[{"x": 1, "y": 2}]', 'found 1 landmarks; expected 33'),
    ],
)
def test_malformed_files_are_refused_with_the_place(tmp_path, text, message):
    path = tmp_path / 'video.json'
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_pose_json(path)
    assert 'video.json' in str(caught.value)


def test_bodies_of_different_size_are_refused(tmp_path):
    entries = [
        *alphapose(bodies(17), scores(17)),
        *alphapose(bodies(26), scores(26)),
    ]
    with pytest.raises(DataError, match='different shapes'):
        read_pose_json(write(tmp_path, entries))


def test_folder_without_frames_or_of_several_recordings_is_refused(tmp_path):
    with pytest.raises(DataError, match='folder without'):
        read_pose_json(tmp_path)
    frame = openpose(bodies(25), scores(25))[0]
    write(tmp_path, frame, 'walk_01_keypoints.json')
    write(tmp_path, frame, 'run_01_keypoints.json')
    with pytest.raises(DataError, match='several recordings'):
        read_pose_json(tmp_path)


def test_folder_of_two_formats_is_refused(tmp_path):
    x, s = bodies(17), scores(17)
    frames = [openpose(bodies(25), scores(25))[0], yolo(x, s)[1]]
    with pytest.raises(DataError, match="dialect='yolo', but"):
        read_pose_json(write_folder(tmp_path, frames))
