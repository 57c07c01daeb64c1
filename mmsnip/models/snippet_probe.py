"""How well snippets tell actions apart while an encoder is pre-trained."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import (
    all_gather_object,
    broadcast,
    broadcast_object_list,
    get_dist_info,
    get_world_size,
    is_main_process,
)
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from mmsnip.evaluation.neighbors import (
    knn_accuracy,
    knn_predict,
    majority_labels,
)
from mmsnip.registry import HOOKS


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; modes and random states are put back."""
    modes = [(module, module.training) for module in model.modules()]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = []
    if torch.cuda.is_available():
        devices = [torch.cuda.current_device()]
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            model.eval()
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for module, training in modes:
            module.training = training


@contextmanager
def main_statistics(model: nn.Module) -> Iterator[None]:
    """Batch norm statistics of the main process, on every process.

    Plain batch norm counts on each process what that process sees.
    """
    if get_world_size() == 1:
        yield
        return
    buffers = [
        buffer
        for module in model.modules()
        if isinstance(module, _BatchNorm)
        for buffer in module.buffers(recurse=False)
    ]
    own = [buffer.clone() for buffer in buffers]
    try:
        for buffer in buffers:
            broadcast(buffer)
        yield
    finally:
        for buffer, values in zip(buffers, own):
            buffer.copy_(values)


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
    """Pool and label the encoded frames of a video."""
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
    """Label of each valid source frame of a video."""
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
    """Keep every 2nd, 4th, 8th .. snippet until at most `limit` are left."""
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


def build_loader(name: str, cfg: dict) -> DataLoader:
    """Build a loader of the probe and look at its first video."""
    if not isinstance(cfg, DataLoader):
        cfg = dict(cfg)
        cfg.setdefault(
            'sampler', dict(type='mmsnip.VisitSampler', shuffle=False)
        )
        cfg.setdefault('collate_fn', dict(type='mmsnip.pad_collate'))
        # What torch refuses without workers, or warns about without a GPU.
        if not cfg.get('num_workers'):
            cfg['persistent_workers'] = False
        if not torch.cuda.is_available():
            cfg['pin_memory'] = False
    # One seed: the probe sees the same data whatever the run's seed is.
    loader = Runner.build_dataloader(cfg, seed=0)
    ordered = isinstance(loader.sampler, DefaultSampler)
    if not ordered or loader.sampler.shuffle or loader.drop_last:
        raise ValueError(
            f'SnippetProbeHook: {name} must give each video once and in '
            "order; set sampler=dict(type='VisitSampler', shuffle=False) "
            'and leave out drop_last'
        )
    sample = loader.dataset[0]
    if not isinstance(sample['inputs'], Tensor):
        raise ValueError(
            f'SnippetProbeHook: the pipeline of {name} gives '
            f'{len(sample["inputs"])} views of a video, the probe takes one; '
            'leave MultiView and its augmentation out'
        )
    frame_labels(sample['data_samples'], 1)
    return loader


def classes_of(loader: DataLoader) -> list[str] | None:
    """Classes of a loader's data set; None where it names none."""
    metainfo: Any = getattr(loader.dataset, 'metainfo', None) or {}
    classes = metainfo.get('classes')
    return None if classes is None else list(classes)


