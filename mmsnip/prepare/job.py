"""A folder of recordings to one annotation file or store."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip import __version__
from mmsnip.io.annotation import load_annotation, save_annotation
from mmsnip.prepare.fit import UNITS, Expected, Given, fit, resample
from mmsnip.prepare.folder import Item, Skipped, Source
from mmsnip.prepare.labels import apply_splits, read_splits
from mmsnip.prepare.report import Report, report_path, save_report
from mmsnip.prepare.workers import Killed, progress_bar, work_through
from mmsnip.skeleton.layout import SkeletonLayout, get_layout, layout_names
from mmsnip.skeleton.orientation import trunk_axis
from mmsnip.structures import DataError, Recording, show
from mmsnip.structures.errors import is_int
from mmsnip.structures.files import draft_of
from mmsnip.structures.plain import to_plain

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ['Wanted', 'convert', 'pack', 'parts_folder']

DTYPES = ('float32', 'float16')
STORE = '.safetensors'
FORMAT = 3  # of a part; raised when its content changes
ENDING = '.recording'  # none that a reader reads
LOCK = '.lock'
MAX_WORKERS = 8
WORTH_A_WORKER = 50  # recordings; a process takes a second to start
MAX_CLASS = 10**6
TRIED = 3  # recordings that a dry run reads
METRES, NOTHING = Expected(unit='m', up='y'), Given()
Parts = list[tuple[dict[str, Any], Path]]


@dataclass(frozen=True)
class Wanted:
    """What is made of the recordings of a source."""

    expected: Expected = METRES
    given: Given = NOTHING
    of_one: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def given_for(self, name: str) -> Given:
        """What the user says of a recording."""
        given = self.given
        for pattern, facts in self.of_one.items():
            if _fits(name, pattern):
                if 'unit' in facts:  # said of it alone: no scale of all
                    given = replace(given, scale=None)
                given = replace(given, **facts)
        return given


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def convert(
    source: Source,
    output: str | os.PathLike[str],
    wanted: Wanted | None = None,
    workers: int | None = 1,
    dry_run: bool = False,
    splits: Any = None,
    progress: bool = True,
    dtype: str = 'float32',
    strict: bool = False,
) -> Report:
    """Convert what a source lists; what cannot be used is reported.

    Each converted recording is put into ``OUTPUT.parts`` at once. The same
    call goes on from there after an interruption; a recording is read again
    where its files or the options have changed. Parts need as much room as
    the output and are removed when it is complete. The output does not
    depend on `workers` or on interruptions.
    """
    wanted, output = wanted or Wanted(), check_output(output, dtype)
    if splits is not None and not isinstance(splits, Mapping):
        splits = read_splits(splits)
    started = time.monotonic()
    report = Report(str(output), dry_run=dry_run, strict=strict)
    items = _items(source, report, (output, report_path(output)))
    report.notes += [
        (pattern, 'is no recording; --for names it')
        for pattern in wanted.of_one
        if not any(_fits(item.name, pattern) for item in items)
    ]
    work = Work(source, to_plain(source.metainfo()), wanted)
    if dry_run:
        return _dry_run(work, items, splits, report)
    with only_one(output):
        parts = _convert_items(work, items, output, workers, progress, report)
        parts = _agreeing(parts, work, dtype, report)
        if parts:
            facts = [facts for facts, _ in parts]
            metainfo = _metainfo(work, facts, report)
            chosen = _choose_splits(source, facts, splits, report)
            scores = _scored(facts, report)
            entries = (_read_part(path, scores) for _, path in parts)
            write_output(output, entries, metainfo, chosen, dtype)
        report.seconds = round(time.monotonic() - started, 3)
        save_report(report)
        if not report.failed:
            for path in parts_folder(output).iterdir():
                if path.name.endswith((ENDING, '.part')):  # drafts, too
                    path.unlink(missing_ok=True)
    return report


# One recording


@dataclass(frozen=True)
class Work:
    """What a worker needs; called with a recording, it converts it."""

    source: Source
    metainfo: dict[str, Any]
    wanted: Wanted

    def __call__(
        self, task: tuple[Item, str | None]
    ) -> dict[str, Any] | Skipped:
        """Convert a recording and write its part, where one is named."""
        item, path = task
        found = self.try_item(item)
        if isinstance(found, Skipped):
            return found
        try:
            if path is not None:
                _write_part(Path(path), *found)
        except (TypeError, ValueError) as error:
            return Skipped(item.path, _reason(error))
        return found[1]

    def try_item(
        self, item: Item
    ) -> tuple[dict[str, Any], dict[str, Any]] | Skipped:
        """Entry of the annotation file and facts, or why it is left out."""
        try:
            return self.prepare(item)
        except Exception as error:  # one bad file must not end the others
            return Skipped(item.path, _reason(error))

    def prepare(self, item: Item) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read, fit and label a recording."""
        expected = self.wanted.expected
        recording = self.source.read(item, expected.layout)
        recording = recording.but(name=item.name)
        given = self.wanted.given_for(item.name)
        recording = fit(recording, replace(expected, fps=None), given)
        recording = self.source.label(item, recording)
        if expected.fps is not None:
            recording = resample(recording, expected.fps)
        label, classes = recording.label, self.metainfo.get('classes')
        count = len(classes) if classes else MAX_CLASS
        if label is not None and not (is_int(label) and 0 <= label < count):
            raise DataError(
                f"{recording.source}, key 'label': found {show(label)}; "
                'expected the index of a class'
            )
        if not recording.present.any():
            recording = recording.noted(
                'no body in any frame', recording.num_frames
            )
        entry = {**entry_of(recording), **self.source.more(item)}
        segments, layout = recording.segments, recording.layout
        return entry, dict(
            name=item.name,
            path=item.path,
            shape=list(recording.keypoint.shape),
            layout=_layout_facts(layout),
            total_frames=recording.num_frames,
            fps=recording.fps,
            unit=recording.unit,
            label=label,
            untrimmed=segments is not None,
            scored=recording.score is not None,
            segment_labels=[] if segments is None else segments.label.tolist(),
            largest=float(np.abs(recording.keypoint).max()),
            trunk=trunk_axis(recording.keypoint, recording.bodies, layout),
            notes=[[note.text, note.look_at] for note in recording.notes],
        )


