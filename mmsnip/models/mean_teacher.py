"""Localizer that learns from frames without labels, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses.frame import IGNORE, frame_smoothing, soft_cross_entropy
from mmsnip.models.localizer import SkeletonLocalizer
from mmsnip.models.time import frame_mask
from mmsnip.registry import MODELS


@MODELS.register_module()
class MeanTeacherLocalizer(SkeletonLocalizer):
    """Localizer that is taught by the running mean of its own weights.

    A training sample has two views of the same frames, the first one as a
    test shows it, the second one changed (`MultiView`). The labelled frames
    of the second view train as in `SkeletonLocalizer`. Where a frame has no
    label, the teacher scores it in the first view, and the network learns to
    find the same in the second. `MeanTeacherHook` names the teacher and says
    how much it counts; until then, samples without labels are left out.

    What is kept, tested and exported is a `SkeletonLocalizer` in all.

    Args:
        temperature (float): The teacher's probabilities are raised to
            ``1 / temperature`` and normalised: below 1 they are sharper.
            Defaults to 0.5.
        **kwargs (Any): Of `SkeletonLocalizer`.

    Raises:
        ValueError: If ``temperature`` is not in (0, 1].

    Source:
        Mean Teacher, Tarvainen and Valpola, arXiv 1703.01780; a weak view
        teaches a strong one as in FixMatch, arXiv 2001.07685, sharpened as
        in MixMatch, arXiv 1905.02249, in place of a threshold.
    """

    def __init__(self, *, temperature: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < temperature <= 1:
            raise ValueError(f'temperature={temperature} must lie in (0, 1]')
        self.temperature = temperature
        self.set_teacher(None, 0.0)

    def set_teacher(self, teacher: nn.Module | None, weight: float) -> None:
        """Let a localizer teach, with a weight of its loss; 0: nobody."""
        # In a tuple, so that its weights are no weights of this model.
        self._teacher = (teacher,)
        self.teacher_weight = weight if teacher is not None else 0.0

    def forward(
        self,
        inputs: Tensor | Sequence[Tensor],
        data_samples: Sequence | None = None,
        body_mask: Tensor | Sequence[Tensor] | None = None,
        num_frames: Tensor | Sequence[Tensor] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """As `SkeletonLocalizer`; of two views where ``mode='loss'``.

        Args:
            inputs (Tensor or Sequence[Tensor]): Skeletons, (N, M, T, V, C);
                for the loss a weak and a strong view of them.
            data_samples (Sequence[ActionDataSample], optional): One a video.
            body_mask (Tensor or Sequence[Tensor], optional): (N, M, T) bool,
                one a view.
            num_frames (Tensor or Sequence[Tensor], optional): Valid frames,
                (N,) int64, one a view.
            mode (str): As of `SkeletonLocalizer`; ``loss_teacher`` joins the
                losses.

        Returns:
            dict, list or Tensor: As ``mode`` says.
        """
        if mode != 'loss' or isinstance(inputs, Tensor):
            return super().forward(
                inputs, data_samples, body_mask, num_frames, mode
            )
        nothing = [None, None]
        weak, strong = zip(inputs, body_mask or nothing, num_frames or nothing)
        size = strong[0].shape[2]
        labels = self.frame_labels(data_samples, size).to(strong[0].device)
        if not self.teacher_weight:
            rows = (labels != IGNORE).any(dim=1)
            if rows.any() and not rows.all():
                strong = [None if x is None else x[rows] for x in strong]
                labels = labels[rows]
            return self.head.loss(self._logits(*strong), labels)
        logits = self._logits(*strong)
        losses = self.head.loss(logits, labels)
        unknown = labels == IGNORE
        if strong[2] is not None:
            unknown = unknown & frame_mask(strong[2], size)
        taught = self._teach(weak)
        loss = soft_cross_entropy(logits, taught, unknown)
        if self.head.smoothing_weight:
            where = torch.where(unknown, 0, IGNORE)
            smooth = frame_smoothing(logits, where)
            loss = loss + self.head.smoothing_weight * smooth
        losses['loss_teacher'] = self.teacher_weight * loss
        return losses

    def frame_labels(self, data_samples: Sequence, size: int) -> Tensor:
        """Frame labels (N, size), ``IGNORE`` where a video has none."""
        labels = torch.full((len(data_samples), size), IGNORE)
        known = [
            n for n, s in enumerate(data_samples) if 'gt_frame_labels' in s
        ]
        if known:
            found = self.head.labels([data_samples[n] for n in known], size)
            labels[known] = found
        return labels

    @torch.no_grad()
    def _teach(self, view: Sequence) -> Tensor:
        """What the teacher finds in a view, sharpened."""
        (teacher,) = self._teacher
        teacher.eval()
        log_prob = teacher._logits(*view).float().log_softmax(dim=2)
        return functional.softmax(log_prob / self.temperature, dim=2)
