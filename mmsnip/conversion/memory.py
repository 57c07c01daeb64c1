"""A folder of recordings to an annotation in memory, without a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmsnip.conversion.hygiene import Hygiene
from mmsnip.conversion.merging import (
    agreeing_parts,
    choose_splits,
    count_entries,
    output_metainfo,
)
from mmsnip.conversion.progress import progress_bar
from mmsnip.conversion.recordings import Work
from mmsnip.conversion.report import Report
from mmsnip.conversion.source import Item, Skipped, Source
from mmsnip.io.reading import SequenceError
from mmsnip.structures.plain import to_plain

__all__ = ['read_source']


def read_source(
    source: Source, split: str | None = None, progress: bool = False
) -> tuple[dict[str, Any], Report]:
    """What `convert` would write, with its defaults, as a value.

    Args:
        source (Source): Recordings.
        split (str | None): Read those of this split only; None reads all.
        progress (bool): Show the progress on the error output.

    Returns:
        tuple[dict[str, Any], Report]: ``metainfo``, ``split`` and
        ``annotations`` of an annotation file, equal to those of a converted
        one; and what was left out or mended.

    Raises:
        SequenceError: If the folder as a whole is unusable, has no such
            split, or nothing in it can be used.
        FileNotFoundError: If there is no such folder.
    """
    report = Report(str(source.root))
    items: dict[str, Item] = {}
    for item in source.items():
        first = items.setdefault(item.name, item)
        if first is not item:
            reason = f'{item.name!r} is also the name of {first.path}'
            report.skipped.append(Skipped(item.path, reason))
    report.skipped += source.skipped
    if split is not None:
        splits = source.splits(list(items))
        if split not in splits:
            raise SequenceError(
                f'{source.root} has no split {split!r}; it has '
                f'{sorted(splits)}'
            )
        wanted = set(splits[split])
        items = {n: item for n, item in items.items() if n in wanted}
    report.found = len(items)
    work = Work(source, to_plain(source.metainfo()), Hygiene())
    annotations: dict[str, dict[str, Any]] = {}
    parts = []
    with progress_bar('reading', len(items), progress) as advance:
        for name, item in items.items():
            found = work.try_item(item)
            if isinstance(found, Skipped):
                report.skipped.append(found)
            else:
                annotations[name], facts = found
                parts.append((facts, Path(item.path)))
            advance()
    parts = agreeing_parts(parts, 'float32', report)
    if not parts:
        first = ''.join(
            f'; {note.path}: {note.reason}' for note in report.skipped[:1]
        )
        raise SequenceError(
            f'{source.root} holds nothing usable among {report.found} '
            f'recordings{first}'
        )
    facts = [facts for facts, _ in parts]
    metainfo = output_metainfo(work.metainfo, work.hygiene, facts, report)
    names = [fact['name'] for fact in facts]
    chosen = choose_splits(source, names, None, report)
    count_entries(facts, metainfo, report)
    return dict(
        metainfo=metainfo,
        split=chosen,
        annotations=[annotations[name] for name in names],
    ), report
