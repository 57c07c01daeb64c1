"""From a collated batch to tensors on the model's device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.nn import functional

from mmsnip.datasets.collate import pad_collate
from mmsnip.registry import MODELS
from mmsnip.skeleton.augment import blur_kernel, draw_shear
from mmsnip.skeleton.geometry import draw_rotation, euler_rotation
from mmsnip.skeleton.layout import from_graph_cfg


class Drawn(NamedTuple):
    """What is done to each of N samples.

    Attributes:
        flipped (np.ndarray): Left and right exchanged, (N,) bool.
        matrix (np.ndarray): Linear map, (N, 3, 3).
        noisy (np.ndarray): Standard deviation of the noise, (N,).
        kernel (np.ndarray): Weights along time, (N, 2 * radius + 1).
        kept (np.ndarray): 0 for a masked coordinate, else 1, (N, 3).
    """

    flipped: np.ndarray
    matrix: np.ndarray
    noisy: np.ndarray
    kernel: np.ndarray
    kept: np.ndarray


class BatchAugment:
    """Shear, flip, rotation, noise, blur and axis mask, in this order.

    The numbers are those of `RandomShear`, `RandomSpatialFlip`,
    `RandomRotate`, `RandomNoise`, `RandomTemporalBlur` and
    `RandomAxisMask`; a change whose size or chance is 0 is left out. It
    changes joints: behind `SkeletonStream` with bones or motion, noise and
    blur mean something else.

    Args:
        shear (float): Shares are uniform in +-shear.
        flip_prob (float): Chance of the flip; it needs ``layout``.
        main_angle (float): Largest angle about the drawn axis, degrees.
        other_angle (float): Largest angle about the others, degrees.
        noise_std (float): Standard deviation.
        noise_prob (float): Its chance.
        min_sigma (float): Least width of the blur in frames.
        max_sigma (float): Largest width.
        radius (int): Frames on either side that count.
        normalize (bool): As of `RandomTemporalBlur`.
        blur_prob (float): Its chance.
        axis_mask_prob (float): Its chance.
        layout (str | dict, optional): As the ``layout`` of a ``graph_cfg``.

    Raises:
        ValueError: If a flip is asked for and no layout is named.
    """

    def __init__(
        self,
        shear: float = 0.0,
        flip_prob: float = 0.0,
        main_angle: float = 0.0,
        other_angle: float = 0.0,
        noise_std: float = 0.01,
        noise_prob: float = 0.0,
        min_sigma: float = 0.1,
        max_sigma: float = 2.0,
        radius: int = 7,
        normalize: bool = True,
        blur_prob: float = 0.0,
        axis_mask_prob: float = 0.0,
        layout: str | dict | None = None,
    ) -> None:
        if flip_prob and layout is None:
            raise ValueError(
                f'BatchAugment: flip_prob={flip_prob} needs a layout that '
                "names left and right, as layout='nturgb+d'"
            )
        self.shear = shear
        self.flip_prob = flip_prob
        self.angles = (main_angle, other_angle)
        self.noise_std = noise_std
        self.noise_prob = noise_prob
        self.sigmas = (min_sigma, max_sigma)
        self.radius = radius
        self.normalize = normalize
        self.blur_prob = blur_prob
        self.axis_mask_prob = axis_mask_prob
        self.order = None
        if layout is not None:
            self.order = from_graph_cfg(layout).mirror_order

    def draw(self, num_samples: int, rng: np.random.Generator) -> Drawn:
        """Numbers of a batch."""
        N = num_samples
        matrix = np.stack(
            [
                euler_rotation(draw_rotation(rng, *self.angles))
                @ draw_shear(self.shear, rng)
                for _ in range(N)
            ]
        )
        kernel = np.stack(
            [blur_kernel(s, self.radius) for s in rng.uniform(*self.sigmas, N)]
        )
        kernel[rng.random(N) >= self.blur_prob] = np.eye(2 * self.radius + 1)[
            self.radius
        ]
        kept = np.ones((N, 3))
        masked = np.flatnonzero(rng.random(N) < self.axis_mask_prob)
        kept[masked, rng.integers(3, size=N)[masked]] = 0
        return Drawn(
            rng.random(N) < self.flip_prob,
            matrix,
            self.noise_std * (rng.random(N) < self.noise_prob),
            kernel,
            kept,
        )

    def apply(
        self, inputs: Tensor, body_mask: Tensor, drawn: Drawn, noise: Tensor
    ) -> Tensor:
        """Change a batch."""

        def like(array: np.ndarray) -> Tensor:
            return torch.as_tensor(array, dtype=inputs.dtype).to(inputs.device)

        x, rest = inputs[..., :3], inputs[..., 3:]
        present = body_mask[..., None, None].to(x.dtype)
        each = (-1, 1, 1, 1, 1)
        if self.order is not None and drawn.flipped.any():
            order = torch.as_tensor(self.order, device=x.device)
            flipped = like(drawn.flipped).bool()
            whole = torch.where(
                flipped.view(each), inputs[:, :, :, order], inputs
            )
            x, rest = whole[..., :3], whole[..., 3:]
        x = torch.einsum('nmtvj,nij->nmtvi', x, like(drawn.matrix))
        x = x + noise * like(drawn.noisy).view(each) * present
        x = self._blur(x, present, like(drawn.kernel))
        x = x * like(drawn.kept).view(-1, 1, 1, 1, 3)
        return torch.cat((x, rest), -1)

    def _blur(self, x: Tensor, present: Tensor, kernel: Tensor) -> Tensor:
        if not self.blur_prob:
            return x
        total = _filter_time(x * present, kernel)
        if self.normalize:
            share = _filter_time(present, kernel)
            total = total / torch.where(share > 0, share, 1.0)
        return torch.where(present > 0, total, x)

    def __call__(
        self, inputs: Tensor, body_mask: Tensor, rng: np.random.Generator
    ) -> Tensor:
        """Draw and change; see `apply`."""
        drawn = self.draw(len(inputs), rng)
        generator = torch.Generator(inputs.device)
        generator.manual_seed(int(rng.integers(2**63)))
        noise = torch.randn(
            (*inputs.shape[:-1], 3),
            generator=generator,
            device=inputs.device,
            dtype=inputs.dtype,
        )
        return self.apply(inputs, body_mask, drawn, noise)


def _filter_time(x: Tensor, kernel: Tensor) -> Tensor:
    """Correlate (N, M, T, V, C) along T with a kernel of each sample."""
    N, M, T, V, C = x.shape
    rows = x.permute(1, 3, 4, 0, 2).reshape(M * V * C, N, T)
    rows = functional.conv1d(
        rows, kernel[:, None], padding=kernel.shape[1] // 2, groups=N
    )
    return rows.view(M, V, C, N, T).permute(3, 0, 4, 1, 2)


def _drop_full(num_frames: Any, inputs: Any) -> Any:
    """None where no sample is padded: the models then skip all masking."""
    if isinstance(inputs, (list, tuple)):
        return [_drop_full(n, x) for n, x in zip(num_frames, inputs)]
    if num_frames is None or bool((num_frames == inputs.shape[2]).all()):
        return None
    return num_frames


@MODELS.register_module()
class SkeletonPreprocessor(BaseDataPreprocessor):
    """Move a batch to the device; pad it if the loader did not.

    Takes what ``mmsnip.pad_collate`` makes, and also the lists of single
    samples that mmengine's ``pseudo_collate`` makes.

    Args:
        non_blocking (bool): Copy to the device without waiting. Defaults to
            True.
        augment (Mapping | Sequence, optional): Arguments of `BatchAugment`,
            which then changes training batches on the device, instead of
            transforms of the workers; a list has one entry, or None, a
            view. Defaults to None.
        seed (int): Keys its draws, together with the rank, the iteration of
            the run and the view, so that a resumed run goes on as it would
            have. Defaults to 0.
    """

    def __init__(
        self,
        non_blocking: bool = True,
        augment: Mapping | Sequence[Mapping | None] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        single = augment is None or isinstance(augment, Mapping)
        self.augments = [
            None if options is None else BatchAugment(**options)
            for options in ([augment] if single else augment)
        ]
        self.seed = seed

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs``, ``data_samples``, ``body_mask`` and
                ``num_frames``, padded or as lists of samples.
            training (bool): Whether `augment` acts. Defaults to False.

        Returns:
            dict: ``inputs`` (N, M, T, V, C) float32, ``body_mask`` (N, M, T)
            bool, ``num_frames`` (N,) int64 or None where nothing is padded,
            ``data_samples``; the first three as lists where a sample has
            several views.

        Raises:
            ValueError: If `augment` lists another number of views.
        """
        if not _is_padded(data):
            data = pad_collate(_split(data))
        data = dict(data)
        data['num_frames'] = _drop_full(data['num_frames'], data['inputs'])
        data = self.cast_data(data)
        if training and any(self.augments):
            data['inputs'] = self._augment(data['inputs'], data['body_mask'])
        return data

    def _augment(self, inputs: Any, body_mask: Any) -> Any:
        """Changed batch, or its changed views."""
        if isinstance(inputs, torch.Tensor):
            return self._augment([inputs], [body_mask])[0]
        if len(self.augments) != len(inputs):
            raise ValueError(
                f'SkeletonPreprocessor: augment is for {len(self.augments)} '
                f'views, but a batch has {len(inputs)}; list one entry, or '
                'None, for each'
            )
        hub = MessageHub.get_current_instance()
        key = (self.seed, get_rank(), int(hub.get_info('iter', 0)))
        return [
            x
            if augment is None
            else augment(x, mask, np.random.default_rng([*key, view]))
            for view, (augment, x, mask) in enumerate(
                zip(self.augments, inputs, body_mask)
            )
        ]


def _is_padded(data: dict) -> bool:
    inputs = data['inputs']
    if isinstance(inputs, torch.Tensor):
        return True
    return isinstance(inputs[0], torch.Tensor) and inputs[0].ndim == 5


def _split(data: dict) -> list[dict]:
    """Undo mmengine's ``pseudo_collate``: lists of fields to samples."""
    inputs = data['inputs']
    multi_view = isinstance(inputs[0], (list, tuple))
    count = len(inputs[0]) if multi_view else len(inputs)
    samples = []
    for n in range(count):
        sample = {}
        for key, value in data.items():
            if multi_view and key != 'data_samples':
                sample[key] = [view[n] for view in value]
            else:
                sample[key] = value[n]
        samples.append(sample)
    return samples