def entry_of(recording: Recording) -> dict[str, Any]:
    """A recording as an entry of an annotation file."""
    segments, tracks = recording.segments, recording.tracks
    entry: dict[str, Any] = dict(
        frame_dir=recording.name,
        total_frames=recording.num_frames,
        keypoint=recording.keypoint,
        fps=recording.fps,
        keypoint_score=recording.score,
        img_shape=recording.img_shape,
        label=recording.label,
    )
    entry = {key: value for key, value in entry.items() if value is not None}
    if tracks != tuple(map(str, range(len(tracks)))):
        entry['track_ids'] = list(tracks)
    if segments is not None:
        entry['segments'] = segments.bounds.astype(np.int64)
        entry['segment_labels'] = segments.label
    return entry


def _layout_facts(layout: SkeletonLayout) -> dict[str, Any]:
    """Joints as the metainfo has them; the name only if it is built in."""
    facts: dict[str, Any] = {}
    if layout.name in layout_names() and get_layout(layout.name) == layout:
        facts['layout'] = layout.name
    facts['joint_names'] = list(layout.joint_names)
    facts['parents'] = [int(parent) for parent in layout.parents]
    return facts


def _reason(error: Exception) -> str:
    text = str(error) or show(error)
    known = isinstance(error, (ValueError, OSError))
    return text if known else f'{type(error).__name__}: {text}'


# All of them


