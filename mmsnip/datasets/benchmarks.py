"""The published data sets: BABEL and PKU-MMD.

A frame of BABEL may have several labels. The benchmark's published
preparation writes the labels of a frame down as a set and keeps
``list(set(labels))[0]``: of strings, whichever the hash seed of that process
puts first. So its ground truth cannot be made again from the annotation, and
numbers compare only where the rule is stated. Ours does not depend on a seed;
``metainfo['label_rule']`` states it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.io.formats.babel import BABEL_SUBSETS as SUBSETS
from mmsnip.io.labels import OVERLAPS
from mmsnip.registry import DATASETS
from mmsnip.structures import Segments

PROTOCOLS = {'cross-subject': 'xsub', 'cross-view': 'xview'}
PHASES = ('train', 'val')


def _check_choice(key: str, value: Any, choices: Any) -> None:
    if value not in choices:
        raise ValueError(f'{key}={value!r} is unknown; use {list(choices)}')


@DATASETS.register_module()
class BABELDataset(SkeletonLocalizationDataset):
    """BABEL sequences with the four classes of a subset, or one of them.

    The annotation file may have any classes that include the four; all others
    are background. Sequences without a frame of the four are left out, and so
    are those over 1,000 frames. Where several of the four overlap,
    `Segments.one_label` decides, for training and for evaluation alike.

    With ``only``, a network learns one class of the four against everything
    else, as the method's authors ran it: sequences, their ``fraction`` and
    the segments of the class are exactly those of the four-class data set,
    so that its AP compares. Sequences without the class stay, all
    background, and so does a frame of it that one of the other three covers.

    Args:
        ann_file (str): Annotation pickle or store.
        subset (int): 1 walk, stand, turn, jump; 2 sit, run, stand up, kick;
            3 jog, wave, dance, gesture. Defaults to 1.
        max_frames (int): Longest sequence kept. Defaults to 1000.
        only (str, optional): One class of the subset; None takes all four.
        **kwargs: As of `SkeletonLocalizationDataset`, except the classes in
            `metainfo`.

    Raises:
        DataError: If the file lacks one of the four classes, or is
            malformed.
        ValueError: If the subset or the class is unknown.

    Source:
        METHOD.md section 3.
    """

    def __init__(
        self,
        ann_file: str,
        subset: int = 1,
        max_frames: int = 1000,
        only: str | None = None,
        **kwargs: Any,
    ) -> None:
        _check_choice('subset', subset, SUBSETS)
        classes = list(SUBSETS[subset])
        _check_choice('only', only, [None, *classes])
        self.max_frames = max_frames
        self.only = only
        metainfo = {**(kwargs.pop('metainfo', None) or {}), 'classes': classes}
        super().__init__(ann_file, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read and choose the videos; state the rule in the metainfo."""
        videos = super().load_data_list()
        self._metainfo['label_rule'] = OVERLAPS['one-label']
        return videos

    def keep_video(self, video: dict[str, Any]) -> bool:
        """Keep short sequences with one of the classes; settle overlaps."""
        T = video['total_frames']
        if self.max_frames < T:
            return False
        if 'segments' not in video:
            return 'label' in video
        rows = video['segments'], video['segment_labels']
        one = Segments.of(*rows, num_frames=T).one_label()
        video['segments'], video['segment_labels'] = one.bounds, one.label
        return len(one.label) > 0

    def filter_data(self) -> list[dict]:
        """Keep the seeded fraction of all four classes, then one class."""
        videos = super().filter_data()
        if self.only is None:
            return videos
        chosen = self._metainfo['classes'].index(self.only)
        for video in videos:
            if 'segments' in video:
                own = video['segment_labels'] == chosen
                video['segments'] = video['segments'][own]
                video['segment_labels'] = np.zeros(int(own.sum()), np.int64)
            if 'label' in video and video.pop('label') == chosen:
                video['label'] = 0
        self._metainfo['classes'] = [self.only]
        return videos


@DATASETS.register_module()
class PKUMMDDataset(SkeletonLocalizationDataset):
    """PKU-MMD videos of a protocol.

    The splits of the annotation file are ``xsub_train``, ``xsub_val``,
    ``xview_train`` and ``xview_val``.

    Args:
        ann_file (str): Annotation pickle or store.
        protocol (str): ``cross-subject`` or ``cross-view``. Defaults to
            ``cross-subject``.
        phase (str): ``train`` or ``val``. Defaults to ``train``.
        **kwargs: As of `SkeletonLocalizationDataset`, except `split`.

    Raises:
        DataError: If the file has no such split (those that it has are
            listed), or is malformed.
        ValueError: If protocol or phase is unknown.

    Source:
        METHOD.md section 3.
    """

    def __init__(
        self,
        ann_file: str,
        protocol: str = 'cross-subject',
        phase: str = 'train',
        **kwargs: Any,
    ) -> None:
        _check_choice('protocol', protocol, PROTOCOLS)
        _check_choice('phase', phase, PHASES)
        self.protocol = protocol
        self.phase = phase
        split = f'{PROTOCOLS[protocol]}_{phase}'
        super().__init__(ann_file, split=split, **kwargs)
