"""What the custom configs read from an annotation file."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmsnip.apis.custom import describe_annotation
from mmsnip.cli.command_line import readable_errors
from mmsnip.io.annotation import save_annotation
from mmsnip.registry import MODELS
from mmsnip.skeleton.egocentric import upright
from mmsnip.structures import DataError
from tests.tools.conftest import annotation

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'custom'


@pytest.fixture
def write(tmp_path):
    """A small annotation file with something changed."""

    def write(change=None):
        data = copy.deepcopy(annotation())
        if change is not None:
            change(data)
        path = tmp_path / f'{len(list(tmp_path.iterdir()))}.pkl'
        save_annotation(path, data, validate=False)
        return str(path)

    return write


@pytest.fixture
def describe(write):
    """What is read of such a file."""
    return lambda change=None, **how: describe_annotation(write(change), **how)


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


def unlabel(*splits):
    def change(data):
        trim(data)
        for video in data['annotations']:
            if any(video['frame_dir'] in data['split'][s] for s in splits):
                del video['label']

    return change


def last(*lengths, fps=30.0, then=lambda data: None):
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
        data['metainfo']['fps'] = fps
        then(data)

    return change


def splits(**names):
    """Splits of other names, each with the videos of an old one."""

    def change(data):
        data['split'] = {
            name: data['split'].get(old, []) for name, old in names.items()
        }

    return change


BOTH = splits(
    xsub_train='train', xsub_val='val', xview_train='train', xview_val='val'
)
HALF = splits(xsub_train='train', xview_val='val')


def test_summary_states_what_shapes_a_model(describe):
    summary = describe()

    assert summary.classes == ['left', 'right']
    assert (summary.in_channels, summary.use_score) == (3, False)
    assert summary.num_train == 8
    assert (summary.train_split, summary.val_split) == ('train', 'val')
    layout = summary.graph_cfg['layout']
    assert list(layout['parents']) == [-1, 0, 1, 1, 0]
    assert summary.view_frames(150) == int(summary.median_frames)
    assert summary.view_frames(64) == 64


def test_an_epoch_sees_about_every_frame_once_whatever_the_fraction(describe):
    summary = describe()
    window = 10**6  # a visit a video, eight in all

    assert summary.visits(10) == round(summary.mean_frames / 10)
    assert summary.visits(window) == 1
    assert summary.epoch_samples(window) == 8
    assert summary.epoch_samples(window, 180) == 180
    assert summary.epoch_samples(10, 4) == 8 * summary.visits(10)


@pytest.mark.parametrize(
    ('lengths', 'fps', 'stride'),
    [
        ([96], 30, 16),
        ([95], 30, 8),
        ([48], 30, 8),
        ([47], 30, 4),
        ([5], 30, 4),
        ([20, 130, 400], 30, 16),  # by the median
        ([200], 12.5, 16),
        ([200], 60, 32),  # as many seconds
        ([200], 120, 32),
        ([200], 200, 28),
    ],
)
def test_the_last_stage_keeps_frames_of_short_segments(
    describe, lengths, fps, stride
):
    summary = describe(last(*lengths, fps=fps))
    strides = summary.temporal_strides()

    assert np.prod(strides) == stride
    assert len(strides) == 10
    assert strides[0] % summary.rate == 0
    assert summary.rate == max(1, round(fps / 30))


@pytest.mark.parametrize(
    ('change', 'frames', 'stride'),
    [
        (last(96, then=trim), 96, 16),  # a clip is a segment
        (last(1000, then=unlabel('train', 'val')), None, 8),  # 3 s
        (last(1000, fps=10.0, then=unlabel('train', 'val')), None, 4),
    ],
)
def test_without_segments_clips_or_three_seconds_count(
    describe, change, frames, stride
):
    summary = describe(change)

    assert summary.segment_frames == frames
    assert np.prod(summary.temporal_strides()) == stride


@pytest.mark.parametrize(
    ('frames', 'fps', 'window'),
    [(20, 30.0, 256), (70, 30.0, 350), (300, 30.0, 512), (280, 120.0, 1400)],
)
def test_a_window_holds_five_segments(describe, frames, fps, window):
    assert describe(last(frames, fps=fps)).window_frames() == window


@pytest.mark.parametrize('encoder', ['AGCN', 'CTRGCN', 'STGCN'])
def test_both_stages_choose_the_strides_of_any_encoder(
    write, monkeypatch, encoder
):
    monkeypatch.setenv('MMSNIP_ANN_FILE', write(last(200)))
    monkeypatch.setenv('MMSNIP_ENCODER', encoder)

    first, second = (
        Config.fromfile(CONFIGS / name).model
        for name in ('pretrain.py', 'localize.py')
    )
    trained, used = (MODELS.build(m.backbone) for m in (first, second))

    assert type(used).__name__ == encoder
    assert used.temporal_strides_out[-1] == 16
    assert trained.temporal_strides_out == (16,)
    # 150 frames a view, one snippet a frame of the last stage
    assert first.snippet_head.num_snippets == 10
    used.load_state_dict(trained.state_dict())


def test_scores_of_2d_joints_are_a_channel_if_all_have_some(describe):
    def some(data):
        make_2d(data)
        for video in data['annotations'][1:]:
            del video['keypoint_score']

    flat, half = describe(make_2d), describe(some)

    assert (flat.in_channels, flat.use_score) == (3, True)
    assert (half.in_channels, half.use_score) == (2, False)
    assert flat.stream_channels('egocentric') == 2 * 4 + 1
    assert describe().stream_channels('egocentric') == 14
    assert describe().stream_channels('joint') == 3


@pytest.mark.parametrize(
    ('change', 'protocol', 'found'),
    [
        (splits(xsub_train='train', xsub_val='val'), None, 'xsub'),
        (BOTH, 'xview', 'xview'),
        (
            splits(train='val', val='val', xsub_train='train', xsub_val='val'),
            'xsub',
            'xsub',
        ),
    ],
)
def test_a_protocol_takes_its_two_splits(describe, change, protocol, found):
    summary = describe(change, protocol=protocol)

    assert summary.train_split == f'{found}_train'
    assert summary.val_split == f'{found}_val'


def test_plain_names_go_before_those_of_protocols(describe):
    change = splits(train='train', val='val', xsub_train='val', xsub_val='val')

    assert describe(change).train_split == 'train'


def test_pre_training_needs_neither_a_validation_split_nor_segments(describe):
    summary = describe(HALF)

    assert (summary.train_split, summary.val_split) == ('xsub_train', None)
    assert describe(trim).num_train == 8


@pytest.mark.parametrize(
    ('change', 'how', 'message'),
    [
        (BOTH, {}, r"\['xsub', 'xview'\].*such as MMSNIP_SPLIT=xsub"),
        (HALF, dict(untrimmed=True), "named 'val' beside 'xsub_train'"),
        (None, dict(protocol='xset'), "'xset_train'.*MMSNIP_SPLIT"),
        (trim, dict(untrimmed=True), "key 'segments': .*'train' has any"),
        (splits(train='train'), dict(untrimmed=True), "named 'val'"),
        (splits(train='', val='val'), {}, "'train' names no video"),
        (
            splits(train='train', val=''),
            dict(untrimmed=True),
            "'val' names no video; move some of 'train' there",
        ),
    ],
)
def test_a_file_that_cannot_be_learnt_from_is_refused(
    describe, change, how, message
):
    with pytest.raises(DataError, match=message):
        describe(change, **how)


def test_no_file_at_all_names_the_environment_variable():
    with pytest.raises(DataError, match='MMSNIP_ANN_FILE'):
        describe_annotation(None)


def none_of_each(data):
    unlabel('train', 'val')(data)
    for video in data['annotations']:
        video.update(label=None, segments=None, segment_labels=None)


@pytest.mark.parametrize(
    ('change', 'can'),
    [
        (None, True),
        (trim, True),
        (unlabel('train'), False),
        (unlabel('val'), False),
        (unlabel('train', 'val'), False),
        (none_of_each, False),
        (lambda data: data['split'].update(val=[]), False),
        (HALF, False),
    ],
)
def test_an_encoder_is_probed_where_both_splits_have_labels(
    write, monkeypatch, change, can
):
    path = write(change)
    monkeypatch.setenv('MMSNIP_ANN_FILE', path)

    cfg = Config.fromfile(CONFIGS / 'pretrain.py')

    assert describe_annotation(path).can_probe == can
    hooks = [hook['type'] for hook in cfg.custom_hooks]
    assert ('EmbeddingMapHook' in hooks) == can


@pytest.mark.parametrize('up', ['y', '-y', 'z', '-x'])
def test_the_axis_that_points_up_is_the_trunks(describe, up):
    def stand(data):
        for video in data['annotations']:
            video['keypoint'][..., 1, :] = [0.0, 0.5, 0.1]  # the neck
            video['keypoint'][..., 0, :] = 0.0
            axes = upright(np.eye(3, dtype=np.float32), up)
            video['keypoint'] = video['keypoint'] @ axes.T

    assert describe(stand).up == up


def test_an_image_points_down_where_the_joints_do_not_tell(describe):
    def nowhere(data):
        make_2d(data)
        for video in data['annotations']:
            video['keypoint'][:] = 1.0

    assert describe(nowhere).up == '-y'


@pytest.mark.parametrize(
    ('stream', 'change', 'up'),
    [('egocentric', None, 'y'), ('bone', None, 'z'), ('bone', make_2d, 'y')],
)
def test_the_vertical_is_that_of_the_normalised_body(
    describe, stream, change, up
):
    assert describe(change).up_of(stream) == up


@pytest.mark.parametrize(
    ('variable', 'message'),
    [
        ('MMSNIP_STREAM', 'names no stream; use one of joint, bone, motion'),
        ('MMSNIP_ENCODER', 'use one of AGCN, CTRGCN, STGCN, or unset it'),
    ],
)
def test_a_word_that_names_nothing_ends_training_in_a_line(
    write, monkeypatch, capsys, variable, message
):
    monkeypatch.setenv('MMSNIP_ANN_FILE', write())
    monkeypatch.setenv(variable, 'ape')

    with pytest.raises(SystemExit), readable_errors():
        Config.fromfile(CONFIGS / 'localize.py')

    printed = capsys.readouterr().err
    assert printed.startswith(f'error: {variable}=ape ')
    assert message in printed


@pytest.mark.parametrize(
    ('change', 'frames'),
    [
        (last(30), 7),  # a fifth of a second, odd
        (last(3, 90, 700), 19),  # of the median segment
        (last(600), 31),  # never more than a second
        (unlabel('train', 'val'), 31),
    ],
)
def test_scores_are_averaged_over_a_fifth_of_the_median_segment(
    describe, change, frames
):
    assert describe(change).smoothing_frames() == frames
