"""Views that differ in tempo only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.resample import tempo_map
from mmsnip.transforms.randomness import sample_rng
from mmsnip.transforms.sample import SkeletonTransform, retime, video_of


@TRANSFORMS.register_module()
class RelativeTempo(SkeletonTransform):
    """RVTCLR's views: a query at one tempo, its key at both.

    Follows `MultiView`. A coin of the sample's own generator says which of
    two tempi the query has, so that half of the samples are expected at
    each. At tempo f a view of T frames shows frames 0, f, 2 f, ..; all have
    T // max(tempi) frames.

    Frame differences belong before this transform, inside the views:
    afterwards their size would tell the tempo.

    Required Keys:

    - views (list[dict]): query, key, then any others

    Modified Keys:

    - views: query, key at the query's tempo, the same key at the other
      tempo, then the others as they are

    Added Keys:

    - tempo (float), also of each of the first three views: source frames per
      new frame

    Args:
        tempi (Sequence[float]): The two, above 0.

    Raises:
        ValueError: If there are not two positive tempi.

    Source:
        METHOD.md section 1 (tempo 1: frames 0..T/2-1, tempo 2: every second
        of all T); ``relative_tempo`` of Zhuysheng/RVTCLR 8782889
        ``net/skeletonclr.py``, which divides each batch into exact halves.
    """

    def __init__(self, tempi: Sequence[float] = (1, 2)) -> None:
        if len(tempi) != 2 or min(tempi) <= 0:
            raise ValueError(
                f'RelativeTempo: tempi={tempi!r} must be two numbers above 0'
            )
        self.tempi = tuple(tempi)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Play the first two views at their tempi.

        Args:
            results (dict[str, Any]): Sample.

        Returns:
            dict[str, Any]: The same dict.

        Raises:
            ValueError: If views are missing or too short.
        """
        views = results.get('views') or ()
        if len(views) < 2:
            raise ValueError(
                f'RelativeTempo: {video_of(results)} has {len(views)} views, '
                'expected query, key and what else the model takes; put '
                'MultiView before it'
            )
        drawn = int(sample_rng(results).integers(2))
        mine, other = self.tempi[drawn], self.tempi[1 - drawn]
        query, key, *further = views
        results['views'] = [
            self._play(query, mine),
            self._play(key, mine),
            self._play(key, other),
            *further,
        ]
        results['tempo'] = results['views'][0]['tempo']
        return results

    def _play(self, view: dict[str, Any], tempo: float) -> dict[str, Any]:
        T = view['keypoint'].shape[1]
        size = int(T // max(self.tempi))
        if size < 1:
            raise ValueError(
                f'RelativeTempo: a view of {video_of(view)} has {T} frames, '
                f'too few for tempo {max(self.tempi)}; lengthen the views '
                'by ResizeTime'
            )
        played = dict(view)
        retime(played, tempo_map(T, tempo, size))
        played['tempo'] = float(tempo) * view.get('tempo', 1.0)
        return played
