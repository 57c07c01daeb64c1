"""The published data sets: BABEL and PKU-MMD.

A frame of BABEL may have several labels. The benchmark's published
preparation writes the labels of a frame down as a set and keeps
``list(set(labels))[0]``: of strings, whichever the hash seed of that process
puts first. So its ground truth cannot be made again from the annotation, and
numbers compare only where the rule is stated. Ours do not depend on a seed;
``metainfo['label_rule']`` states the one that a data set follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.evaluation.segments import segments_from_frames
from mmsnip.io.formats.babel import BABEL_SUBSETS
from mmsnip.io.labels import OVERLAPS
from mmsnip.prepare.job import read_source
from mmsnip.prepare.published import BabelSource, PKUMMDSource
from mmsnip.prepare.source import Source
from mmsnip.registry import DATASETS
from mmsnip.structures import DataError, Segments


def read_raw_folder(
    source: Source, kind: str, split: str | None
) -> dict[str, Any]:
    """Annotations of a folder, converted in memory, on every rank."""
    try:
        data, report = read_source(source, split, is_main_process())
    except (DataError, FileNotFoundError) as error:
        raise DataError(
            f'annotation folder {str(source.root)!r} cannot be used as '
            f'{kind}: {error}'
        ) from error
    left_out, mended = len(report.skipped), len(report.notes)
    print_log(
        f'{source.root} is a folder: {report.converted} recordings of split '
        f'{split!r} were read into memory, {left_out} files left out, '
        f'{mended} things noted; to read them once for all runs: python '
        f'tools/prepare_data.py {kind} {source.root} FILE.pkl, and give that '
        'file',
        logger='current',
    )
    return data


SUBSETS = BABEL_SUBSETS
LABEL_RULES = {
    'one-label': OVERLAPS['one-label'],
    'multi-label': 'segments of different classes may overlap and each '
    'counts; those of one class that overlap or touch are one',
}


def join_within_classes(
    segments: np.ndarray, labels: np.ndarray, num_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Segments that overlap those of other classes only."""
    runs = [np.zeros((0, 3), np.int64)]
    for label in np.unique(labels):
        frames = np.full(num_frames, -1, np.int64)
        for start, end in segments[labels == label]:
            frames[start:end] = label
        runs.append(segments_from_frames(frames, background=-1))
    rows = np.concatenate(runs)
    rows = rows[np.lexsort((-rows[:, 0], rows[:, 2], rows[:, 1]))]
    return rows[:, 1:], rows[:, 0]


