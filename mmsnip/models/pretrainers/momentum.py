"""Query encoder and its momentum copy, and SkeletonCLR on them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmsnip.models.averaging import MomentumEncoder
from mmsnip.models.gather import KeyGather
from mmsnip.models.heads.contrast import Snippets, pool_times
from mmsnip.models.persons import encode_persons, stage_lengths
from mmsnip.models.time import frame_mask
from mmsnip.registry import MODELS
from mmsnip.skeleton.resample import PADDING


class View(NamedTuple):
    """One view of a batch.

    Attributes:
        inputs (Tensor): Skeletons, (N, M, T, V, C).
        body_mask (Tensor, optional): (N, M, T) bool.
        num_frames (Tensor, optional): (N,) int64; None: nothing is padded.
        frame_index (Tensor, optional): Frame of the source that each frame
            shows, fractions between two, (N, T) float32; -1 where it is
            padding. None: not known.
    """

    inputs: Tensor
    body_mask: Tensor | None = None
    num_frames: Tensor | None = None
    frame_index: Tensor | None = None

    @property
    def skeletons(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """What an encoder takes."""
        return self.inputs, self.body_mask, self.num_frames


class Embedding(NamedTuple):
    """What a branch makes of a view.

    Attributes:
        video (Tensor): Video embeddings of unit length, (N, D).
        snippets (Snippets, optional): None without a snippet head.
    """

    video: Tensor
    snippets: Snippets | None


class MomentumPretrainer(BaseModel):
    """Base of the contrastive frameworks: two encoders and the heads.

    The key encoder is a moving average of the query encoder and projectors,
    never trained, part of every checkpoint. State changes only in
    ``forward(mode='loss')`` of a model in training: the average moves before
    the losses are computed, the queues after; ``loss`` itself may be called
    any number of times.

    Where gradients are accumulated over several forward passes, the average
    moves once an optimizer step, at its first pass (`begin_pass`, told by
    `mmsnip.hooks.EpochHook`), so that ``key_momentum`` means the same; the
    queues take the keys of every pass, which all come from that one key
    encoder.

    Args:
        backbone (dict): Config of the encoder.
        global_head (dict): Config of the video-level head; ``in_channels``
            follows the backbone where it is absent.
        snippet_head (dict, optional): Config of the snippet-level head.
            None: the framework alone, its own baseline.
        key_momentum (float): Share of its old weights that the key encoder
            keeps at a step, in (0, 1). Defaults to 0.999. (mmengine's
            averages count the share of the *new* weights.)
        data_preprocessor (dict, optional): Defaults to
            ``dict(type='mmsnip.SkeletonPreprocessor')``.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If ``key_momentum`` is not in (0, 1).

    Source:
        MoCo v2 form of METHOD.md section 1.
    """

    num_views = 2

    def __init__(
        self,
        backbone: dict,
        global_head: dict,
        snippet_head: dict | None = None,
        key_momentum: float = 0.999,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        if data_preprocessor is None:
            data_preprocessor = dict(type='mmsnip.SkeletonPreprocessor')
        super().__init__(data_preprocessor, init_cfg)
        if not 0 < key_momentum < 1:
            raise ValueError(f'key_momentum={key_momentum} must lie in (0, 1)')
        self.backbone = MODELS.build(backbone)
        channels = dict(in_channels=self.backbone.out_channels[-1])
        self.global_head = MODELS.build({**channels, **global_head})
        self.snippet_head = None
        if snippet_head is not None:
            self.snippet_head = MODELS.build({**channels, **snippet_head})
        self.follow_query_encoder(key_momentum)
        self._gather = KeyGather()
        self._first_pass = True

    @property
    def with_snippets(self) -> bool:
        """Whether a snippet head is plugged in."""
        return self.snippet_head is not None

    def _query_encoder(self) -> nn.ModuleDict:
        """Modules that the key encoder follows, not registered again.

        Of each head ``x_head`` that is ``x_projector``.
        """
        modules = dict(backbone=self.backbone)
        for name, module in self.named_children():
            if name.endswith('_head'):
                kind = name[: -len('_head')]
                modules[f'{kind}_projector'] = module.projector
        return nn.ModuleDict(modules)

    def follow_query_encoder(self, key_momentum: float) -> None:
        """Make the key encoder; again where a subclass has added a head."""
        self.key_encoder = MomentumEncoder(self._query_encoder(), key_momentum)

    def begin_pass(self, first: bool) -> None:
        """Say whether the query encoder has moved since the last pass."""
        self._first_pass = first

    def encode(
        self, view: View, backbone: nn.Module | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Features a frame of the encoder's last stage."""
        backbone = self.backbone if backbone is None else backbone
        features = encode_persons(backbone, *view.skeletons)[-1]
        lengths = stage_lengths(backbone, view.num_frames)
        if lengths is None:
            return features, None
        return features, frame_mask(lengths[-1], features.shape[2])

    def project(
        self,
        features: Tensor,
        mask: Tensor | None,
        projectors: nn.ModuleDict | None = None,
    ) -> Embedding:
        """Embed encoded frames."""
        copies = dict(projectors or {})
        snippets = None
        if self.with_snippets:
            snippets = self.snippet_head(
                features, mask, copies.get('snippet_projector')
            )
        video = self.global_head(
            features, mask, copies.get('global_projector')
        )
        return Embedding(video, snippets)

    def embed_query(self, view: View) -> Embedding:
        """Embed a view with the query encoder."""
        return self._timed(self.project(*self.encode(view)), view)

    @torch.no_grad()
    def embed_key(self, view: View) -> Embedding:
        """Embed a view with the key encoder, without gradients."""
        key = self.key_encoder.module
        embedding = self.project(*self.encode(view, key['backbone']), key)
        return self._timed(embedding, view)

    def _timed(self, embedding: Embedding, view: View) -> Embedding:
        """The same, its snippets with their times where these are known."""
        if embedding.snippets is None or view.frame_index is None:
            return embedding
        count = embedding.snippets.embedding.shape[2]
        times = pool_times(view.frame_index, count)
        return embedding._replace(
            snippets=embedding.snippets._replace(times=times)
        )

    @abstractmethod
    def loss(self, views: Sequence[View]) -> tuple[dict, Embedding]:
        """Losses of a batch, and the key that the queues will store."""

    def forward(
        self,
        inputs: Tensor | Sequence[Tensor],
        data_samples: Sequence | None = None,
        body_mask: Tensor | Sequence[Tensor] | None = None,
        num_frames: Tensor | Sequence[Tensor] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Losses, features or predictions of a batch.

        Args:
            inputs (Tensor or Sequence[Tensor]): Views, (N, M, T, V, C) each.
            data_samples (Sequence[ActionDataSample], optional): One a video.
            body_mask (Tensor or Sequence[Tensor], optional): (N, M, T) bool.
            num_frames (Tensor or Sequence[Tensor], optional): (N,) int64.
            mode (str): ``'loss'``: dict of losses; in training this also
                advances key encoder and queues. ``'tensor'``: features of
                the first view, (N, C, T'). ``'predict'``: the data samples
                with ``snippet_features`` (T', C).

        Returns:
            dict, Tensor or list: As ``mode`` says.

        Raises:
            ValueError: If the mode is unknown or views are missing.
        """
        views = _as_views(inputs, body_mask, num_frames)
        if mode == 'loss':
            if len(views) < self.num_views:
                raise ValueError(
                    f'{type(self).__name__} compares {self.num_views} views '
                    f'of a video, the batch has {len(views)}; set MultiView '
                    'in the pipeline'
                )
            if self.training and self._first_pass:
                self.key_encoder.update_parameters(self._query_encoder())
            if self.with_snippets and self.snippet_head.needs_times:
                views = _with_times(views, data_samples)
            losses, key = self.loss(views)
            if self.training:
                self._store(key)
            return losses
        if mode not in ('tensor', 'predict'):
            raise ValueError(
                f"mode={mode!r} is unknown; use 'loss', 'tensor' or 'predict'"
            )
        features, mask = self.encode(views[0])
        if mode == 'tensor':
            return features
        for n, sample in enumerate(data_samples):
            video = features[n].T
            sample.snippet_features = video if mask is None else video[mask[n]]
        return data_samples

    def _store(self, key: Embedding) -> None:
        """Fill all queues with the keys of all processes, gathered once."""
        heads = [(self.global_head, key.video)]
        if self.with_snippets:
            heads.append((self.snippet_head, key.snippets))
        N = key.video.shape[0]
        rows = [head.queue_keys(each).reshape(N, -1) for head, each in heads]
        for (head, _), keys in zip(heads, self._gather(rows)):
            head.queue.store(keys.reshape(-1, head.queue.keys.shape[0]))


def _with_times(
    views: list[View], data_samples: Sequence | None
) -> list[View]:
    """Views that know which frames they show, where the samples say so."""
    rows = [
        getattr(sample, 'view_frame_index', None)
        for sample in data_samples or ()
    ]
    if not rows or any(row is None for row in rows):
        return views
    timed = []
    for number, view in enumerate(views):
        T = view.inputs.shape[2]
        index = np.full((len(rows), T), PADDING, dtype=np.float32)
        for n, row in enumerate(rows):
            index[n, : len(row[number])] = row[number]
        device = view.inputs.device
        timed.append(
            view._replace(frame_index=torch.from_numpy(index).to(device))
        )
    return timed


def _as_views(
    inputs: Tensor | Sequence[Tensor],
    body_mask: Tensor | Sequence[Tensor] | None,
    num_frames: Tensor | Sequence[Tensor] | None,
) -> list[View]:
    if isinstance(inputs, Tensor):
        return [View(inputs, body_mask, num_frames)]
    nothing = [None] * len(inputs)
    return [
        View(*parts)
        for parts in zip(inputs, body_mask or nothing, num_frames or nothing)
    ]


@MODELS.register_module()
class SkeletonCLR(MomentumPretrainer):
    """Query view against key view, one queue for videos, one for snippets.

    Args and errors are those of ``MomentumPretrainer``.

    Source:
        SkeletonCLR of CrosSCLR (arXiv 2104.14565), hosted as in METHOD.md
        section 1: total = global loss + 1.5 x snippet loss.
    """

    def loss(self, views: Sequence[View]) -> tuple[dict, Embedding]:
        """Contrast the first view (query) with the second (key)."""
        query = self.embed_query(views[0])
        key = self.embed_key(views[1])
        losses = self.global_head.loss(query.video, key.video)
        if self.with_snippets:
            losses.update(self.snippet_head.loss(query.snippets, key.snippets))
        return losses, key