@HOOKS.register_module()
class SnippetProbeHook(Hook):
    """k-NN probe of the query encoder's snippets during pre-training.

    After every `interval` epochs and after the last one, the videos of two
    loaders pass through the encoder in eval mode. A snippet is one frame that
    the temporal stride leaves, or the mean of those in `snippet_frames`
    source frames; its label is the majority of its source frames' labels
    (frame i of stride s stands for source frames ``[i * s, (i + 1) * s)``).
    Snippets of the first loader then vote on those of the second.

    Logged as ``knn/accuracy``, ``knn/balanced_accuracy`` and
    ``knn/action_accuracy`` (see `knn_accuracy`; background is the label
    after the last class): scalars of the message hub, a record of the
    visualizer at that epoch, and a line of the log. One that is not defined
    is left out.

    Training goes on as if there were no probe: random states, modes and
    statistics are put back. On several processes each encodes its share, all
    with the batch norm statistics of the main one, which are those of the
    checkpoint; batches of one video make the result that of one process to
    the last bit, larger ones may round differently.

    Args:
        train_dataloader (dict): Loader of the videos that vote. Its
            pipeline should be without chance and give one view of a video.
            ``sampler`` and ``collate_fn`` default to
            ``dict(type='mmsnip.VisitSampler', shuffle=False)`` and
            ``dict(type='mmsnip.pad_collate')``.
        val_dataloader (dict): The same, of the videos that are labelled.
        interval (int): Epochs from probe to probe. Defaults to 10.
        snippet_frames (int, optional): Source frames of a snippet, a
            multiple of the encoder's temporal stride; a number beyond the
            longest video pools whole videos. None: the stride itself, the
            finest. Defaults to None.
        num_neighbors (int): Defaults to 20.
        temperature (float, optional): Of the votes, None lets all weigh the
            same. Defaults to 0.07.
        max_snippets (int): Most snippets of either set. Where there are
            more, every second, fourth, eighth .. of each video is taken.
            Defaults to 20000.

    Raises:
        ValueError: If a number is out of range; as training starts, if a
            loader does not fit or the first video has no labels; at the
            first probe, if another video has none.

    Source:
        k-NN probe of METHOD.md section 2.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        train_dataloader: dict,
        val_dataloader: dict,
        interval: int = 10,
        snippet_frames: int | None = None,
        num_neighbors: int = 20,
        temperature: float | None = 0.07,
        max_snippets: int = 20000,
    ) -> None:
        for name, number in (
            ('interval', interval),
            ('snippet_frames', snippet_frames),
            ('num_neighbors', num_neighbors),
            ('max_snippets', max_snippets),
        ):
            if number is not None and number < 1:
                raise ValueError(f'{name}={number} must be at least 1')
        if temperature is not None and not temperature > 0:
            raise ValueError(
                f'temperature={temperature} must be positive, or None'
            )
        self.loader_cfgs = dict(
            train_dataloader=train_dataloader, val_dataloader=val_dataloader
        )
        self.interval = interval
        self.snippet_frames = snippet_frames
        self.num_neighbors = num_neighbors
        self.temperature = temperature
        self.max_snippets = max_snippets
        self._loaders: dict[str, DataLoader] | None = None

    def before_train(self, runner: Runner) -> None:
        """Build the loaders, so that what does not fit ends the run early."""
        with undisturbed(_bare(runner.model)):
            self._build(_bare(runner.model))

    def after_train_epoch(self, runner: Runner) -> None:
        """Probe where it is time to."""
        if self.every_n_epochs(
            runner, self.interval
        ) or self.is_last_train_epoch(runner):
            self._probe(runner)

    def _snippets(self, runner: Runner) -> tuple[Snippets, Snippets]:
        """Those that vote and those that are labelled, as weights are now."""
        model = _bare(runner.model)
        with undisturbed(model), main_statistics(model):
            bank, queries = (
                self._encode(model, name, loader)
                for name, loader in self._build(model).items()
            )
        return bank, queries

    def _probe(self, runner: Runner) -> tuple[Snippets, Snippets]:
        started = time.monotonic()
        bank, queries = self._snippets(runner)
        metrics = [self._evaluate(bank, queries, self._loaders)]
        broadcast_object_list(metrics)
        scalars = {
            f'knn/{key}': value
            for key, value in metrics[0].items()
            if np.isfinite(value)
        }
        for key, value in scalars.items():
            runner.message_hub.update_scalar(key, value)
        epoch = runner.epoch + 1
        if scalars:
            # Like mmengine's validation metrics, at the epoch they end.
            runner.visualizer.add_scalars(dict(scalars), step=epoch)
        numbers = '  '.join(f'{k}: {v:.4f}' for k, v in scalars.items())
        runner.logger.info(
            f'k-NN probe after epoch {epoch}:  '
            f'{numbers or "undefined, the features are not finite"}  '
            f'({len(bank.labels)} snippets vote on {len(queries.labels)}, '
            f'{time.monotonic() - started:.1f} s)'
        )
        return bank, queries

    def _evaluate(
        self, bank: Snippets, queries: Snippets, loaders: dict
    ) -> dict[str, float]:
        """The metrics on the main process, elsewhere and undefined: none."""
        finite = np.isfinite(bank.features).all()
        if not is_main_process() or not (
            finite and np.isfinite(queries.features).all()
        ):
            return {}
        predictions = knn_predict(
            bank.features,
            bank.labels,
            queries.features,
            self.num_neighbors,
            self.temperature,
        )
        classes = classes_of(loaders['train_dataloader'])
        background = None if classes is None else len(classes)
        return knn_accuracy(predictions, queries.labels, background)

    def _build(self, model: nn.Module) -> dict[str, DataLoader]:
        """The two loaders, made once."""
        if self._loaders is not None:
            return self._loaders
        self._frames_of_window(model)
        loaders = {
            name: build_loader(name, cfg)
            for name, cfg in self.loader_cfgs.items()
        }
        train, val = (classes_of(loader) for loader in loaders.values())
        if train != val:
            raise ValueError(
                f'SnippetProbeHook: train_dataloader has the classes {train} '
                f'and val_dataloader {val}; choose the same ones through '
                "the data sets' metainfo=dict(classes=[...])"
            )
        self._loaders = loaders
        return loaders

    def _frames_of_window(self, model: nn.Module) -> tuple[int, int]:
        """Temporal stride, and strided frames of a snippet."""
        strides = getattr(
            getattr(model, 'backbone', None), 'temporal_strides_out', None
        )
        if strides is None:
            raise ValueError(
                f'SnippetProbeHook: {type(model).__name__} has no '
                'backbone.temporal_strides_out; the probe serves the '
                'pre-trainers of mmsnip'
            )
        frames = self.snippet_frames or strides[-1]
        if frames % strides[-1]:
            raise ValueError(
                f'SnippetProbeHook: snippet_frames={frames} must be a '
                f"multiple of {strides[-1]}, the encoder's temporal stride"
            )
        return strides[-1], frames // strides[-1]

    def _encode(
        self, model: nn.Module, name: str, loader: DataLoader
    ) -> Snippets:
        """Snippets of all processes, in the order of the data set."""
        rank, world_size = get_dist_info()
        stride, group = self._frames_of_window(model)
        place, step = rank, 1
        videos: dict[int, Snippets] = {}
        for batch in loader:
            samples = model.test_step(batch)
            for sample, length in zip(samples, batch['num_frames']):
                # The sampler fills up its last round with the first videos.
                if place < len(loader.dataset):
                    videos[place] = snippets_of(
                        sample, int(length), stride, group, place
                    ).every(step)
                place += world_size
            # The share of a process never needs a larger step than the whole.
            step, videos = thin(videos, self.max_snippets, step)
        shares = all_gather_object((step, videos))
        step = max(share[0] for share in shares)
        merged = {k: v for share in shares for k, v in share[1].items()}
        merged = {k: merged[k].every(step) for k in sorted(merged)}
        merged = thin(merged, self.max_snippets, step)[1]
        found = Snippets(
            *(np.concatenate(parts) for parts in zip(*merged.values()))
        )
        if not len(found.labels):
            raise ValueError(
                f'SnippetProbeHook: {name} gives no snippet with a label; '
                f'raise max_snippets={self.max_snippets}, or look for a '
                'pipeline that pads every frame'
            )
        return found


def _bare(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model
