"""The two protocols of PKU-MMD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.datasets.raw_folder import read_raw_folder
from mmsnip.prepare.published import PKUMMDSource
from mmsnip.registry import DATASETS

__all__ = ['PROTOCOLS', 'PKUMMDDataset']

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
        AnnotationError: If the file has no such split (those that it has are
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
        """Videos, splits and metainfo; of a folder those of the split only.

        Returns:
            dict[str, Any]: ``metainfo``, ``split`` and ``annotations``.

        Raises:
            AnnotationError: If the file or folder cannot be used.
        """
        if not self.ann_file or not Path(self.ann_file).is_dir():
            return super().read_annotations()
        source = PKUMMDSource(self.ann_file)
        return read_raw_folder(source, 'pkummd', self.split)
