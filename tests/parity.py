"""What the parity tests read of the golden files, and how far off we are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Family of reference files -> its seeds; a file is <family>_s<seed>.npz.
SEEDS = {
    'agcn_blocks': range(3),
    'agcn_stack': range(1),
    'augment': range(5),
    'babel_segmap': range(5),
    'contrast': range(5),
    'ctrgcn_blocks': range(3),
    'ctrgcn_model': range(1),
    'pkummd': range(5),
    'prenorm': range(1),
}
# Arrays that say how the golden numbers came about: the seeds and chances
# of the official draws, and the error of the official code in float32.
INFORMATIVE = re.compile(r'(^|/)(f32rel(_\w+)?|seed|prob|main_axis)(/|$)')


class Deviation(NamedTuple):
    """One comparison with golden numbers.

    Attributes:
        case (str): Which case of the file; lines are printed per case.
        value (float): Largest absolute or relative deviation.
        limit (float): Largest one allowed.
        at (str): Which array.
    """

    case: str
    value: float
    limit: float
    at: str


class Parity:
    """Compares with golden arrays and hands each deviation to the report.

    Args:
        record (Callable): pytest's ``record_property``.
    """

    def __init__(self, record: Any) -> None:
        self.record = record

    def add(self, case: str, value: float, limit: float, at: str) -> None:
        """Report a deviation; it must not exceed the limit."""
        deviation = Deviation(case, float(value), limit, at)
        self.record('deviation', tuple(deviation))
        assert deviation.value <= limit, deviation

    def close(
        self,
        case: str,
        found: Any,
        expected: Any,
        limit: float,
        at: str,
        relative: bool = False,
    ) -> None:
        """Compare arrays of one shape, absolute or to the largest value."""
        found, expected = np.asarray(found), np.asarray(expected)
        assert found.shape == expected.shape, (case, at)
        value = error(found, expected).max(initial=0.0)
        if relative:
            value /= np.abs(expected).max()
        self.add(case, value, limit, at)


def error(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Absolute deviation of each element.

    Golden numbers that were computed in float64 and stored in float32 are
    right to half the spacing of float32; where float64 is compared with
    such, only what lies beyond counts.

    Args:
        found (np.ndarray): Our numbers.
        expected (np.ndarray): Golden numbers, same shape.

    Returns:
        np.ndarray: Same shape, float64.
    """
    apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    if found.dtype == np.float64 and expected.dtype == np.float32:
        half = np.spacing(np.abs(expected)).astype(np.float64) / 2
        apart = np.maximum(apart - half, 0.0)
    return apart


def label_of(path: Path, golden_dir: Path) -> str:
    """Name of an archive; those of the project carry their folder."""
    if path.parent == golden_dir:
        return f'golden/{path.name}'
    return path.name


def unread(
    folder: Path, golden_dir: Path, read: Mapping[str, set[str]]
) -> dict[str, list[str]]:
    """Arrays of each archive of a folder that no test has read.

    Args:
        folder (Path): Folder of archives.
        golden_dir (Path): The project's own folder of archives.
        read (Mapping[str, set[str]]): Names that were read, per archive.

    Returns:
        dict[str, list[str]]: Archives with such arrays only.
    """
    left = {}
    for path in sorted(folder.glob('*.npz')):
        label = label_of(path, golden_dir)
        with np.load(path) as archive:
            names = [
                name
                for name in archive.files
                if name not in read.get(label, ())
                and not INFORMATIVE.search(name)
            ]
        if names:
            left[label] = names
    return left


def summary(rows: Iterable[tuple[str, Deviation]]) -> list[str]:
    """Lines of the report: the largest deviation of each file and case.

    Args:
        rows (Iterable[tuple[str, Deviation]]): Archive and deviation of
            each comparison.

    Returns:
        list[str]: A header, then a line per file family and case.
    """
    largest: dict[tuple[str, str], tuple[Deviation, str, int]] = {}
    for label, deviation in rows:
        seeded = re.fullmatch(r'(\w+)_s(\d+)\.npz', label)
        family = f'{seeded[1]}_s*.npz' if seeded else label
        key = (family, deviation.case)
        before, where, count = largest.get(key, (None, '', 0))
        if before is None or not deviation.value <= before.value:
            before, where = deviation, f's{seeded[2]}' if seeded else ''
        largest[key] = (before, where, count + 1)
    lines = [
        'float64 is compared with numbers stored in float32 beyond their '
        'rounding',
        f'{"largest":>8} {"tolerance":>9} {"compared":>8}  '
        'golden file: case (array, seed of the largest)',
    ]
    for (family, case), (worst, where, count) in sorted(
        largest.items(), key=lambda item: item[0]
    ):
        place = ', '.join(part for part in (worst.at, where) if part)
        lines.append(
            f'{worst.value:8.1e} {worst.limit:9.1e} {count:8}  '
            f'{family}: {case}' + (f' ({place})' if place else '')
        )
    return lines