@DATASETS.register_module()
class BABELDataset(SkeletonLocalizationDataset):
    """BABEL sequences with the four classes of a subset, or one of them.

    The annotation file may have any classes that include the four; all others
    are background. Sequences without a frame of the four are left out, and so
    are those over 1,000 frames.

    Where several of the four overlap, `Segments.one_label` decides, for
    training and for evaluation alike. With ``overlaps='multi-label'`` a
    ``test_mode`` data set leaves overlapping segments of different classes
    as they are (`join_within_classes`). Training stays the same to the frame:
    a window cuts segments at its border, and which of two cut segments
    started last could not be told any more. Frame metrics still have one
    label a frame, painted from the segments that are evaluated.

    With ``only``, a network learns one class of the four against everything
    else, as the method's authors ran it: sequences, their ``fraction`` and
    the segments of the class are exactly those of the four-class data set,
    so that its AP compares. What follows:

    - Sequences without the class stay, all background.
    - Under 'one-label', a frame of the class that one of the other three
      covers is background, for this network as for the four-class one.
      The rule is that of all four, never of the class alone.
    - Before a ``lazy_init`` data set has read its file, ``metainfo`` names
      the four classes.

    BABEL's own folder, with AMASS in it, is read, too (`BabelSource`), each
    time anew: ``tools/prepare_data.py babel`` turns it into a file once.

    Args:
        ann_file (str): Annotation pickle or store, or the folder.
        subset (int): 1 walk, stand, turn, jump; 2 sit, run, stand up, kick;
            3 jog, wave, dance, gesture. Defaults to 1.
        max_frames (int, optional): Longest sequence kept, None keeps all.
            Defaults to 1000.
        only (str, optional): One class of the subset; None takes all four.
        overlaps (str): 'one-label' or 'multi-label'. Defaults to
            'one-label'.
        smplh_model (str, optional): Of a folder without extracted joints:
            the user's model of SMPL-H.
        **kwargs: As of `SkeletonLocalizationDataset`, except the classes in
            `metainfo`.

    Raises:
        DataError: If the file lacks one of the four classes, or is
            malformed.
        ValueError: If the subset, the class or the rule is unknown.

    Source:
        METHOD.md section 3.
    """

    def __init__(
        self,
        ann_file: str,
        subset: int = 1,
        max_frames: int | None = 1000,
        only: str | None = None,
        overlaps: str = 'one-label',
        smplh_model: str | None = None,
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
        if only is not None and only not in classes:
            raise ValueError(
                f'only={only!r} is no class of subset={subset}; use one of '
                f'{classes}, or None for all'
            )
        if overlaps not in LABEL_RULES:
            raise ValueError(
                f'overlaps={overlaps!r} is unknown; use one of '
                f'{sorted(LABEL_RULES)}'
            )
        self.max_frames = max_frames
        self.only = only
        self.overlaps = overlaps
        self.smplh_model = smplh_model
        super().__init__(
            ann_file, metainfo=dict(metainfo, classes=classes), **kwargs
        )

    @property
    def rule(self) -> str:
        """Key of ``LABEL_RULES`` that the segments served follow."""
        return self.overlaps if self.test_mode else 'one-label'

    def read_annotations(self) -> dict[str, Any]:
        """Videos, splits and metainfo; of a folder those of the split only."""
        if not self.ann_file or not Path(self.ann_file).is_dir():
            return super().read_annotations()
        source = BabelSource(self.ann_file, model=self.smplh_model)
        return read_raw_folder(source, 'babel', self.split)

    def load_data_list(self) -> list[dict]:
        """Read and choose the videos; state the rule in the metainfo."""
        videos = super().load_data_list()
        self._metainfo['label_rule'] = LABEL_RULES[self.rule]
        return videos

    def keep_video(self, video: dict[str, Any]) -> bool:
        """Keep short sequences with one of the classes; settle overlaps."""
        T = video['total_frames']
        if self.max_frames is not None and self.max_frames < T:
            return False
        if 'segments' in video:
            rows = video['segments'], video['segment_labels']
            if self.rule == 'multi-label':
                rows = join_within_classes(*rows, T)
            else:
                one = Segments.of(*rows, num_frames=T).one_label()
                rows = one.bounds, one.label
            video['segments'], video['segment_labels'] = rows
            return len(video['segments']) > 0
        return 'label' in video

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


PROTOCOLS = {'cross-subject': 'xsub', 'cross-view': 'xview'}
PHASES = ('train', 'val')


@DATASETS.register_module()
class PKUMMDDataset(SkeletonLocalizationDataset):
    """PKU-MMD videos of a protocol.

    The splits of the annotation file are ``xsub_train``, ``xsub_val``,
    ``xview_train`` and ``xview_val``.

    A folder as the data set is published is read, too (`PKUMMDSource`), each
    time anew: ``tools/prepare_data.py pkummd`` turns it into a file once.

    Args:
        ann_file (str): Annotation pickle or store, or the folder.
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
        if protocol not in PROTOCOLS:
            raise ValueError(
                f'protocol={protocol!r} is unknown; use one of '
                f'{sorted(PROTOCOLS)}'
            )
        if phase not in PHASES:
            raise ValueError(
                f'phase={phase!r} is unknown; use one of {list(PHASES)}'
            )
        if 'split' in kwargs:
            raise ValueError(
                f'split={kwargs["split"]!r} is chosen by protocol and phase; '
                'leave it out, or use SkeletonLocalizationDataset'
            )
        self.protocol = protocol
        self.phase = phase
        split = f'{PROTOCOLS[protocol]}_{phase}'
        super().__init__(ann_file, split=split, **kwargs)

    def read_annotations(self) -> dict[str, Any]:
        """Videos, splits and metainfo; of a folder those of the split only."""
        if not self.ann_file or not Path(self.ann_file).is_dir():
            return super().read_annotations()
        source = PKUMMDSource(self.ann_file)
        return read_raw_folder(source, 'pkummd', self.split)
