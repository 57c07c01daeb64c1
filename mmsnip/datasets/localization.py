"""Videos of one annotation file, trimmed or untrimmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmsnip.datasets.sampling import Visit, stratified_fraction
from mmsnip.io.annotation import (
    complete_metainfo,
    open_annotation,
    validate_annotation,
)
from mmsnip.io.store import SkeletonStore
from mmsnip.registry import DATASETS
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.structures import DataError, Segments
from mmsnip.structures.plain import to_plain
from mmsnip.transforms.time import RandomWindow

_BACKGROUND = -1  # of a label that is none of the chosen classes
_PLACE = 'store_index'  # stands for the arrays that stay in the file


def _override_metainfo(
    stated: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Metainfo of a file with some fields replaced, the classes kept."""
    given = {k: v for k, v in given.items() if k != 'classes'}
    replaced = ('layout',) if 'parents' in given else ()
    if 'layout' in given:
        replaced = ('parents', 'joint_names')
    kept = {k: v for k, v in stated.items() if k not in replaced}
    return {**kept, **given}


def _choose_classes(
    names: Sequence[str], wanted: Sequence[str], named: bool, ann_file: str
) -> np.ndarray:
    """New index of each class of the file."""
    order = np.arange(len(names))
    if not named and len(wanted) >= len(names):
        return order
    unknown = [name for name in wanted if name not in names]
    if not named or unknown or len(set(wanted)) != len(wanted):
        raise DataError(
            f"annotation file {ann_file!r}, key 'classes': metainfo asks for "
            f'{wanted}, of which the file lacks {unknown}; choose different '
            f'names out of {names}, or name all labels of a file that has no '
            'names'
        )
    order[:] = _BACKGROUND
    for index, name in enumerate(wanted):
        order[names.index(name)] = index
    return order


def _parse_video(
    annotation: Mapping[str, Any], order: np.ndarray, fps: float
) -> dict[str, Any] | None:
    """What a data set keeps of a video."""
    keypoint = annotation['keypoint']
    video = dict(
        frame_dir=annotation['frame_dir'],
        total_frames=int(keypoint.shape[1]),
        keypoint=keypoint,
        fps=float(annotation.get('fps') or fps),
    )
    for key in ('keypoint_score', 'img_shape', 'original_shape'):
        if annotation.get(key) is not None:
            video[key] = annotation[key]
    if annotation.get('segments') is not None:
        found = Segments.of(
            annotation['segments'],
            annotation['segment_labels'],
            num_classes=len(order),
            source=f'video {video["frame_dir"]!r}, segments',
        )
        labels = order[found.label]
        inside = labels != _BACKGROUND
        video['segments'] = found.bounds.astype(np.int64)[inside]
        video['segment_labels'] = labels[inside].astype(np.int64)
    if annotation.get('label') is not None:
        label = int(order[annotation['label']])
        if label != _BACKGROUND:
            video['label'] = label
        elif 'segments' not in video:
            return None
    return video