def _items(
    source: Source, report: Report, own: Iterable[Path] = ()
) -> list[Item]:
    """Recordings of the source, each name once, our own files left out."""
    ours = {os.path.abspath(path) for path in own}
    seen: dict[str, str] = {}
    items = []
    for item in source.items():
        if os.path.abspath(item.path) in ours:
            continue
        if item.name in seen:
            reason = f'{item.name!r} is also the name of {seen[item.name]}'
            source.skip(item.path, reason)
            continue
        seen[item.name] = item.path
        items.append(item)
    report.skipped += [
        skipped
        for skipped in source.skipped
        if os.path.abspath(skipped.path) not in ours
    ]
    report.notes += source.notes
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
        else:
            report.take(item.name, result['notes'])
    listed = [item for item in readable if item.name not in left_out]
    report.listed = [item.name for item in listed]
    report.converted = len(listed)
    _choose_splits(work.source, [vars(i) for i in listed], splits, report)
    classes = work.metainfo.get('classes')
    report.count_classes([item.fields for item in listed], classes)
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
            path = folder / _part_name(work, item)
        except OSError as error:
            report.skipped.append(Skipped(item.path, str(error)))
            continue
        facts = _read_facts(path) if path.exists() else None
        if facts is None:
            todo.append((index, path))
            tasks.append((item, str(path)))
        else:
            found[index] = facts, path
    report.reused = len(found)
    if workers is None:
        cores = getattr(os, 'sched_getaffinity', lambda _: range(4))(0)
        enough = 1 + len(todo) // WORTH_A_WORKER
        workers = min(len(cores), MAX_WORKERS, enough)
    skipped: dict[int, Skipped] = {}
    with (
        progress_bar('converting', len(todo), progress) as bar,
        closing(work_through(work, tasks, workers)) as results,
    ):
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
            bar.update()
    report.skipped += [skipped[index] for index in sorted(skipped)]
    return [found[index] for index in sorted(found)]


def _agreeing(parts: Parts, work: Work, dtype: str, report: Report) -> Parts:
    """Recordings that fit into one file; the others are reported."""
    _compare_axes(parts, work, report)
    bodies = [
        json.dumps([f['layout'], *f['shape'][2:]], sort_keys=True)
        for f, _ in parts
    ]
    usual = Counter(bodies).most_common(1)[0][0] if bodies else ''
    untrimmed = any(facts['untrimmed'] for facts, _ in parts)
    limit = float(np.finfo(dtype).max)
    kept = []
    for body, (facts, path) in zip(bodies, parts):
        reason = ''
        if body != usual:
            mine, V, C = json.loads(body)
            other, *most = json.loads(usual)
            reason = (
                f'it has {V} joints with {C} coordinates{_named(mine)}, most '
                f'have {most[0]} with {most[1]}{_named(other)}; a file holds '
                'one body'
            )
        elif untrimmed and facts['label'] is not None:
            reason = 'it has one label, others have segments; move it'
        elif facts['largest'] > limit:
            reason = (
                f'values up to {facts["largest"]:g} do not fit into {dtype}; '
                'use float32 or metres'
            )
        if reason:
            report.skipped.append(Skipped(facts['path'], reason))
            continue
        report.take(facts['name'], facts['notes'])
        strange = [text for text, look_at in facts['notes'] if look_at]
        if report.strict and strange:
            reason = f'it is to be looked at (--strict): {strange[0]}'
            report.skipped.append(Skipped(facts['path'], reason))
            continue
        kept.append((facts, path))
    return kept


def _named(layout: Mapping[str, Any]) -> str:
    return f' ({layout["layout"]})' if 'layout' in layout else ''


def _compare_axes(parts: Parts, work: Work, report: Report) -> None:
    """Note recordings whose trunks point elsewhere than the others'."""
    if work.source.published:
        return
    axes = Counter(f['trunk'] for f, _ in parts if f['trunk'] is not None)
    usual = max(axes, key=lambda axis: (axes[axis], axis == 'y'), default='y')
    for facts, _ in parts:
        axis, name = facts['trunk'], facts['name']
        told = any('trunks point' in text for text, _ in facts['notes'])
        if axis in (None, usual) or told:
            continue
        text = (
            f'trunks point along {axis}, those of {axes[usual]} other '
            f'recordings along {usual}, and training takes one axis for all; '
            f'if nobody lies, say which is up: --for {name} up={axis}'
        )
        facts['notes'] = [*facts['notes'], [text, True]]
    if usual != 'y':
        text = f'trunks point along {usual} in {axes[usual]} of {len(parts)}'
        text += f' recordings; if nobody lies, --up={usual} makes it y'
        report.take('', [(text, False)])


