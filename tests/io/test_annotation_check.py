"""Every malformed field is named: file, video, key, found, expected."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mmsnip.io.annotation import (
    AnnotationError,
    check_annotation,
    validate_annotation,
)

NAN = np.array(np.nan, np.float32)


def put(key, value, video=0):
    """Set a field of a video."""

    def change(data):
        data['annotations'][video][key] = value

    return change


def drop(key, video=0):
    def change(data):
        del data['annotations'][video][key]

    return change


def meta(**values):
    def change(data):
        data['metainfo'].update(values)

    return change


def splits(**values):
    def change(data):
        data['split'].update(values)

    return change


def edit(function):
    """Edit the keypoints of the first video."""

    def change(data):
        video = data['annotations'][0]
        video['keypoint'] = function(video['keypoint'])

    return change


def nan_at(keypoint):
    keypoint[1, 4, 3, 2] = NAN
    return keypoint


def infinite_at(keypoint):
    keypoint[0, 12, 0, 1] = np.inf
    return keypoint


def rename_second(data):
    data['annotations'][1]['frame_dir'] = 'v0'


def no_videos(data):
    data['annotations'] = []


def with_score(shape, value=0.5):
    return put('keypoint_score', np.full(shape, value, np.float32))


# change, key, video, found, expected; '' for a problem of the whole file
BROKEN = {
    'end beyond the video': (
        put('segments', np.array([[1, 4], [6, 14]])),
        'segments', 'v0', '[6, 14) in row 1', 'end <= 13',
    ),
    'start before the video': (
        put('segments', np.array([[-1, 4], [6, 13]])),
        'segments', 'v0', '[-1, 4) in row 0', '0 <= start',
    ),
    'start equals end': (
        put('segments', np.array([[4, 4], [6, 13]])),
        'segments', 'v0', 'start >= end, [4, 4) in row 0', 'start < end',
    ),
    'start after end': (
        put('segments', np.array([[1, 4], [9, 6]])),
        'segments', 'v0', 'start >= end, [9, 6) in row 1', 'half-open',
    ),
    'segments of float': (
        put('segments', np.array([[1.0, 4.0], [6.0, 13.0]])),
        'segments', 'v0', 'float64 array', 'int array (num_segments, 2)',
    ),
    'segments of three columns': (
        put('segments', np.array([[1, 4, 0], [6, 13, 2]])),
        'segments', 'v0', 'shape (2, 3)', '(num_segments, 2)',
    ),
    'ragged list of segments': (
        put('segments', [[1, 4], [6]]),
        'segments', 'v0', 'list [[1, 4], [6]]', '(num_segments, 2)',
    ),
    'label beyond the classes': (
        put('segment_labels', np.array([0, 3])),
        'segment_labels', 'v0', 'label 3 in row 1', '0..2 (3 classes)',
    ),
    'negative segment label': (
        put('segment_labels', np.array([-1, 2])),
        'segment_labels', 'v0', 'label -1 in row 0', '0..2',
    ),
    'segment labels of text': (
        put('segment_labels', np.array(['wave', 'sit'])),
        'segment_labels', 'v0', '<U4 array', 'int array (num_segments,)',
    ),
    'fewer labels than segments': (
        put('segment_labels', np.array([0])),
        'segment_labels', 'v0', '1 labels for 2 segments', 'one label',
    ),
    'segments without labels': (
        drop('segment_labels'),
        'segment_labels', 'v0', 'nothing', 'as many entries as segments',
    ),
    'labels without segments': (
        drop('segments'),
        'segments', 'v0', 'nothing', 'as many entries as segment_labels',
    ),
    'trimmed label out of range': (
        put('label', 3), 'label', 'v0', 'int 3', '0..2 (3 classes)',
    ),
    'trimmed label of bool': (
        put('label', True), 'label', 'v0', 'bool True', 'an integer',
    ),
    'several trimmed labels': (
        put('label', [0, 1]), 'label', 'v0', 'list [0, 1]', 'an integer',
    ),
    'NaN joint': (
        edit(nan_at), 'keypoint', 'v0',
        'NaN or infinity in 1 values, first at person 1, frame 4, joint 3',
        'finite',
    ),
    'infinite joint': (
        edit(infinite_at), 'keypoint', 'v0',
        'first at person 0, frame 12, joint 0', 'finite',
    ),
    'no frame': (
        edit(lambda k: k[:, :0]), 'keypoint', 'v0', 'T = 0', 'one frame',
    ),
    'no person': (
        edit(lambda k: k[:0]), 'keypoint', 'v0', 'M = 0', 'one person',
    ),
    'no person axis': (
        edit(lambda k: k[0]), 'keypoint', 'v0',
        '3 axes, shape (13, 5, 3)', '4 axes (M, T, V, C)',
    ),
    'ragged frames': (
        edit(lambda k: [k[:, :3], k[:, :2]]), 'keypoint', 'v0', 'list',
        'a float array (M, T, V, C)',
    ),
    'keypoints of integers': (
        edit(lambda k: k.astype('int32')), 'keypoint', 'v0', 'int32 array',
        'float16, float32 or float64',
    ),
    'four channels': (
        edit(lambda k: np.concatenate([k, k[..., :1]], -1)), 'keypoint',
        'v0', 'C = 4', 'C = 3 (x, y, z)',
    ),
    'channels that differ': (
        put('keypoint', np.ones((2, 7, 5, 2), np.float32), video=1),
        'keypoint', 'v1', 'C = 2', 'C = 3 as in the first video',
    ),
    'joints that differ': (
        put('keypoint', np.ones((2, 7, 6, 3), np.float32), video=1),
        'keypoint', 'v1', 'V = 6', 'V = 5 joints',
    ),
    'no keypoints': (
        drop('keypoint'), 'keypoint', 'v0', 'nothing', 'a float array',
    ),
    'wrong total_frames': (
        put('total_frames', 12), 'total_frames', 'v0', 'int 12',
        '13, the frames of keypoint (2, 13, 5, 3)',
    ),
    'no total_frames': (
        drop('total_frames'), 'total_frames', 'v0', 'nothing', '13',
    ),
    'score of another shape': (
        with_score((2, 13, 4)), 'keypoint_score', 'v0', 'shape (2, 13, 4)',
        'shape (2, 13, 5)',
    ),
    'NaN score': (
        with_score((2, 13, 5), np.nan), 'keypoint_score', 'v0', 'NaN',
        'finite scores',
    ),
    'negative frame rate of a video': (
        put('fps', -1.0), 'fps', 'v0', 'float -1.0', 'positive number',
    ),
    'two videos of one name': (
        rename_second, 'frame_dir', 'v0',
        'annotations[0] and annotations[1]', 'a name of its own',
    ),
    'name that is no text': (
        put('frame_dir', 7), 'annotations[0].frame_dir', '', 'int 7', 'str',
    ),
    'no name': (
        drop('frame_dir'), 'annotations[0].frame_dir', '', 'nothing', 'str',
    ),
    'no videos': (
        no_videos, 'annotations', '', 'no video', 'at least one',
    ),
    'split of an unknown video': (
        splits(val=['v1', 'v9']), "split['val']", 'v9', "['v9']",
        'annotated videos',
    ),
    'split that lists a video twice': (
        splits(val=['v1', 'v1']), "split['val']", 'v1', 'more than once',
        'each video once',
    ),
    'split of indices': (
        splits(val=[1]), "split['val']", '', 'int 1', 'str',
    ),
    'split that is no list': (
        splits(val='v1'), "split['val']", '', "str 'v1'", 'a list',
    ),
    'class twice': (
        meta(classes=['wave', 'jump', 'wave']), 'classes', '',
        "['wave'] more than once", 'different',
    ),
    'class that is no text': (
        meta(classes=['wave', 'jump', 3]), 'classes', '', 'int 3', 'names',
    ),
    'classes that are no list': (
        meta(classes='wave'), 'classes', '', "str 'wave'", 'a list',
    ),
    'more names than joints': (
        meta(joint_names=list('abcdef')), 'parents', '',
        'joint_names has 6 entries and parents 5', 'one per joint name',
    ),
    'more joints than in the arrays': (
        meta(joint_names=list('abcdef'), parents=[-1, 0, 1, 2, 1, 4]),
        'parents', '', '6 joints, but V = 5', 'root -1',
    ),
    'two roots': (
        meta(parents=[-1, 0, 1, 2, -1]), 'parents', '', 'root', 'root -1',
    ),
    'a cycle': (
        meta(parents=[-1, 2, 1, 2, 1]), 'parents', '', 'parents', 'root -1',
    ),
    'no skeleton that is known': (
        meta(parents=None, joint_names=None), 'parents', '',
        'V = 5 joints, which is none of', 'the parent of each joint',
    ),
    'unknown layout': (
        meta(layout='centaur'), 'layout', '', "'centaur'", 'root -1',
    ),
    'frame rate of zero': (
        meta(fps=0), 'fps', '', 'int 0', 'positive number',
    ),
}  # fmt: skip


def test_a_sound_annotation_has_no_problems(untrimmed):
    assert check_annotation(untrimmed) == []


@pytest.mark.parametrize('name', BROKEN)
def test_a_malformed_field_is_refused(name, untrimmed):
    change, key, video, found, expected = BROKEN[name]
    change(untrimmed)
    place = f"video '{video}', key {key!r}" if video else f'- key {key!r}'

    with pytest.raises(AnnotationError) as caught:
        validate_annotation(untrimmed, 'some/file.pkl')

    message = str(caught.value)
    assert "annotation file 'some/file.pkl' cannot be used" in message
    line = next(
        line
        for line in message.splitlines()
        if re.search(re.escape(place), line) and found in line
    )
    assert expected in line.split(', expected ')[1]
    assert line.split('; ')[-1]  # what to do


def test_an_unknown_split_lists_the_known_ones(untrimmed):
    with pytest.raises(
        AnnotationError,
        match=r"found no split 'test', expected one of \['train', 'val'\]",
    ):
        validate_annotation(untrimmed, 'a.pkl', split='test')


def test_an_empty_split_is_refused_where_it_is_used(untrimmed):
    untrimmed['split']['test'] = []

    assert check_annotation(untrimmed, split='train') == []
    with pytest.raises(AnnotationError, match=r"split\['test'\].*no video"):
        validate_annotation(untrimmed, 'a.pkl', split='test')


def test_only_the_videos_of_the_split_are_looked_at(untrimmed):
    nan_at(untrimmed['annotations'][0]['keypoint'])

    assert check_annotation(untrimmed, split='val') == []
    assert len(check_annotation(untrimmed, split='train')) == 1


def test_all_problems_are_told_in_one_error(untrimmed):
    nan_at(untrimmed['annotations'][0]['keypoint'])
    untrimmed['annotations'][1]['total_frames'] = 8
    untrimmed['metainfo']['fps'] = -3

    with pytest.raises(AnnotationError, match='3 problems') as caught:
        validate_annotation(untrimmed, 'a.pkl')

    for text in ("video 'v0'", "video 'v1'", "key 'fps'"):
        assert text in str(caught.value)


def test_only_the_first_twenty_problems_are_spelt_out(untrimmed):
    video = untrimmed['annotations'][0]
    video['segments'] = np.array([[5, 5]] * 23)
    video['segment_labels'] = np.zeros(23, int)

    with pytest.raises(AnnotationError, match='23 problems') as caught:
        validate_annotation(untrimmed, 'a.pkl')

    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-1] == '- ... and 3 more'


def test_scores_of_some_videos_only_are_refused(untrimmed):
    with_score((2, 13, 5))(untrimmed)

    (problem,) = check_annotation(untrimmed)
    assert str(problem) == (
        "key 'keypoint_score': found nothing in 1 of 2 videos, ['v1'], "
        'expected scores in all videos or in none; store one score per joint '
        '(1 where it is unknown) in these videos, too, or drop the key in all'
    )
    assert check_annotation(untrimmed, split='train') == []


@pytest.mark.parametrize(
    'empty', [[], np.zeros(0), np.zeros((0, 2), np.int64)]
)
def test_a_video_without_segments_is_all_background(empty, untrimmed):
    untrimmed['annotations'][1].update(segments=empty, segment_labels=[])

    assert check_annotation(untrimmed) == []


def test_unlabelled_videos_are_sound(untrimmed):
    for video in untrimmed['annotations']:
        del video['segments'], video['segment_labels']

    assert check_annotation(untrimmed) == []
