"""A folder as its data set is published, in place of an annotation file."""

from __future__ import annotations

from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from mmsnip.io.annotation import AnnotationError
from mmsnip.prepare.job import read_source
from mmsnip.prepare.source import Source
from mmsnip.structures import DataError

__all__ = ['read_raw_folder']


def read_raw_folder(
    source: Source, kind: str, split: str | None
) -> dict[str, Any]:
    """Annotations of a folder, converted in memory, on every rank.

    Args:
        source (Source): The folder.
        kind (str): What ``tools/prepare_data.py`` calls it.
        split (str | None): Read no other recordings; None reads all.

    Returns:
        dict[str, Any]: ``metainfo``, ``split`` and ``annotations``.

    Raises:
        AnnotationError: If the folder is unusable or has no such split.
    """
    try:
        data, report = read_source(source, split, is_main_process())
    except (DataError, FileNotFoundError) as error:
        raise AnnotationError(
            f'annotation folder {str(source.root)!r} cannot be used as '
            f'{kind}: {error}'
        ) from error
    left_out, mended = len(report.skipped), len(report.notes)
    print_log(
        f'{source.root} is a folder: {report.converted} recordings of split '
        f'{split!r} were read into memory, {left_out} files left out, '
        f'{mended} things noted; to read them once for all runs: python '
        f'tools/prepare_data.py {kind} {source.root} FILE.pkl, and give that '
        'file',
        logger='current',
    )
    return data
