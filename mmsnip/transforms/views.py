"""Several views of one video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmsnip.registry import TRANSFORMS
from mmsnip.transforms.randomness import sample_rng


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Several views of a sample, each by its own transforms and draws.

    Every view keeps the map to the source frames, so that snippets of two
    views can be matched by time.

    Required Keys:

    - keypoint (M, T, V, C)
    - what the views' transforms require

    Added Keys:

    - views (list[dict]): samples, each with keypoint, body_mask,
      frame_index and what else it has

    Args:
        views (Sequence[Sequence[dict | Callable]]): The transforms of each
            view.

    Raises:
        ValueError: If there is no view.
    """

    def __init__(self, views: Sequence[Sequence[dict | Callable]]) -> None:
        if not views:
            raise ValueError('MultiView: views is empty; give one list each')
        self.views = [
            [step if callable(step) else TRANSFORMS.build(step) for step in v]
            for v in views
        ]

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Make the views.

        Args:
            results (dict[str, Any]): Sample; its own fields stay.

        Returns:
            dict[str, Any] | None: The same dict, or None where a transform
                dropped a view.
        """
        rng = sample_rng(results)
        seeds = rng.integers(2**63, size=(len(self.views), 2))
        T = results['keypoint'].shape[1]
        made = []
        for steps, seed in zip(self.views, seeds):
            view = dict(results)
            view.pop('views', None)
            view.setdefault('frame_index', np.arange(T))
            view['rng'] = np.random.default_rng(seed)
            for step in steps:
                view = step(view)
                if view is None:
                    return None
            del view['rng']
            made.append(view)
        results['views'] = made
        return results

    def __repr__(self) -> str:
        """The steps of each view."""
        return f'{type(self).__name__}(views={self.views!r})'