def _scored(facts: Sequence[dict[str, Any]], report: Report) -> bool:
    """Whether all have scores; else those of some are left out."""
    scored = [f['name'] for f in facts if f['scored']]
    if len(scored) not in (0, len(facts)):
        text = 'the scores of its joints are left out, others have none'
        report.notes += [(name, text) for name in scored]
    return len(scored) == len(facts)


def _metainfo(
    work: Work, facts: Sequence[dict[str, Any]], report: Report
) -> dict[str, Any]:
    """Metainfo of the output, whose recordings are counted."""
    metainfo, expected = dict(work.metainfo), work.wanted.expected
    if expected.layout is not None or 'parents' not in metainfo:
        metainfo.pop('layout', None)
        metainfo.update(facts[0]['layout'])
    rates = Counter(f['fps'] for f in facts if f['fps'] is not None)
    if rates:
        metainfo['fps'] = rates.most_common(1)[0][0]
    if len(rates) > 1:
        listed = ', '.join(f'{rate:g}' for rate in sorted(rates)[:6])
        text = f'the recordings have several frame rates ({listed}); '
        report.take('', [(f'{text}bring them to one with --fps', True)])
    unknown = len(facts) - sum(rates.values())
    if rates and unknown:
        text = (
            f'{unknown} of {len(facts)} recordings state no frame rate; they '
            f'count as having {metainfo["fps"]:g} frames/s, as others do'
        )
        report.take('', [(text, True)])
    if expected.persons is not None:
        metainfo['persons'] = int(expected.persons)
    earlier = metainfo.get('max_gap')
    earlier = earlier if isinstance(earlier, int) else 0
    metainfo['max_gap'] = max(expected.max_gap, earlier)
    units = Counter(f['unit'] for f in facts)
    metainfo.pop('unit', None)
    if len(units) == 1 and None not in units:
        metainfo['unit'] = facts[0]['unit']
    elif any(unit in UNITS for unit in units):
        text = (
            f'{units[expected.unit]} of {len(facts)} recordings are in '
            'metres, the others state no unit of length; say it with --unit'
        )
        report.take('', [(text, True)])
    report.count(facts, metainfo)
    return metainfo


def _choose_splits(
    source: Source,
    facts: Sequence[Mapping[str, Any]],
    splits: Any,
    report: Report,
) -> dict[str, list[str]]:
    """Names of each split that has any; None takes the source's own."""
    names = [f['name'] for f in facts]
    splits = source.splits(names) if splits is None else splits
    chosen, report.missing = apply_splits(splits, names)
    report.splits = {split: len(members) for split, members in chosen.items()}
    for split, members in chosen.items():
        if not members:
            report.take('', [(f'split {split!r} has no recording', True)])
    return {split: members for split, members in chosen.items() if members}


# The output


def check_output(output: Any, dtype: str) -> Path:
    """Refuse what could not be written in the end."""
    output = Path(output)
    if output.suffix not in ('.pkl', STORE):
        raise DataError(
            f'{output} ends in {output.suffix!r}; expected .pkl for an '
            'annotation file or .safetensors for a store'
        )
    if output.is_dir():
        raise DataError(f'{output} is a folder; name a file')
    if dtype not in DTYPES:
        raise DataError(f'dtype={dtype!r} is unknown; use one of {DTYPES}')
    return output


def write_output(
    output: Path,
    entries: Iterable[Mapping[str, Any]],
    metainfo: Mapping[str, Any],
    splits: Mapping[str, Sequence[str]],
    dtype: str = 'float32',
) -> None:
    """Write a store, one entry at a time, or a pickle of all."""
    if output.suffix == STORE:
        from mmsnip.io.store_writer import write_store

        write_store(output, entries, metainfo, splits, dtype)
        return
    videos = []
    for entry in map(dict, entries):
        for key in ('keypoint', 'keypoint_score'):
            if isinstance(entry.get(key), np.ndarray):
                with np.errstate(over='ignore'):  # the check finds infinity
                    entry[key] = np.ascontiguousarray(entry[key], dtype)
        videos.append(entry)
    data = dict(
        metainfo=dict(metainfo),
        split={split: list(names) for split, names in splits.items()},
        annotations=videos,
    )
    save_annotation(output, data)