@DATASETS.register_module()
class SkeletonLocalizationDataset(BaseDataset):
    """Videos of an annotation file, each a sample of the pipeline.

    Serves untrimmed videos (segments), trimmed ones (a label) and unlabelled
    ones; pyskl's and mmaction2's pose files load as they are. The fields of
    a sample:

    - ``frame_dir``, ``total_frames`` (T), ``sample_idx``, ``num_classes``
    - ``keypoint`` (M, T, V, C) float32, ``body_mask`` (M, T) bool, False
      where all joints of the person are zero
    - ``frame_index`` (T,) int64, source frame of each frame
    - ``segments`` (num_segments, 2) and ``segment_labels`` (num_segments,)
      int64 of untrimmed videos, ``label`` of trimmed ones
    - ``fps``, ``layout`` (`SkeletonLayout`), ``metainfo`` (shared, read only)
    - ``rng``, a generator keyed by (seed, epoch, index), where the index is
      a `Visit`; absent for a plain int
    - ``keypoint_score`` (M, T, V) float32 and ``img_shape`` of 2D files

    The joints of a store (`mmsnip.io.store`) stay in its file until a sample
    is asked for, and all workers share them. Where `RandomWindow` comes
    first in the pipeline, no frame outside the window is read.

    Args:
        ann_file (str): Annotation pickle or store.
        split (str, optional): Split of the file; None takes all videos.
        pipeline (Sequence[dict | Callable]): Transforms.
        metainfo (Mapping, optional): Overrides of the file's metainfo.
            ``classes`` chooses classes of the file by name: segments of
            others are background, trimmed videos of others are left out. It
            names the classes of a file that does not.
        data_root (str): Folder that a relative `ann_file` is in.
        fraction (float, optional): Share of the videos with labels to keep,
            each class among them; see `stratified_fraction`.
        seed (int): Seed of that choice. Defaults to 0.
        labelled (bool): Leave out videos without segments, of which
            localization learns nothing; those with none stay, they are all
            background. Defaults to False.
        samples_per_video (int): How often an epoch visits each video.
            Defaults to 1, and must be 1 in test mode.
        min_samples (int): Visits that an epoch has at least, so that a
            ``fraction`` of the videos trains as many steps as all of them.
            Defaults to 0, and must be 0 in test mode.
        test_mode (bool): Evaluate. Defaults to False.
        **kwargs: As of mmengine's ``BaseDataset``: ``indices``,
            ``serialize_data``, ``lazy_init``, ``max_refetch``.

    Raises:
        DataError: If the file is missing, refused or malformed, or no
            video is left.
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        ann_file: str,
        split: str | None = None,
        pipeline: Sequence[dict | Callable] = (),
        metainfo: Mapping | None = None,
        data_root: str = '',
        fraction: float | None = None,
        seed: int = 0,
        labelled: bool = False,
        samples_per_video: int = 1,
        min_samples: int = 0,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        given = (samples_per_video, min_samples)
        low = samples_per_video < 1 or min_samples < 0
        if low or (test_mode and given != (1, 0)):
            raise ValueError(
                f'samples_per_video={samples_per_video} must be at least 1 '
                f'and min_samples={min_samples} not below 0; in test mode, '
                'where each video counts once, exactly 1 and 0'
            )
        self.split = split
        self.fraction = fraction
        self.seed = seed
        self.labelled = labelled
        self.samples_per_video = samples_per_video
        self.min_samples = min_samples
        self._layout: SkeletonLayout | None = None
        self._store: SkeletonStore | None = None
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix={},
            pipeline=list(pipeline),
            test_mode=test_mode,
            **kwargs,
        )

    def keep_video(self, video: dict[str, Any]) -> bool:
        """Whether a video, its classes chosen, belongs to the data set."""
        return True

    @classmethod
    def _load_metainfo(cls, metainfo: Mapping | None = None) -> dict:
        """Overrides as builtin types; a str is never a file to read."""
        if metainfo is None:
            metainfo = {}
        if not isinstance(metainfo, Mapping):
            raise TypeError(
                f'metainfo={metainfo!r} must be a mapping, as dict(classes='
                '[...], parents=[...])'
            )
        return to_plain({**cls.METAINFO, **metainfo})

    def load_data_list(self) -> list[dict]:
        """Read, check and choose the videos."""
        data = open_annotation(self.ann_file)
        stated, wanted = data['metainfo'], self._metainfo.get('classes')
        data = {**data, 'metainfo': _override_metainfo(stated, self._metainfo)}
        validate_annotation(data, self.ann_file, self.split, once=True)
        metainfo = complete_metainfo(data, self.ann_file)
        order = np.arange(len(metainfo['classes']))
        if wanted is not None:
            named = bool(stated.get('classes'))
            order = _choose_classes(
                metainfo['classes'], wanted, named, self.ann_file
            )
            metainfo['classes'] = list(wanted)
        self._metainfo = metainfo
        self._layout = from_graph_cfg(metainfo['layout'])
        for note in metainfo['notes']:
            print_log(f'{self.ann_file}: {note}', logger='current')

        annotations = data['annotations']
        stays = isinstance(annotations, SkeletonStore)
        self._store = annotations if stays else None
        chosen = None if self.split is None else set(data['split'][self.split])
        videos = []
        for index in range(len(annotations)):
            annotation = annotations[index]
            if chosen is not None and annotation['frame_dir'] not in chosen:
                continue
            video = _parse_video(annotation, order, metainfo['fps'])
            if video is None or not self.keep_video(video):
                continue
            if stays:
                video.pop('keypoint_score', None)
                del video['keypoint']
                video[_PLACE] = index
            videos.append(video)
        if not videos:
            raise DataError(
                f'annotation file {self.ann_file!r}: no video of split '
                f'{self.split!r} is left for {type(self).__name__} with '
                f'classes {metainfo["classes"]}; choose another split or '
                'other classes'
            )
        return videos

    def filter_data(self) -> list[dict]:
        """Keep the seeded fraction of the videos that have labels."""
        videos = self.data_list
        if self.labelled:
            videos = [v for v in videos if 'segments' in v]
            self._tell(videos, 'have segments (labelled=True)')
        if self.fraction is not None:
            videos = [v for v in videos if 'label' in v or 'segments' in v]
            shown = [
                {*v.get('segment_labels', ()), v.get('label', _BACKGROUND)}
                - {_BACKGROUND}
                for v in videos
            ]
            chosen = stratified_fraction(shown, self.fraction, self.seed)
            videos = [videos[index] for index in chosen]
            about = f'(fraction={self.fraction}, seed={self.seed})'
            self._tell(videos, f'with labels are used {about}')
        return videos

    def _tell(self, videos: Sequence[dict], why: str) -> None:
        """Log how many videos stay; refuse to go on with none."""
        line = (
            f'{self.ann_file}, split {self.split!r}: {len(videos)} of '
            f'{len(self.data_list)} videos {why}'
        )
        if not videos:
            raise DataError(f'{line}; label some, or leave that out')
        if len(videos) < len(self.data_list):
            print_log(line, logger='current')

    @property
    def num_videos(self) -> int:
        """Number of different videos."""
        return super().__len__()

    @property
    def labelled_videos(self) -> list[int]:
        """Index of each video with segments, no action among them."""
        self.full_init()
        record = super().get_data_info
        return [i for i in range(self.num_videos) if 'segments' in record(i)]

    def __len__(self) -> int:
        """Number of visits an epoch has."""
        visits = self.num_videos * self.samples_per_video
        return max(visits, self.min_samples) if visits else 0

    def get_data_info(self, idx: int) -> dict:
        """Sample of a visit, before the pipeline."""
        return self._sample(idx)

    def _sample(self, idx: int, whole: bool = True) -> dict:
        """Sample; not ``whole``, its keypoint is a view of the store's."""
        if not -len(self) <= idx < len(self):
            raise IndexError(
                f'index {int(idx)} is outside the data set, which has '
                f'{len(self)} samples'
            )
        sample = super().get_data_info(int(idx) % self.num_videos)
        index = sample.pop(_PLACE, None)
        if index is None:
            sample['body_mask'] = present_frames(sample['keypoint'])
        else:
            sample['keypoint'] = self._store.keypoint(index)
            sample['body_mask'] = self._store.body_mask(index)
            score = self._store.keypoint_score(index)
            if score is not None:
                sample['keypoint_score'] = score
        for key in ('keypoint', 'keypoint_score'):
            if key in sample and (whole or key != 'keypoint'):
                copy = index is not None
                sample[key] = sample[key].astype(np.float32, 'C', copy=copy)
        sample['frame_index'] = np.arange(sample['keypoint'].shape[1])
        sample['num_classes'] = len(self._metainfo['classes'])
        sample['layout'] = self._layout
        sample['metainfo'] = self._metainfo
        if isinstance(idx, Visit):
            sample['rng'] = idx.generator()
        return sample

    def prepare_data(self, idx: int) -> Any:
        """Sample of a visit, after the pipeline; it may return None."""
        steps = getattr(self.pipeline, 'transforms', None)
        cuts_first = steps and isinstance(steps[0], RandomWindow)
        if self._store is None or not cuts_first:
            return super().prepare_data(idx)
        sample = steps[0](self._sample(idx, whole=False))
        keypoint = np.require(sample['keypoint'], np.float32, ('C', 'W'))
        sample['keypoint'] = keypoint
        for step in steps[1:]:
            sample = None if sample is None else step(sample)
        return sample
