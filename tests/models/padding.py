"""What padding may never do to an encoder's features."""

from __future__ import annotations

import torch


def check_padding(model, lengths):
    """Valid frames get what they get alone, and padded ones are zero.

    Args:
        model (nn.Module): Encoder of five joints, float64, in eval mode.
        lengths (list[int]): Valid frames; the longest is that of the batch.
    """
    x = torch.randn(len(lengths), 2, max(lengths), 5, 3, dtype=torch.float64)

    padded = model(x, torch.tensor(lengths))

    for n, length in enumerate(lengths):
        alone = model(x[n : n + 1, :, :length])
        for stage, single in zip(padded, alone):
            size = single.shape[3]
            torch.testing.assert_close(
                stage[n : n + 1, :, :, :size], single, rtol=0, atol=1e-9
            )
            assert not stage[n, :, :, size:].any()
