"""Length, coverage and number of true segments, and their bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_FIVE, _FOUR = ('XS', 'S', 'M', 'L', 'XL'), ('XS', 'S', 'M', 'L')
_ENDLESS = float('inf')
# Upper edges belong to their bin, and so does the lowest edge.
PUBLISHED_BINS: dict[str, dict[str, tuple[float, ...]]] = {
    'activitynet': {
        'coverage': (0, 0.2, 0.4, 0.6, 0.8, 1),
        'length': (0, 30, 60, 120, 180, _ENDLESS),
        'instances': (-1, 1, 4, 8, _ENDLESS),
    },
    'thumos14': {
        'coverage': (0, 0.02, 0.04, 0.06, 0.08, 1),
        'length': (0, 3, 6, 12, 18, _ENDLESS),
        'instances': (-1, 1, 40, 80, _ENDLESS),
    },
}


def measure_truth(
    ground_truth: Mapping[str, np.ndarray],
    num_frames: Mapping[str, int],
    fps: Mapping[str, float] | float,
) -> dict[str, np.ndarray]:
    """Characteristics of true segments, as DETAD defines them.

    ``length`` in seconds, ``coverage`` of the video by the segment, and
    ``instances``, the segments of its class in its video.

    Args:
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        num_frames (Mapping[str, int]): T of each video.
        fps (Mapping[str, float] | float): Frames a second.

    Returns:
        dict[str, np.ndarray]: Each (num_segments of all videos,), videos
        sorted by name as `collect` sorts them.

    Raises:
        ValueError: If a video has no number of frames or no rate.

    Examples:
        >>> truth = {'a': np.array([[0, 0, 20], [0, 30, 40]])}
        >>> found = measure_truth(truth, {'a': 100}, 10.0)
        >>> found['length'].tolist(), found['instances'].tolist()
        ([2.0, 1.0], [2.0, 2.0])
    """
    columns: dict[str, list[np.ndarray]] = {
        'coverage': [],
        'length': [],
        'instances': [],
    }
    for video in sorted(ground_truth, key=str):
        rows = np.asarray(ground_truth[video], dtype=np.float64)
        rows = rows.reshape(-1, 3)
        rate = fps.get(video) if isinstance(fps, Mapping) else fps
        for key, value in (
            ('num_frames', num_frames.get(video)),
            ('fps', rate),
        ):
            if not value or value <= 0:
                raise ValueError(
                    f'video {video!r} has {key}={value!r}; lengths and '
                    'coverage need a positive number'
                )
        frames = rows[:, 2] - rows[:, 1]
        columns['coverage'].append(frames / num_frames[video])
        columns['length'].append(frames / rate)
        same = rows[:, 0] == rows[:, :1]
        columns['instances'].append(same.sum(axis=1).astype(np.float64))
    return {
        key: np.concatenate(parts) if parts else np.zeros(0)
        for key, parts in columns.items()
    }


def bin_edges(
    name: str,
    values: np.ndarray,
    bins: str | Mapping[str, Sequence[float]],
    num_bins: int = 4,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and edges of the bins of a characteristic.

    Args:
        name (str): Characteristic.
        values (np.ndarray): (num_segments,), read for 'quantile'.
        bins (str | Mapping[str, Sequence[float]]): See `analyze_sensitivity`.
        num_bins (int): Number of 'quantile' bins, at least 1.

    Returns:
        tuple[tuple[str, ...], np.ndarray]: (num_bins,) names, (num_bins + 1,)
        edges; 'quantile' edges are values themselves.

    Raises:
        ValueError: If the bins are unknown or do not ascend.
    """
    if isinstance(bins, str) and bins == 'quantile':
        if num_bins < 1:
            raise ValueError(f'num_bins={num_bins} must be at least 1')
        there = values[np.isfinite(values)]
        if not len(there):
            return (), np.zeros(1)
        share = np.linspace(0, 1, num_bins + 1)
        edges = np.unique(np.quantile(there, share, method='inverted_cdf'))
        if len(edges) == 1:
            edges = np.repeat(edges, 2)
        return tuple(f'Q{i}' for i in range(1, len(edges))), edges
    table = PUBLISHED_BINS.get(bins) if isinstance(bins, str) else bins
    if table is None:
        raise ValueError(
            f"bins={bins!r} is unknown; use 'quantile', one of "
            f'{sorted(PUBLISHED_BINS)} or edges of each characteristic'
        )
    if name not in table:
        raise ValueError(
            f'bins has no edges of {name!r}, only of {sorted(table)}'
        )
    edges = np.asarray(table[name], dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(
            f'bins[{name!r}]={list(table[name])} must ascend, two edges or '
            'more'
        )
    known = {5: _FIVE, 4: _FOUR}.get(len(edges) - 1)
    number = range(1, len(edges))
    return known or tuple(f'bin {i}' for i in number), edges


def assign_bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each value, -1 outside; upper edges belong to their bin.

    Args:
        values (np.ndarray): (num_values,), NaN is outside.
        edges (np.ndarray): (num_bins + 1,) ascending.

    Returns:
        np.ndarray: (num_values,) int64.

    Examples:
        >>> assign_bins(np.array([0, 1, 2, 4, 5]), np.array([0, 1, 4]))
        array([ 0,  0,  1,  1, -1])
    """
    place = np.searchsorted(edges, values, side='left') - 1
    place[values == edges[0]] = 0
    return np.where(place < len(edges) - 1, place, -1)
