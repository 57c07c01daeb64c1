"""What the custom configs read from an annotation file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.io.annotation import (
    complete_metainfo,
    open_annotation,
    validate_annotation,
)
from mmsnip.skeleton import from_metainfo, present_frames
from mmsnip.skeleton.egocentric import num_channels, vertical_axis
from mmsnip.structures import DataError
from mmsnip.transforms.normalize import STREAMS

__all__ = ['AnnotationSummary', 'ChoiceError', 'describe_annotation']

ENCODERS = ('AGCN', 'CTRGCN', 'STGCN')

# Strides of AGCN's blocks by their product, the published ones at 8. Their
# weights are the same, so that an encoder goes from one to another.
STRIDES = {
    16: (2, 2, 1, 1, 2, 1, 1, 2, 1, 1),
    8: (1, 2, 1, 1, 2, 1, 1, 2, 1, 1),
    4: (1, 2, 1, 1, 2, 1, 1, 1, 1, 1),
}
# In CTR-GCN and ST-GCN the weights of the others would depend on them.
OTHER_STRIDES = {
    16: (2, 1, 1, 1, 4, 1, 1, 2, 1, 1),
    8: (2, 1, 1, 1, 2, 1, 1, 2, 1, 1),
    4: (1, 1, 1, 1, 2, 1, 1, 2, 1, 1),
}
# Frames a second that windows, views and strides are right for.
USUAL_FPS = 30.0
# Frames of the last stage that a segment should have.
LAST_STAGE_FRAMES = 6
# Where nothing says how long segments are.
UNKNOWN_SEGMENT_S = 3.0
# Enough to see which way is up.
SAMPLED_VIDEOS = 64
SAMPLED_STEP = 10  # frames


class ChoiceError(DataError):
    """An environment variable names what configs/custom do not have."""


@dataclass(frozen=True)
class AnnotationSummary:
    """Facts of an annotation file that shape a model and its schedule.

    Attributes:
        ann_file (str): The file.
        classes (list[str]): Classes without background.
        graph_cfg (dict): For a backbone: the layout and the graph's mode.
        in_channels (int): C, numbers a joint, the score of 2D files among
            them.
        use_score (bool): Whether 2D joints come with scores.
        fps (float): Frames a second; 30 where the file does not say.
        up (str): Axis that points up, as most trunks of the training videos
            do; ``'y'`` (3D) or ``'-y'`` (2D) where the joints do not tell.
        train_split (str | None): Split to train on, None: all videos.
        val_split (str | None): Split to evaluate on; None: all videos, and in
            pre-training none.
        can_probe (bool): Whether videos of both splits have labels, so that
            a k-NN probe can score an encoder.
        num_train (int): Videos to train on.
        num_labelled (int): Those of them with segments.
        mean_frames (float): Their mean length.
        median_frames (float): Their median length.
        segment_frames (float | None): Median length of their segments, of
            trimmed clips that of the clips; None where nothing is labelled.
    """

    ann_file: str
    classes: list
    graph_cfg: dict
    in_channels: int
    use_score: bool
    fps: float
    up: str
    train_split: str | None
    val_split: str | None
    can_probe: bool
    num_train: int
    num_labelled: int
    mean_frames: float
    median_frames: float
    segment_frames: float | None

    def stream_channels(self, stream: str) -> int:
        """C of the model's input by a stream of `SkeletonStream`."""
        if stream not in STREAMS:
            raise ChoiceError(
                f'MMSNIP_STREAM={stream} names no stream; use one of '
                f'{", ".join(STREAMS)}, or unset it'
            )
        if stream != 'egocentric':
            return self.in_channels
        coords = self.in_channels - self.use_score
        return num_channels(coords) + self.use_score

    def up_of(self, stream: str) -> str:
        """Axis that points up once the custom configs have normalised.

        That of the file for egocentric inputs; for others in 3D the spine's.
        """
        flat = self.in_channels - self.use_score < 3
        return self.up if stream == 'egocentric' or flat else 'z'

    def view_frames(self, longest: int = 150) -> int:
        """Frames of a view: the paper's 150, fewer where videos are short.

        The median length within 32..``longest``.
        """
        return int(np.clip(self.median_frames, min(32, longest), longest))

    @property
    def rate(self) -> int:
        """How many times 30 frames a second the recordings have, at least 1.

        Windows, views and strides are as many times as long, so that a
        network sees as many seconds of a recording at 60, 120 or 200.
        """
        return max(1, round(self.fps / USUAL_FPS))

    def visits(self, window: int) -> int:
        """Windows a video and epoch, so that each frame is seen once."""
        return max(1, round(self.mean_frames / window))

    def temporal_strides(self, encoder: str = 'AGCN') -> tuple[int, ...]:
        """Strides of an encoder's ten blocks that short segments survive.

        The larger the faster: 16, 8 or 4 frames become one of the last
        stage, `rate` times as many in the first block, as long as that
        leaves the median segment 6 of them. Where nothing is labelled,
        segments count as 3 s long. Checkpoints made with some load into an
        encoder with others.
        """
        if encoder not in ENCODERS:
            raise ChoiceError(
                f'MMSNIP_ENCODER={encoder} is no encoder of configs/custom; '
                f'use one of {", ".join(ENCODERS)}, or unset it'
            )
        frames = self.segment_frames or UNKNOWN_SEGMENT_S * self.fps
        least = LAST_STAGE_FRAMES * self.rate
        kept = [n for n in STRIDES if frames >= n * least]
        strides = STRIDES if encoder == 'AGCN' else OTHER_STRIDES
        first, *others = strides[max(kept, default=min(strides))]
        return (first * self.rate, *others)

    def smoothing_frames(self, longest_s: float = 1.0) -> int:
        """Window over which to average the scores of frames.

        A fifth of the median segment at most, odd: a window as long as the
        segments would widen them.
        """
        frames = longest_s * self.fps
        if self.segment_frames is not None:
            frames = min(frames, self.segment_frames / 5)
        return 2 * round(frames / 2) + 1

    def window_frames(self) -> int:
        """Frames of a training window: five median segments.

        Within 256..512 at 30 frames a second. Shorter windows train faster
        and see more beginnings; where segments are long, they lose context.
        """
        frames = 5 * (self.segment_frames or UNKNOWN_SEGMENT_S * self.fps)
        low, high = 256 * self.rate, 512 * self.rate
        return round(min(max(frames, low), high))

    def epoch_samples(self, window: int, least: int = 0) -> int:
        """Windows of an epoch that sees each frame of all videos once.

        For ``min_samples`` of the data set, so that a fraction of the videos
        trains as long as all of them; a small file is drawn out to `least`.
        """
        return max(self.num_train * self.visits(window), least)

    def queue_size(self, window: int) -> int:
        """Keys that one epoch leaves, between 256 and the paper's 32,768.

        A power of two. A longer queue would hold each video of a small file
        many times, and start as noise that takes many epochs to leave.
        """
        keys = max(self.num_train * self.visits(window), 1)
        return int(2 ** np.clip(np.floor(np.log2(keys)), 8, 15))


