"""Videos of one annotation file, trimmed or untrimmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
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
_ARRAYS = ('keypoint', 'keypoint_score')
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
    names: Sequence[str],
    wanted: Sequence[str] | None,
    named: bool,
    ann_file: str,
) -> np.ndarray:
    """New index of each class of the file."""
    order = np.arange(len(names))
    if wanted is None:
        return order
    if not named:
        if len(wanted) < len(names):
            raise DataError(
                f'annotation file {ann_file!r} has labels up to '
                f'{len(names) - 1} and no class names, but metainfo '
                f'names only {len(wanted)} classes; name all of them'
            )
        return order
    unknown = [name for name in wanted if name not in names]
    if unknown or len(set(wanted)) != len(wanted):
        raise DataError(
            f"annotation file {ann_file!r}, key 'classes': "
            f'metainfo asks for {wanted}, of which the file lacks '
            f'{unknown}; choose different names out of {names}'
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


def _classes_of(video: Mapping[str, Any]) -> set[int]:
    """Classes that a video shows."""
    shown = {int(label) for label in video.get('segment_labels', ())}
    if 'label' in video:
        shown.add(video['label'])
    return shown


def _select_videos(
    data: Mapping[str, Any],
    split: str | None,
    order: np.ndarray,
    fps: float,
    keep: Callable[[dict[str, Any]], bool],
) -> list[dict[str, Any]]:
    """What a data set keeps of an annotation file."""
    annotations = data['annotations']
    store = annotations if isinstance(annotations, SkeletonStore) else None
    chosen = None if split is None else set(data['split'][split])
    videos = []
    for index in range(len(annotations)):
        if store is None:
            name = annotations[index]['frame_dir']
        else:
            name = store.name(index)
        if chosen is not None and name not in chosen:
            continue
        annotation = annotations[index]
        video = _parse_video(annotation, order, fps)
        if video is None or not keep(video):
            continue
        for key in _ARRAYS if store is not None else ():
            # What `keep` has replaced is not the store's any more.
            if key in video and video[key] is annotation[key]:
                del video[key]
                video[_PLACE] = index
        videos.append(video)
    return videos


def _fetch_arrays(
    sample: dict[str, Any], store: SkeletonStore | None, whole: bool = True
) -> None:
    """Joints, scores and mask of a sample."""
    index = sample.pop(_PLACE, None)
    if index is None:
        for key in _ARRAYS:
            if key in sample:
                sample[key] = sample[key].astype(np.float32, copy=False)
        sample['body_mask'] = present_frames(sample['keypoint'])
        return
    if 'keypoint' not in sample:
        sample['keypoint'] = store.keypoint(index)
        sample['body_mask'] = store.body_mask(index)
    else:  # somebody else's, beside scores of the store
        sample['body_mask'] = present_frames(sample['keypoint'])
    score = store.keypoint_score(index)
    if 'keypoint_score' not in sample and score is not None:
        sample['keypoint_score'] = score
    for key in _ARRAYS:
        if key in sample and (whole or key != 'keypoint'):
            sample[key] = np.array(sample[key], np.float32, order='C')


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
        validate (bool): Check every field before anything is trained; the
            joints of a store were checked when it was written, all else is
            checked again. Defaults to True.
        indices (int | Sequence[int], optional): Only the first few, or
            these, videos.
        serialize_data (bool): Keep the videos as bytes that workers share
            where they are forked; of a store, all but the joints. Defaults
            to True.
        lazy_init (bool): Do not read the file yet. Defaults to False.
        max_refetch (int): How often a sample is drawn again where the
            pipeline returns None. Defaults to 100.

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
        validate: bool = True,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
        max_refetch: int = 100,
    ) -> None:
        if samples_per_video < 1 or (test_mode and samples_per_video != 1):
            raise ValueError(
                f'samples_per_video={samples_per_video} must be at least 1, '
                'and 1 in test mode, where each video counts once'
            )
        if min_samples < 0 or (test_mode and min_samples):
            raise ValueError(
                f'min_samples={min_samples} must not be below 0, and be 0 in '
                'test mode, where each video counts once'
            )
        if fraction is not None and not 0 < fraction <= 1:
            raise ValueError(
                f'fraction={fraction!r} must lie in (0, 1], or be None'
            )
        if indices is not None and not isinstance(indices, int):
            indices = [int(index) for index in indices]
        if indices is not None and not indices:
            raise ValueError(
                f'indices={indices!r} leaves no video; give a number other '
                'than 0, or some indices'
            )
        self.split = split
        self.fraction = fraction
        self.seed = seed
        self.labelled = labelled
        self.samples_per_video = samples_per_video
        self.min_samples = min_samples
        self.validate = validate
        self._layout: SkeletonLayout | None = None
        self._store: SkeletonStore | None = None
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix={},
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    # The two steps that another source of the same videos overrides.

    def read_annotations(self) -> dict[str, Any]:
        """Videos, splits and metainfo, in the annotation file's form."""
        return open_annotation(self.ann_file)

    def keep_video(self, video: dict[str, Any]) -> bool:
        """Whether a video, its classes chosen, belongs to the data set."""
        return True

    # What BaseDataset asks for.

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
        data = self.read_annotations()
        stated = data['metainfo']
        data = {**data, 'metainfo': _override_metainfo(stated, self._metainfo)}
        if self.validate:
            validate_annotation(data, self.ann_file, self.split, once=True)
        elif self.split is not None and self.split not in data['split']:
            raise DataError(
                f'annotation file {self.ann_file!r} has no split '
                f'{self.split!r}; it has {sorted(map(str, data["split"]))}'
            )
        metainfo = complete_metainfo(data, self.ann_file)
        wanted = self._metainfo.get('classes')
        named = bool(stated.get('classes'))
        order = _choose_classes(
            metainfo['classes'], wanted, named, self.ann_file
        )
        if wanted is not None:
            metainfo['classes'] = list(wanted)
        self._metainfo = metainfo
        self._layout = from_graph_cfg(metainfo['layout'])
        stays = isinstance(data['annotations'], SkeletonStore)
        self._store = data['annotations'] if stays else None
        for note in metainfo['notes']:
            print_log(f'{self.ann_file}: {note}', logger='current')

        videos = _select_videos(
            data, self.split, order, metainfo['fps'], self.keep_video
        )
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
        if self.labelled:
            found = [v for v in self.data_list if 'segments' in v]
            without = len(self.data_list) - len(found)
            if not found:
                raise DataError(
                    f'annotation file {self.ann_file!r}, split '
                    f'{self.split!r}: no video has segments, and labelled='
                    'True asks for them; label some, or leave it out'
                )
            if without:
                print_log(
                    f'{self.ann_file}: {without} of {len(self.data_list)} '
                    f'videos of split {self.split!r} have no segments and '
                    'are left out',
                    logger='current',
                )
            self.data_list = found
        if self.fraction is None:
            return self.data_list
        labelled = [
            video
            for video in self.data_list
            if 'label' in video or 'segments' in video
        ]
        if not labelled:
            raise DataError(
                f'annotation file {self.ann_file!r}: fraction='
                f'{self.fraction} needs videos with labels, but split '
                f'{self.split!r} has none; leave fraction out'
            )
        shown = [_classes_of(video) for video in labelled]
        chosen = stratified_fraction(shown, self.fraction, self.seed)
        print_log(
            f'{self.ann_file}: {len(chosen)} of {len(labelled)} labelled '
            f'videos are used (fraction={self.fraction}, seed={self.seed})',
            logger='current',
        )
        return [labelled[index] for index in chosen]

    @property
    def num_videos(self) -> int:
        """Number of different videos."""
        return super().__len__()

    def __len__(self) -> int:
        """Number of visits an epoch has."""
        visits = self.num_videos * self.samples_per_video
        return max(visits, self.min_samples) if visits else 0

    def get_cat_ids(self, idx: int) -> list[int]:
        """Classes of a video, for mmengine's ``ClassBalancedDataset``."""
        return sorted(_classes_of(self._stored(idx)))

    def _stored(self, idx: int) -> dict:
        if not -len(self) <= idx < len(self):
            raise IndexError(
                f'index {int(idx)} is outside the data set, which has '
                f'{len(self)} samples'
            )
        return super().get_data_info(int(idx) % self.num_videos)

    def get_data_info(self, idx: int) -> dict:
        """Sample of a visit, before the pipeline."""
        return self._sample(idx)

    def _sample(self, idx: int, whole: bool = True) -> dict:
        """Sample, its joints as `_fetch_arrays` gives them."""
        sample = self._stored(idx)
        _fetch_arrays(sample, self._store, whole)
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
            sample = step(sample)
            if sample is None:
                return None
        return sample

    def __getitem__(self, idx: int) -> Any:
        """Sample of a visit, after the pipeline."""
        if not self._fully_initialized:
            self.full_init()
        attempts = 1 if self.test_mode else self.max_refetch + 1
        index = idx
        for attempt in range(1, attempts + 1):
            sample = self.prepare_data(index)
            if sample is not None:
                return sample
            index = self._another(idx, attempt)
        video = self._stored(idx)['frame_dir']
        raise RuntimeError(
            f'annotation file {self.ann_file!r}: the pipeline returned None '
            f'{attempts} times, first for video {video!r}; find the '
            'transform that drops samples'
        )

    def _another(self, idx: int, attempt: int) -> int:
        """Another index, reproducible where the first one is a visit."""
        if not isinstance(idx, Visit):
            return int(torch.randint(len(self), ()))
        index = int(idx.generator(attempt).integers(len(self)))
        key = idx.key + attempt * len(self)
        return Visit(index, idx.epoch, idx.seed, key)
