#!/usr/bin/env python
"""How fast ``.skeleton`` files are read, beside two plain parsers.

``python -m benchmarks.read_ntu [FOLDER]``, from the root of the checkout,
times `read_ntu` on the files of a folder and on a synthetic one of 300
frames with two bodies, and prints for each the median of the repeats in
files a second: of the parser that makes every number a float in a dict, of
the one that makes two small arrays a joint, and of ours.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmsnip.io.ntu import read_ntu
from tests.io.ntu_text import FIRST_ID, frames_of, ntu_text, standing
from tests.io.plain_ntu import dense, read_by_arrays, read_by_dicts


def by_dicts(path: Path) -> np.ndarray:
    """All bodies, by the parser of dicts."""
    return dense(*read_by_dicts(path))


def by_arrays(path: Path) -> np.ndarray:
    """All bodies, by the parser of small arrays."""
    return dense(*read_by_arrays(path))


def ours(path: Path) -> np.ndarray:
    """All bodies, by `read_ntu`."""
    return read_ntu(path, None)[0]


def seconds(
    readers: list[Callable[[Path], np.ndarray]], path: Path, repeats: int
) -> list[float]:
    """Median time of each reader, the readers taking turns."""
    times: list[list[float]] = [[] for _ in readers]
    for _ in range(repeats):
        for reader, own in zip(readers, times):
            start = time.perf_counter()
            reader(path)
            own.append(time.perf_counter() - start)
    return [statistics.median(own) for own in times]


def synthetic(folder: Path) -> Path:
    """A file of 300 frames with two bodies."""
    rng = np.random.default_rng(0)
    tracks = [(FIRST_ID + n, 0, standing(rng, 300, x=n)) for n in range(2)]
    path = folder / 'synthetic.skeleton'
    path.write_text(ntu_text(frames_of(tracks, 300)))
    return path


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', nargs='?', type=Path)
    parser.add_argument('--repeats', type=int, default=15)
    args = parser.parse_args()
    readers = [by_dicts, by_arrays, ours]
    with tempfile.TemporaryDirectory() as folder:
        paths = sorted(args.folder.glob('*.skeleton')) if args.folder else []
        paths.append(synthetic(Path(folder)))
        print('files a second (median) and how many times the plain ones')
        print(f'{"":28}{"dicts":>8}{"arrays":>8}{"ours":>8}')
        for path in paths:
            expected = by_dicts(path)
            np.testing.assert_array_equal(ours(path), expected)
            np.testing.assert_array_equal(by_arrays(path), expected)
            dicts, arrays, own = seconds(readers, path, args.repeats)
            print(
                f'{path.stem:28}{1 / dicts:8.0f}{1 / arrays:8.0f}'
                f'{1 / own:8.0f}  x {dicts / own:.1f} and '
                f'{arrays / own:.1f}'
            )


if __name__ == '__main__':
    main()