def _pairs(splits: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Training split and its validation split, by what stands before."""
    found = {}
    for name in sorted(splits):
        if name.endswith('train'):
            before = name[: -len('train')]
            options = [before + 'val', before + 'test']
            val = next((n for n in options if n in splits), None)
            found[before.rstrip('_- ')] = name, val
    return found


def _choose_splits(
    splits: Mapping[str, Any],
    ann_file: str | None,
    protocol: str | None,
    needs_val: bool,
) -> tuple[str | None, str | None]:
    """Training and validation split of one protocol, never of two."""
    if not splits and not protocol:
        return None, None
    pairs = _pairs(splits)
    if protocol:
        pairs = {key: pairs[key] for key in pairs if key == protocol}
    complete = {key: pair for key, pair in pairs.items() if pair[1]}
    if not complete and not needs_val:
        complete = pairs
    if len(complete) == 1:
        return next(iter(complete.values()))
    if '' in complete:
        return complete['']
    where = f"annotation file {ann_file!r}, key 'split': found "
    if complete:
        raise DataError(
            f'{where}the protocols {sorted(complete)}; choose one with the '
            'environment variable MMSNIP_SPLIT, such as MMSNIP_SPLIT='
            f'{min(complete)}'
        )
    phase = 'val' if pairs else 'train'
    before = f'{protocol}_' if protocol else ''
    beside = ''.join(f' beside {train!r}' for train, _ in pairs.values())
    remedy = (
        'correct the environment variable MMSNIP_SPLIT, or unset it'
        if protocol
        else 'add it to the file'
    )
    raise DataError(
        f'{where}{sorted(splits)}, expected one named {before + phase!r}'
        f'{beside}; {remedy}'
    )


def _segment_frames(videos: Iterable[Mapping[str, Any]]) -> float | None:
    """Median length of segments; a trimmed clip is one."""
    lengths = []
    for video in videos:
        if video.get('segments') is not None:
            rows = np.reshape(video['segments'], (-1, 2))
            lengths.extend(np.diff(rows).ravel().tolist())
        elif video.get('label') is not None:
            lengths.append(video['total_frames'])
    return float(np.median(lengths)) if lengths else None


def _up_axis(
    videos: Sequence[Mapping[str, Any]], metainfo: Mapping[str, Any]
) -> str:
    """Axis along which the trunks of some frames of some videos point."""
    layout = from_metainfo(metainfo)
    D = min(videos[0]['keypoint'].shape[3], 3)
    total = np.zeros(D)
    for video in videos[:: -(-len(videos) // SAMPLED_VIDEOS)]:
        coords = np.asarray(video['keypoint'][:, ::SAMPLED_STEP])
        coords = coords.astype(np.float32)
        total += vertical_axis(coords, present_frames(coords), layout)
    if not total.any():
        return 'y' if D == 3 else '-y'
    axis = 1 if D == 2 else int(np.abs(total).argmax())
    return ('-' if total[axis] < 0 else '') + 'xyz'[axis]


def describe_annotation(
    ann_file: str | None,
    untrimmed: bool = False,
    protocol: str | None = None,
) -> AnnotationSummary:
    """Read an annotation file for a config.

    Args:
        ann_file (str, optional): Pickle or store; None raises the error that
            names the environment variable.
        untrimmed (bool): Refuse a file whose training videos have no
            segments, or that has no validation split. Defaults to False.
        protocol (str, optional): Which splits to take of a file that has
            several pairs: ``xsub`` takes ``xsub_train`` and ``xsub_val``.
            None takes ``train`` and ``val``, or the only pair.

    Returns:
        AnnotationSummary: What the config needs.

    Raises:
        DataError: If the file is missing, refused or malformed.
    """
    data = open_annotation(ann_file)
    validate_annotation(data, ann_file, once=True)
    metainfo: dict[str, Any] = complete_metainfo(data, ann_file)
    videos = data['annotations']
    if not videos:
        raise DataError(f'annotation file {ann_file!r}: it has no annotations')
    splits = data.get('split') or {}
    train_split, val_split = _choose_splits(
        splits, ann_file, protocol, untrimmed
    )

    def videos_of(split: str | None) -> list[Mapping[str, Any]]:
        chosen = None if split is None else set(splits[split])
        return [
            video
            for video in videos
            if chosen is None or video['frame_dir'] in chosen
        ]

    def labelled(videos: Iterable[Mapping[str, Any]]) -> bool:
        return any(
            video.get(key) is not None
            for video in videos
            for key in ('label', 'segments')
        )

    training = videos_of(train_split)
    if not training:
        raise DataError(
            f"annotation file {ann_file!r}, key 'split': {train_split!r} "
            'names no video; a model needs some to train on'
        )
    if untrimmed and val_split and not splits[val_split]:
        raise DataError(
            f"annotation file {ann_file!r}, key 'split': {val_split!r} "
            'names no video; move some of '
            f'{train_split!r} there, training evaluates on them'
        )
    if untrimmed and not any(
        video.get('segments') is not None for video in training
    ):
        of = f' of split {train_split!r}' if train_split else ''
        raise DataError(
            f"annotation file {ann_file!r}, key 'segments': no video{of} "
            'has any; localization learns from '
            'untrimmed videos with segments and segment_labels, a trimmed '
            'file serves pre-training'
        )
    lengths = [video['total_frames'] for video in training]
    keypoint = videos[0]['keypoint']
    use_score = all(v.get('keypoint_score') is not None for v in videos)
    return AnnotationSummary(
        ann_file=str(ann_file),
        classes=list(metainfo['classes']),
        graph_cfg=dict(layout=metainfo['layout'], mode='spatial'),
        in_channels=int(keypoint.shape[3]) + use_score,
        use_score=use_score,
        fps=float(metainfo.get('fps') or USUAL_FPS),
        up=_up_axis(training, metainfo),
        train_split=train_split,
        val_split=val_split,
        can_probe=bool(
            val_split and labelled(training) and labelled(videos_of(val_split))
        ),
        num_train=len(lengths),
        num_labelled=sum(v.get('segments') is not None for v in training),
        mean_frames=float(np.mean(lengths)),
        median_frames=float(np.median(lengths)),
        segment_frames=_segment_frames(training),
    )
