"""A folder of recordings to one annotation file or store."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.hygiene import Hygiene
from mmsnip.conversion.merging import (
    Parts,
    agreeing_parts,
    choose_splits,
    count_classes,
    count_entries,
    mixed_scores,
    output_metainfo,
)
from mmsnip.conversion.parts import (
    only_one,
    part_name,
    parts_folder,
    read_facts,
    read_part,
    remove_parts,
)
from mmsnip.conversion.progress import progress_bar
from mmsnip.conversion.recordings import Work
from mmsnip.conversion.report import Report, report_path, save_report
from mmsnip.conversion.source import Item, Skipped, Source
from mmsnip.conversion.split_files import read_splits
from mmsnip.conversion.workers import Killed, work_through
from mmsnip.conversion.writing import check_output, write_output
from mmsnip.structures.plain import to_plain

__all__ = ['convert']

MAX_WORKERS = 8
WORTH_A_WORKER = 50  # recordings; a process takes a second to start
TRIED = 3  # recordings that a dry run reads


def convert(
    source: Source,
    output: str | os.PathLike[str],
    workers: int | None = 1,
    dry_run: bool = False,
    splits: Any = None,
    progress: bool = True,
    hygiene: Hygiene | None = None,
    dtype: str = 'float32',
) -> Report:
    """Convert what a source lists; what cannot be used is reported.

    Each converted recording is put into ``OUTPUT.parts`` at once. The same
    call goes on from there after an interruption; a recording is read again
    where its files, the options or the hygiene have changed. Parts need as
    much room as the output and are removed when it is complete. The output
    does not depend on `workers` or on interruptions.

    Args:
        source (Source): Recordings.
        output (str | os.PathLike[str]): ``.pkl``, an annotation file (all
            joints are in memory once), or ``.safetensors``, a store (one
            recording at a time).
        workers (int | None): Processes; 0 and 1 work in this one, None takes
            as many as there are cores (up to 8), or fewer for few files.
        dry_run (bool): List and try the first recordings, write nothing.
        splits (Any): Mapping from each split to names, or path or paths of
            files, see `read_splits`; None takes the source's own.
        progress (bool): Show the progress on the error output.
        hygiene (Hygiene | None): Units, axes, rate and gaps; None keeps the
            rate and takes units and axes as the files say.
        dtype (str): Of the joints, 'float32' or 'float16'.

    Returns:
        Report: Counts and all that was left out or mended; also written to
        ``OUTPUT.report.json``. Without a usable recording there is no
        output.

    Raises:
        SequenceError: If the folder as a whole or a split file is unusable.
        FileNotFoundError: If one of them is missing.
        ValueError: If an argument is unknown, or another process makes this
            output.
        AnnotationError: If the result as a whole is malformed.
        OSError: If a part or the output cannot be written.
    """
    output, hygiene = Path(output), hygiene or Hygiene()
    check_output(output, dtype)
    if splits is not None and not isinstance(splits, Mapping):
        splits = read_splits(splits)
    started = time.monotonic()
    report = Report(str(output), dry_run=dry_run)
    items = _items(source, output, report)
    work = Work(source, to_plain(source.metainfo()), hygiene)
    if dry_run:
        return _dry_run(work, items, splits, report)
    with only_one(output):
        parts = _convert_items(work, items, output, workers, progress, report)
        parts = agreeing_parts(parts, dtype, report)
        if parts:
            metainfo = output_metainfo(
                work.metainfo, hygiene, [facts for facts, _ in parts], report
            )
            names = [facts['name'] for facts, _ in parts]
            chosen = choose_splits(source, names, splits, report)
            count_entries([facts for facts, _ in parts], metainfo, report)
            score = ('keypoint_score',)
            left_out = score if mixed_scores(parts, report) else ()
            write_output(
                output,
                (_read_entry(path, left_out) for _, path in parts),
                metainfo,
                chosen,
                dtype,
            )
        report.seconds = round(time.monotonic() - started, 3)
        save_report(report)
        remove_parts(parts_folder(output))
    return report


def _read_entry(path: Path, left_out: Collection[str]) -> dict[str, Any]:
    entry = read_part(path)
    return {k: value for k, value in entry.items() if k not in left_out}


def _items(source: Source, output: Path, report: Report) -> list[Item]:
    """Recordings of the source, each name once, our own files left out."""
    own = {os.path.abspath(path) for path in (output, report_path(output))}
    seen: dict[str, str] = {}
    items = []
    for item in source.items():
        if os.path.abspath(item.path) in own:
            continue
        if item.name in seen:
            reason = f'{item.name!r} is also the name of {seen[item.name]}'
            report.skipped.append(Skipped(item.path, reason))
            continue
        seen[item.name] = item.path
        items.append(item)
    report.skipped += [
        skipped
        for skipped in source.skipped
        if os.path.abspath(skipped.path) not in own
    ]
    report.mended += source.mended
    report.found = len(items)
    return items


def _dry_run(
    work: Work, items: list[Item], splits: Any, report: Report
) -> Report:
    """Look at every file, read the first few."""
    readable = []
    for item in items:
        try:
            if Path(item.path).is_dir():  # a file a frame
                empty = not any(os.scandir(item.path))
            else:
                with Path(item.path).open('rb') as file:
                    empty = not file.read(1)
        except OSError as error:
            report.skipped.append(Skipped(item.path, str(error)))
            continue
        if empty:
            report.skipped.append(Skipped(item.path, 'the file is empty'))
        else:
            readable.append(item)
    left_out = set()
    for item in readable[:TRIED]:
        result = work((item, None))
        if isinstance(result, Skipped):
            report.skipped.append(result)
            left_out.add(item.name)
            continue
        for key in ('mended', 'warnings'):
            getattr(report, key).extend((item.name, t) for t in result[key])
    report.listed = [i.name for i in readable if i.name not in left_out]
    report.converted = len(report.listed)
    choose_splits(work.source, report.listed, splits, report)
    labels = []
    for item in readable:
        if item.name not in left_out:
            segments = np.ravel(item.fields.get('segment_labels', ()))
            counts = Counter(segments.tolist())
            labels.append((item.fields.get('label'), counts))
    count_classes(labels, work.metainfo.get('classes'), report)
    return report


def _convert_items(
    work: Work,
    items: list[Item],
    output: Path,
    workers: int | None,
    progress: bool,
    report: Report,
) -> Parts:
    """Facts and part of every recording that was converted, in order."""
    folder = parts_folder(output)
    found: dict[int, tuple[dict[str, Any], Path]] = {}
    todo, tasks = [], []
    for index, item in enumerate(items):
        try:
            path = folder / part_name(work.source, item, work.hygiene)
        except OSError as error:
            report.skipped.append(Skipped(item.path, str(error)))
            continue
        facts = read_facts(path) if path.exists() else None
        if facts is None:
            todo.append((index, path))
            tasks.append((item, str(path)))
        else:
            found[index] = facts, path
    report.reused = len(found)
    if workers is None:
        enough = 1 + len(todo) // WORTH_A_WORKER
        workers = min(_cores(), MAX_WORKERS, enough)
    skipped: dict[int, Skipped] = {}
    with progress_bar('converting', len(todo), progress) as advance, closing(
        work_through(work, tasks, workers)
    ) as results:
        for place, result in results:
            index, path = todo[place]
            if result is Killed:
                reason = (
                    'the process that read it was ended by the system, twice; '
                    'is there too little memory?'
                )
                result = Skipped(items[index].path, reason)
            if isinstance(result, Skipped):
                skipped[index] = result
            else:
                found[index] = result, path
            advance()
    report.skipped += [skipped[index] for index in sorted(skipped)]
    return [found[index] for index in sorted(found)]


def _cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
