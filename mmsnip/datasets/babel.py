"""The three subsets of BABEL."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.evaluation.segments import segments_from_frames
from mmsnip.registry import DATASETS

__all__ = ['SUBSETS', 'BABELDataset', 'one_label_per_frame']

SUBSETS = {
    1: ('walk', 'stand', 'turn', 'jump'),
    2: ('sit', 'run', 'stand up', 'kick'),
    3: ('jog', 'wave', 'dance', 'gesture'),
}


def one_label_per_frame(
    segments: np.ndarray, labels: np.ndarray, num_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Segments without overlap, by a fixed rule.

    A frame inside several segments belongs to the one that starts last; of
    those, to the shortest; of those, to the lowest label. What is left is cut
    into runs of equal labels, so adjacent segments of a class become one.

    Args:
        segments (np.ndarray): Half-open frames, (num_segments, 2) int64.
        labels (np.ndarray): (num_segments,) int64.
        num_frames (int): T.

    Returns:
        tuple[np.ndarray, np.ndarray]: Segments and labels, ascending in time.

    Examples:
        >>> segments, labels = one_label_per_frame(
        ...     np.array([[0, 9], [2, 4]]), np.array([1, 0]), 13)
        >>> segments.tolist(), labels.tolist()
        ([[0, 2], [2, 4], [4, 9]], [1, 0, 1])
    """
    frames = np.full(num_frames, -1, np.int64)
    starts, ends = segments[:, 0], segments[:, 1]
    # The last painter wins: late start, then short, then low label.
    for index in np.lexsort((-labels, starts - ends, starts)):
        frames[starts[index] : ends[index]] = labels[index]
    runs = segments_from_frames(frames, background=-1)
    return runs[:, 1:], runs[:, 0]


@DATASETS.register_module()
class BABELDataset(SkeletonLocalizationDataset):
    """BABEL sequences with the four classes of a subset.

    The annotation file may have any classes that include the four; all others
    are background. Sequences without a frame of the four are left out, and so
    are those over 1,000 frames. Where several of the four overlap,
    `one_label_per_frame` decides, for training and for evaluation alike.

    Args:
        ann_file (str): Annotation pickle.
        subset (int): 1 walk, stand, turn, jump; 2 sit, run, stand up, kick;
            3 jog, wave, dance, gesture. Defaults to 1.
        max_frames (int, optional): Longest sequence kept, None keeps all.
            Defaults to 1000.
        **kwargs: As of `SkeletonLocalizationDataset`, except the classes in
            `metainfo`.

    Raises:
        AnnotationError: If the file lacks one of the four classes, or is
            malformed.
        ValueError: If the subset is unknown.

    Source:
        METHOD.md section 3.
    """

    def __init__(
        self,
        ann_file: str,
        subset: int = 1,
        max_frames: int | None = 1000,
        **kwargs: Any,
    ) -> None:
        if subset not in SUBSETS:
            raise ValueError(
                f'subset={subset!r} is unknown; use one of {sorted(SUBSETS)}'
            )
        metainfo = dict(kwargs.pop('metainfo', None) or {})
        classes = list(SUBSETS[subset])
        if list(metainfo.get('classes', classes)) != classes:
            raise ValueError(
                f'metainfo classes={metainfo["classes"]!r} disagree with '
                f'subset={subset}, which has {classes}; leave them out, or '
                'use SkeletonLocalizationDataset'
            )
        self.max_frames = max_frames
        super().__init__(
            ann_file, metainfo=dict(metainfo, classes=classes), **kwargs
        )

    def keep_video(self, video: dict[str, Any]) -> bool:
        """Keep short sequences with one of the classes; cut overlaps.

        Args:
            video (dict[str, Any]): Fields as in the annotation file.

        Returns:
            bool: Whether the sequence belongs to the subset.
        """
        T = video['total_frames']
        if self.max_frames is not None and self.max_frames < T:
            return False
        if 'segments' in video:
            video['segments'], video['segment_labels'] = one_label_per_frame(
                video['segments'], video['segment_labels'], T
            )
            return len(video['segments']) > 0
        return 'label' in video
