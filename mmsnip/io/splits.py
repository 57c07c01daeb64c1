"""Training and validation videos of NTU RGB+D and PKU-MMD."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from mmsnip.io.formats.ntu import ntu_name, stem
from mmsnip.structures import DataError
from mmsnip.structures.files import read_text, safe_name

__all__ = [
    'NTU_PROTOCOLS',
    'ntu_split',
    'pkummd_cross_view',
    'pkummd_view',
    'read_pkummd_split',
]

MAX_TEXT = 2**24
_PKUMMD_NAME = re.compile(r'(?:\d{4}|A\d{2}N\d{2})-([LMR])', re.ASCII)
_HEADING = re.compile(
    r'(train|valid|test)\w*\s+videos?\s*:?(.*)', re.ASCII | re.IGNORECASE
)

_NTU60_SUBJECTS = frozenset(
    (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
)
_NTU120_SUBJECTS = _NTU60_SUBJECTS.union(
    (45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81),
    (82, 83, 84, 85, 86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
)


# Which recordings train.
NTU_PROTOCOLS = {
    'ntu60_xsub': lambda name: name.performer in _NTU60_SUBJECTS,
    'ntu60_xview': lambda name: name.camera in (2, 3),
    'ntu120_xsub': lambda name: name.performer in _NTU120_SUBJECTS,
    'ntu120_xset': lambda name: name.setup % 2 == 0,
}


def ntu_split(names: Iterable[str], protocol: str) -> dict[str, list[str]]:
    """Training and validation part of NTU RGB+D, from the names alone.

    Recordings that are not of the 60-class set (action above 60) belong to
    neither part of a ``ntu60`` protocol. Parts are in the order of the
    names. Source: arXiv 1604.02808 and 1905.04757.
    """
    if protocol not in NTU_PROTOCOLS:
        raise DataError(
            f'protocol={protocol!r} is unknown; use one of '
            f'{sorted(NTU_PROTOCOLS)}'
        )
    trains = NTU_PROTOCOLS[protocol]
    split: dict[str, list[str]] = dict(train=[], val=[])
    for name in names:
        parts = ntu_name(name)
        if protocol.startswith('ntu60') and parts.action > 60:
            continue
        split['train' if trains(parts) else 'val'].append(name)
    return split


def pkummd_view(name: str) -> str:
    """Camera of a PKU-MMD video, 'L', 'M' or 'R'.

    Names are such as ``0002-L`` (phase I) or ``A01N01-L`` (phase II);
    folders before and an ending behind it are ignored.
    """
    match = _PKUMMD_NAME.fullmatch(stem(name))
    if match is None:
        raise DataError(
            f'{name[:80]!r} is no name of PKU-MMD; expected one such as '
            '0002-L or A01N01-L'
        )
    return match.group(1)


def pkummd_cross_view(names: Iterable[str]) -> dict[str, list[str]]:
    """Cross-view split of PKU-MMD by name: M and R train, L validates.

    The cross-subject split cannot be told from names: read the data set's
    own file, which goes first here, too, where the two differ. Source:
    evaluation protocols of arXiv 1703.07475.
    """
    split: dict[str, list[str]] = dict(train=[], val=[])
    for name in names:
        split['val' if pkummd_view(name) == 'L' else 'train'].append(name)
    return split


def read_pkummd_split(
    path: str | os.PathLike[str],
) -> dict[str, list[str]]:
    """Read a split file of PKU-MMD, such as ``cross-subject.txt``.

    Names stand below the headings ``Training videos:`` and ``Validataion
    videos:`` (so spelled; any other end of 'valid..' or 'test..' will do),
    between commas, in one line or several; a comma may end the list.
    """
    names: dict[str, dict[str, int]] = dict(train={}, val={})
    part = ''
    for number, line in enumerate(
        read_text(path, MAX_TEXT).split('\n'), start=1
    ):
        heading = _HEADING.fullmatch(line.strip())
        if heading is not None:
            part = 'train' if heading.group(1).lower() == 'train' else 'val'
            line = heading.group(2)
        words = [word.strip() for word in line.split(',') if word.strip()]
        if words and not part:
            raise DataError(
                f'{path}, line {number}: found {words[0][:40]!r} above any '
                "heading; expected 'Training videos:' first"
            )
        other = names['val' if part == 'train' else 'train']
        for word in words:
            name = word[:-4] if word.endswith('.txt') else word
            safe_name(name, f'{path}, line {number}')
            if ' ' in name:
                raise DataError(
                    f'{path}, line {number}: {name[:40]!r} is no name; '
                    'expected names between commas'
                )
            if name in other:
                raise DataError(
                    f'{path}, line {number}: {name!r} stands in both parts, '
                    f'first in line {other[name]}'
                )
            names[part].setdefault(name, number)
    for part, heading_text in (
        ('train', 'Training videos:'),
        ('val', 'Validation videos:'),
    ):
        if not names[part]:
            raise DataError(
                f'{path} has no names below {heading_text!r}; expected '
                'names between commas'
            )
    return {part: list(members) for part, members in names.items()}