def pack(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    dtype: str = 'float32',
) -> Report:
    """Turn an annotation file into a store, or a store into one."""
    path, output = Path(path), check_output(output, dtype)
    if path.suffix == STORE:
        from mmsnip.io.store import SkeletonStore

        store = SkeletonStore(path)
        metainfo, videos = store.metainfo, store
        entries = [store.info(i) for i in range(len(store))]
        splits = {
            split: [store.name(int(i)) for i in indices]
            for split, indices in store.splits.items()
        }
    else:
        data = load_annotation(path)
        metainfo, splits = data['metainfo'], data['split']
        videos = entries = data['annotations']
    write_output(output, videos, metainfo, splits, dtype)
    report = Report(str(output), len(videos))
    report.splits = {split: len(names) for split, names in splits.items()}
    report.count(entries, metainfo)
    save_report(report)
    return report


# Parts


def parts_folder(output: str | os.PathLike[str]) -> Path:
    """Folder that keeps what is converted beside an unfinished output."""
    output = Path(output)
    return output.with_name(f'{output.name}.parts')


@contextmanager
def only_one(output: str | os.PathLike[str]) -> Iterator[None]:
    """Keep a second process from the same output; the system frees a lock."""
    folder = parts_folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / LOCK
    with lock.open('w') as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f'{output} is being made by another process; wait for it, or '
                'name another output'
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def _part_name(work: Work, item: Item) -> str:
    """A hash of all that the content depends on, so a part is never stale."""
    kind = type(work.source)
    files = []
    for path in (item.path, *item.also_reads):
        stat = os.stat(path)
        files.append((os.path.abspath(path), stat.st_size, stat.st_mtime_ns))
    key = dict(
        format=FORMAT,
        version=__version__,
        source=f'{kind.__module__}.{kind.__qualname__}',
        options=work.source.options(),
        name=item.name,
        fields=item.fields,
        files=files,
        expected=vars(work.wanted.expected),
        given=vars(work.wanted.given_for(item.name)),
    )
    text = json.dumps(to_plain(key), sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:40] + ENDING


def _write_part(
    path: Path, entry: Mapping[str, Any], facts: Mapping[str, Any]
) -> None:
    """Write one recording; it is there as a whole or not at all."""
    arrays: dict[str, np.ndarray] = {}
    listed: list[list[Any]] = []
    for key, value in entry.items():
        if isinstance(value, np.ndarray) and value.dtype.hasobject:
            raise TypeError(f'{key} is an array of objects')
        if isinstance(value, np.ndarray):
            listed.append([key, f'array_{len(arrays)}', None])
            arrays[listed[-1][1]] = value
        else:
            listed.append([key, None, to_plain(value)])
    for key, content in (('entry', listed), ('facts', facts)):
        arrays[key] = np.frombuffer(json.dumps(content).encode(), np.uint8)
    with draft_of(path) as draft, draft.open('wb') as file:
        np.savez(file, **arrays)


def _read_facts(path: Path) -> dict[str, Any] | None:
    """Facts of a part; None where it was cut off by a crash."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts = json.loads(arrays['facts'].tobytes())
    except Exception:  # whatever numpy and zipfile say of half a file
        return None
    return facts if isinstance(facts, dict) else None


def _read_part(path: Path, scores: bool = True) -> dict[str, Any]:
    """Entry of a part; one that was damaged since is removed."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {
                key: value if array is None else arrays[array]
                for key, array, value in json.loads(arrays['entry'].tobytes())
                if scores or key != 'keypoint_score'
            }
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise OSError(
            f'{path} was damaged ({error}) and is removed; give the same '
            'command again'
        ) from error
