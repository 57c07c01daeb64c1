"""Encoded frames of a video as labelled snippets, and fewer of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from mmengine.structures import BaseDataElement

from mmsnip.evaluation.neighbors import majority_labels

IGNORE = -100  # frame label of padding


class Snippets(NamedTuple):
    """Snippets of a video.

    Attributes:
        features (np.ndarray): (S, C) float32.
        labels (np.ndarray): (S,) int64.
        turns (np.ndarray): (S,) int64; a snippet is kept where its turn
            divides by the step of the set.
    """

    features: np.ndarray
    labels: np.ndarray
    turns: np.ndarray

    def every(self, step: int) -> Snippets:
        """Those whose turn divides by `step`."""
        keep = self.turns % step == 0
        return Snippets(*(part[keep] for part in self))


def snippets_of(
    sample: BaseDataElement,
    num_frames: int,
    stride: int,
    group: int = 1,
    place: int = 0,
) -> Snippets:
    """Pool and label the encoded frames of a video.

    Args:
        sample (BaseDataElement): With ``snippet_features`` (T', C), and
            ``gt_frame_labels`` (T,) or the video's ``label``.
        num_frames (int): T, valid source frames.
        stride (int): Source frames of an encoded frame.
        group (int): Encoded frames of a snippet. Defaults to 1.
        place (int): Number of the video; shifts its turns, so that not all
            videos keep the same part of them. Defaults to 0.

    Returns:
        Snippets: S = ceil(T' / group) at most; those of padded frames alone
        are left out.

    Raises:
        ValueError: If the video has no labels, or T and T' disagree.
    """
    labels = frame_labels(sample, num_frames)
    features = sample.snippet_features.detach().float().cpu().numpy()
    if len(features) != -(-num_frames // stride):
        raise ValueError(
            f'{_name(sample)} has {num_frames} frames and '
            f'{len(features)} encoded ones; a temporal stride of {stride} '
            f'leaves {-(-num_frames // stride)}'
        )
    labels = majority_labels(labels, stride * group, IGNORE)
    starts = np.arange(0, len(features), group)
    sizes = np.diff(np.append(starts, len(features)))
    pooled = np.add.reduceat(features, starts, axis=0) / sizes[:, None]
    turns = _shift(place) + np.arange(len(labels), dtype=np.int64)
    kept = labels != IGNORE
    pooled = pooled.astype(np.float32, copy=False)
    return Snippets(pooled[kept], labels[kept], turns[kept])


def frame_labels(sample: BaseDataElement, num_frames: int) -> np.ndarray:
    """Label of each valid source frame of a video.

    Args:
        sample (BaseDataElement): With ``gt_frame_labels`` (T,), or
            ``label`` for a trimmed video.
        num_frames (int): Valid frames, the first ones.

    Returns:
        np.ndarray: (num_frames,) int64.

    Raises:
        ValueError: If the video has neither; it is named.
    """
    labels = sample.get('gt_frame_labels')
    if labels is not None:
        return labels.cpu().numpy()[:num_frames].astype(np.int64)
    if sample.get('label') is not None:
        return np.full(num_frames, int(sample.get('label')), dtype=np.int64)
    if sample.get('segments') is not None:
        raise ValueError(
            f'SnippetProbeHook: {_name(sample)} has segments but no '
            "gt_frame_labels; put dict(type='FrameLabels') into the "
            'pipeline, before PackSkeletonInputs'
        )
    raise ValueError(
        f'SnippetProbeHook: {_name(sample)} has neither segments nor a '
        'label, so its snippets cannot be scored; label it, leave such '
        'videos out with fraction=1.0 of the data set, or remove the hook'
    )


def thin(
    videos: dict[int, Snippets], limit: int, step: int = 1
) -> tuple[int, dict[int, Snippets]]:
    """Keep every 2nd, 4th, 8th .. snippet until at most `limit` are left.

    Args:
        videos (dict[int, Snippets]): Of each video, thinned by `step`.
        limit (int): Most snippets.
        step (int): A power of two. Defaults to 1.

    Returns:
        tuple[int, dict[int, Snippets]]: The smallest step that fits, and
        what it leaves.
    """
    while sum(len(video.labels) for video in videos.values()) > limit:
        step *= 2
        videos = {place: video.every(step) for place, video in videos.items()}
    return step, videos


def _shift(place: int) -> int:
    """A number below 2**32 for each video, no two alike.

    Knuth's multiplicative hash with its high bits mixed into the low ones,
    so that what a set keeps does not follow an order by class.
    """
    product = place * 2654435761 % 2**32
    return product ^ (product >> 16)


def _name(sample: BaseDataElement) -> str:
    name = sample.get('frame_dir')
    return 'a video' if name is None else f'video {name!r}'
