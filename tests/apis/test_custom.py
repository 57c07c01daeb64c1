"""What the custom configs read from an annotation file."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmsnip.apis.custom import describe_annotation
from mmsnip.cli.command_line import readable_errors
from mmsnip.io.annotation import AnnotationError, save_annotation
from mmsnip.registry import MODELS
from mmsnip.skeleton.egocentric import upright
from tests.tools.conftest import annotation

ROOT = Path(__file__).resolve().parents[2]


def write(tmp_path, change=None):
    data = copy.deepcopy(annotation())
    if change is not None:
        change(data)
    path = tmp_path / 'mine.pkl'
    save_annotation(path, data, validate=False)
    return str(path)


def trim(data):
    for video in data['annotations']:
        del video['segments'], video['segment_labels']
        video['label'] = 1


def make_2d(data):
    for video in data['annotations']:
        video['keypoint'] = video['keypoint'][..., :2]
        video['keypoint_score'] = np.ones(
            video['keypoint'].shape[:3], np.float32
        )


def test_summary_states_what_shapes_a_model(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.classes == ['left', 'right']
    assert summary.in_channels == 3
    assert not summary.use_score
    assert summary.num_train == 8
    assert (summary.train_split, summary.val_split) == ('train', 'val')
    layout = summary.graph_cfg['layout']
    assert list(layout['parents']) == [-1, 0, 1, 1, 0]


def test_an_epoch_sees_about_every_frame_once(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.visits(10) == round(summary.mean_frames / 10)
    assert summary.visits(10**6) == 1


def test_views_are_never_longer_than_the_papers(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.view_frames(150) == int(summary.median_frames)
    assert summary.view_frames(64) == 64


def last(*lengths):
    """Segments of these lengths in every video, one after the other."""

    def change(data):
        ends = np.cumsum(lengths)
        for video in data['annotations']:
            T = int(ends[-1])
            points = video['keypoint'][:, :1].repeat(T, axis=1)
            video.update(
                keypoint=points,
                total_frames=T,
                segments=np.stack([ends - lengths, ends], axis=1),
                segment_labels=np.zeros(len(lengths), np.int64),
            )

    return change


@pytest.mark.parametrize(
    ('lengths', 'stride'),
    [
        ([96], 16),
        ([95], 8),
        ([48], 8),
        ([47], 4),
        ([5], 4),
        ([20, 130, 400], 16),  # by the median
    ],
)
def test_the_last_stage_keeps_frames_of_short_segments(
    tmp_path, lengths, stride
):
    strides = describe_annotation(
        write(tmp_path, last(*lengths))
    ).temporal_strides()

    assert np.prod(strides) == stride
    assert len(strides) == 10


@pytest.mark.parametrize(
    ('fps', 'rate', 'strides'),
    [
        (12.5, 1, (2, 2, 1, 1, 2, 1, 1, 2, 1, 1)),
        (30.0, 1, (2, 2, 1, 1, 2, 1, 1, 2, 1, 1)),
        (60.0, 2, (4, 2, 1, 1, 2, 1, 1, 2, 1, 1)),
        (120.0, 4, (4, 2, 1, 1, 2, 1, 1, 2, 1, 1)),
        (200.0, 7, (7, 2, 1, 1, 2, 1, 1, 1, 1, 1)),
    ],
)
def test_more_frames_a_second_make_longer_strides(
    tmp_path, fps, rate, strides
):
    def recorded(data):
        last(200)(data)
        data['metainfo']['fps'] = fps

    summary = describe_annotation(write(tmp_path, recorded))

    assert summary.rate == rate
    assert summary.temporal_strides() == strides


def test_trimmed_clips_are_segments_and_unlabelled_videos_have_some(tmp_path):
    def clips(data):
        last(96)(data)
        trim(data)

    def unlabelled(data):
        last(1000)(data)
        unlabel('train', 'val')(data)

    def few_frames(data):
        unlabelled(data)
        data['metainfo']['fps'] = 10.0

    labelled = describe_annotation(write(tmp_path, clips))
    fast = describe_annotation(write(tmp_path, unlabelled))
    slow = describe_annotation(write(tmp_path, few_frames))

    assert labelled.segment_frames == 96
    assert np.prod(labelled.temporal_strides()) == 16
    assert fast.segment_frames is None
    assert np.prod(fast.temporal_strides()) == 8  # 90 frames, 3 s
    assert np.prod(slow.temporal_strides()) == 4


def test_keys_without_a_value_are_no_labels(tmp_path):
    def empty(data):
        unlabel('train', 'val')(data)
        for video in data['annotations']:
            video.update(label=None, segments=None, segment_labels=None)

    summary = describe_annotation(write(tmp_path, empty))

    assert summary.segment_frames is None
    assert not summary.can_probe


@pytest.mark.parametrize('encoder', ['AGCN', 'CTRGCN', 'STGCN'])
def test_both_stages_choose_the_strides_of_any_encoder(
    tmp_path, monkeypatch, encoder
):
    monkeypatch.setenv('MMSNIP_ANN_FILE', write(tmp_path, last(200)))
    monkeypatch.setenv('MMSNIP_ENCODER', encoder)

    first, second = (
        Config.fromfile(ROOT / 'configs' / 'custom' / name).model
        for name in ('pretrain.py', 'localize.py')
    )
    trained, used = (MODELS.build(m.backbone) for m in (first, second))

    assert type(used).__name__ == encoder
    assert used.temporal_strides_out[-1] == 16
    assert trained.temporal_strides_out == (16,)
    # 150 frames a view, one snippet a frame of the last stage
    assert first.snippet_head.num_snippets == 10
    used.load_state_dict(trained.state_dict())


def test_scores_of_2d_joints_are_a_channel(tmp_path):
    summary = describe_annotation(write(tmp_path, make_2d))

    assert summary.in_channels == 3
    assert summary.use_score


def test_scores_of_some_videos_only_are_no_input(tmp_path):
    def some(data):
        make_2d(data)
        for video in data['annotations'][1:]:
            del video['keypoint_score']

    summary = describe_annotation(write(tmp_path, some))

    assert summary.use_score is False
    assert summary.in_channels == 2


def test_other_names_of_splits_are_understood(tmp_path):
    def rename(data):
        splits = data['split']
        data['split'] = dict(
            xsub_train=splits['train'], xsub_val=splits['val']
        )

    summary = describe_annotation(write(tmp_path, rename))

    assert summary.train_split == 'xsub_train'
    assert summary.val_split == 'xsub_val'


def with_protocols(*protocols, phases=('train', 'val')):
    """A change that gives a file several pairs of splits."""

    def rename(data):
        splits = data['split']
        data['split'] = {
            f'{protocol}_{phase}': splits[phase]
            for protocol in protocols
            for phase in phases
        }

    return rename


def test_a_named_protocol_takes_its_two_splits(tmp_path):
    path = write(tmp_path, with_protocols('xsub', 'xview'))

    summary = describe_annotation(path, protocol='xview')

    assert summary.train_split == 'xview_train'
    assert summary.val_split == 'xview_val'


def test_several_protocols_name_the_variable_that_chooses(tmp_path):
    path = write(tmp_path, with_protocols('xsub', 'xview'))

    with pytest.raises(
        AnnotationError,
        match=r"\['xsub', 'xview'\].*such as MMSNIP_SPLIT=xsub",
    ):
        describe_annotation(path)


def test_plain_names_go_before_those_of_protocols(tmp_path):
    def add(data):
        splits = dict(data['split'])
        with_protocols('xsub')(data)
        data['split'].update(splits)

    path = write(tmp_path, add)

    assert describe_annotation(path).train_split == 'train'
    assert describe_annotation(path, protocol='xsub').val_split == 'xsub_val'


def half_protocols(data):
    splits = data['split']
    data['split'] = dict(xsub_train=splits['train'], xview_val=splits['train'])


def test_two_protocols_are_never_mixed(tmp_path):
    path = write(tmp_path, half_protocols)

    with pytest.raises(
        AnnotationError,
        match="expected one named 'val' beside 'xsub_train'",
    ):
        describe_annotation(path, untrimmed=True)


def test_pre_training_needs_no_validation_split(tmp_path):
    summary = describe_annotation(write(tmp_path, half_protocols))

    assert summary.train_split == 'xsub_train'
    assert summary.val_split is None


def test_an_unknown_protocol_names_the_variable(tmp_path):
    with pytest.raises(
        AnnotationError,
        match=r"\['train', 'val'\], expected one named 'xset_train'.*MMSNIP",
    ):
        describe_annotation(write(tmp_path), protocol='xset')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (trim, "key 'segments': no video of split 'train' has any"),
        (lambda data: data['split'].pop('val'), "expected one named 'val'"),
        (
            lambda data: data['split'].update(train=[]),
            "'train' names no video",
        ),
        (
            lambda data: data['split'].update(val=[]),
            "'val' names no video; move some of 'train' there",
        ),
    ],
)
def test_a_file_that_cannot_be_localized_on_is_refused(
    tmp_path, change, message
):
    with pytest.raises(AnnotationError, match=message):
        describe_annotation(write(tmp_path, change), untrimmed=True)


def test_a_trimmed_file_serves_pre_training(tmp_path):
    assert describe_annotation(write(tmp_path, trim)).num_train == 8


def unlabel(*splits):
    def change(data):
        trim(data)
        for video in data['annotations']:
            if any(video['frame_dir'] in data['split'][s] for s in splits):
                del video['label']

    return change


@pytest.mark.parametrize(
    ('change', 'can'),
    [
        (None, True),
        (trim, True),
        (unlabel('train'), False),
        (unlabel('val'), False),
        (unlabel('train', 'val'), False),
        (lambda data: data['split'].update(val=[]), False),
        (half_protocols, False),
    ],
)
def test_an_encoder_is_probed_where_both_splits_have_labels(
    tmp_path, monkeypatch, change, can
):
    path = write(tmp_path, change)
    monkeypatch.setenv('MMSNIP_ANN_FILE', path)

    cfg = Config.fromfile(ROOT / 'configs' / 'custom' / 'pretrain.py')

    assert describe_annotation(path).can_probe == can
    hooks = [hook['type'] for hook in cfg.custom_hooks]
    assert ('EmbeddingMapHook' in hooks) == can


def test_no_file_at_all_names_the_environment_variable():
    with pytest.raises(AnnotationError, match='MMSNIP_ANN_FILE'):
        describe_annotation(None)


@pytest.mark.parametrize('up', ['y', '-y', 'z', '-x'])
def test_the_axis_that_points_up_is_the_trunks(tmp_path, up):
    def stand(data):
        for video in data['annotations']:
            video['keypoint'][..., 1, :] = [0.0, 0.5, 0.1]  # the neck
            video['keypoint'][..., 0, :] = 0.0
            axes = upright(np.eye(3, dtype=np.float32), up)
            video['keypoint'] = video['keypoint'] @ axes.T

    assert describe_annotation(write(tmp_path, stand)).up == up


def test_an_image_points_down_where_the_joints_do_not_tell(tmp_path):
    def nowhere(data):
        make_2d(data)
        for video in data['annotations']:
            video['keypoint'][:] = 1.0

    assert describe_annotation(write(tmp_path, nowhere)).up == '-y'


def test_the_channels_of_a_stream_follow_the_coordinates(tmp_path):
    solid = describe_annotation(write(tmp_path))
    flat = describe_annotation(write(tmp_path, make_2d))

    assert solid.stream_channels('joint') == 3
    assert solid.stream_channels('egocentric') == 14
    assert flat.stream_channels('egocentric') == 2 * 4 + 1


@pytest.mark.parametrize(
    ('variable', 'message'),
    [
        ('MMSNIP_STREAM', 'names no stream; use one of joint, bone, motion'),
        ('MMSNIP_ENCODER', 'use one of AGCN, CTRGCN, STGCN, or unset it'),
    ],
)
def test_a_word_that_names_nothing_ends_training_in_a_line(
    tmp_path, monkeypatch, capsys, variable, message
):
    monkeypatch.setenv('MMSNIP_ANN_FILE', write(tmp_path))
    monkeypatch.setenv(variable, 'ape')

    with pytest.raises(SystemExit), readable_errors():
        Config.fromfile(ROOT / 'configs' / 'custom' / 'localize.py')

    printed = capsys.readouterr().err
    assert printed.startswith(f'error: {variable}=ape ')
    assert message in printed


def test_an_epoch_is_as_long_for_a_fraction_of_the_videos(tmp_path):
    summary = describe_annotation(write(tmp_path))
    window = 10**6  # a visit a video, eight in all

    assert summary.epoch_samples(window) == 8
    assert summary.epoch_samples(window, 180) == 180
    assert summary.epoch_samples(10, 4) == 8 * summary.visits(10)


def test_a_stretch_of_time_has_a_frame_in_its_middle(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.frames_of(1.0) % 2 == 1
    assert abs(summary.frames_of(1.0) - summary.fps) <= 1


@pytest.mark.parametrize(
    ('length', 'frames'),
    [
        (30, 7),  # a fifth of a second
        (90, 19),
        (600, 31),  # never more than a second
    ],
)
def test_scores_are_averaged_over_a_fifth_of_the_median_segment(
    tmp_path, length, frames
):
    def cut(data):
        for number, video in enumerate(data['annotations']):
            T = 1000 + number
            video['total_frames'] = T
            video['keypoint'] = np.zeros((1, T, 5, 3), np.float32)
            video['segments'] = np.array([[3, 3 + length], [700, 703]])
            video['segment_labels'] = np.array([0, 1])
            if number % 2:  # the median is that of the longer ones
                video['segments'] = video['segments'][:1]
                video['segment_labels'] = video['segment_labels'][:1]

    summary = describe_annotation(write(tmp_path, cut))

    assert summary.fps == 30.0
    assert summary.smoothing_frames() == frames


def test_without_labels_scores_are_averaged_over_a_second(tmp_path):
    path = write(tmp_path, unlabel('train', 'val'))
    summary = describe_annotation(path)

    assert summary.smoothing_frames() == 2 * round(summary.fps / 2) + 1


@pytest.mark.parametrize(
    ('stream', 'change', 'up'),
    [('egocentric', None, 'y'), ('bone', None, 'z'), ('bone', make_2d, 'y')],
)
def test_the_vertical_is_that_of_the_normalised_body(
    tmp_path, stream, change, up
):
    summary = describe_annotation(write(tmp_path, change))

    assert summary.up_of(stream) == up
