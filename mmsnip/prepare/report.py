"""What a conversion did: counts, what was left out, what to look at."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmsnip.prepare.folder import Skipped
from mmsnip.structures.files import draft_of, is_text

__all__ = ['Report', 'format_report', 'report_path', 'save_report']

_NUMBER = re.compile(r'-?\d+(?:[.,]\d+)*')
_QUOTED = re.compile(r"'[^']*'")
MAX_CLASSES = 200  # that are printed
Note = 'tuple[str, str]'


@dataclass
class Report:
    """Result of a conversion."""

    output: str
    found: int = 0
    converted: int = 0  # in a dry run those that would be read
    reused: int = 0  # of an interrupted run
    frames: int = 0
    hours: float = 0.0  # of recordings whose rate is known
    unknown_rate: int = 0  # of the others, recordings
    seconds: float = 0.0
    dry_run: bool = False
    strict: bool = False
    classes: list[dict[str, Any]] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    look_at: list[Note] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is anything in the output."""
        return self.converted > 0

    @property
    def failed(self) -> bool:
        """Whether a strict conversion found something to look at."""
        return self.strict and any(name for name, _ in self.look_at)

    def take(self, name: str, notes: Iterable[tuple[str, bool]]) -> None:
        """Add the notes of a recording: sentence, and whether to look at."""
        for text, look_at in notes:
            (self.look_at if look_at else self.notes).append((name, text))

    def count(
        self,
        entries: Sequence[Mapping[str, Any]],
        metainfo: Mapping[str, Any],
    ) -> None:
        """Count recordings, frames, hours and classes of the output."""
        self.converted = len(entries)
        for entry in entries:
            T, fps = int(entry['total_frames']), entry.get('fps')
            fps = fps or metainfo.get('fps')
            self.frames += T
            self.unknown_rate += fps is None
            self.hours += 0.0 if fps is None else T / float(fps) / 3600
        self.count_classes(entries, metainfo.get('classes'))

    def count_classes(
        self,
        entries: Iterable[Mapping[str, Any]],
        classes: Sequence[str] | None,
    ) -> None:
        """Count videos and segments of each class."""
        videos: Counter = Counter()
        segments: Counter = Counter()
        for entry in entries:
            labels = entry.get('segment_labels')
            counts = Counter(() if labels is None else map(int, labels))
            segments.update(counts)
            videos.update(set(counts) | ({entry.get('label')} - {None}))
        names = list(classes or ())
        end = max(videos, default=-1) + 1
        names += [f'class_{i}' for i in range(len(names), end)]
        self.classes = [
            dict(name=name, videos=videos[i], segments=segments[i])
            for i, name in enumerate(names)
        ]

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; notes are grouped by kind."""
        content = asdict(self)
        for key in ('notes', 'look_at'):
            content[key] = [
                dict(
                    kind=kind,
                    count=len(notes),
                    recordings=len({name for name, _ in notes}),
                    each=[dict(name=name, what=what) for name, what in notes],
                )
                for kind, notes in group_notes(getattr(self, key)).items()
            ]
        return content


def report_path(output: str | os.PathLike[str]) -> Path:
    """Where the full report of an output lies."""
    output = Path(output)
    return output.with_name(f'{output.name}.report.json')


def save_report(report: Report) -> Path:
    """Write the full report beside its output."""
    path = report_path(report.output)
    with draft_of(path) as draft:
        text = json.dumps(report.to_dict(), indent=1)
        draft.write_text(text + '\n', encoding='utf-8')
    return path


def group_notes(notes: Iterable[Note]) -> dict[str, list[Note]]:
    """Notes that differ in their numbers and names only, most first."""
    groups: dict[str, list[Note]] = {}
    for name, what in notes:
        kind = _word(name).sub('FILE', what) if name in what else what
        kind = _NUMBER.sub('N', _QUOTED.sub("'..'", kind))
        groups.setdefault(kind, []).append((name, what))
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def format_report(report: Report, shown: int = 3) -> str:
    """Lines for a terminal, with so many examples of each kind of note."""
    done = 'would be read' if report.dry_run else 'converted'
    lines = [
        f'{report.converted} of {report.found} recordings {done}'
        + (f', {report.reused} of them before' if report.reused else '')
    ]
    if not report.dry_run and report.converted:
        known = report.converted - report.unknown_rate
        hours = f'{report.hours:.2f} hours, ' if known else ''
        if report.unknown_rate:
            hours += f'{report.unknown_rate} of unknown frame rate, '
        lines[0] += f'; {report.frames} frames, {hours}in '
        lines[0] += f'{report.seconds:.1f} s'
    lines += [f'  {name}' for name in report.listed[: 3 * shown]]
    if len(report.listed) > 3 * shown:
        lines.append(f'  ... and {len(report.listed) - 3 * shown} more')
    lines += _class_lines(report.classes)
    for split, count in report.splits.items():
        missing = len(report.missing.get(split, ()))
        less = f' ({missing} more are listed, but not here)' if missing else ''
        lines.append(f'split {split:<11} {count} videos{less}')
    skipped = [(note.path, note.reason) for note in report.skipped]
    for title, notes in (
        ('left out', skipped),
        ('noted', report.notes),
        ('look at', report.look_at),
    ):
        lines += _note_lines(title, notes, shown)
    return '\n'.join(printable(line) for line in lines)


def printable(text: str) -> str:
    """One line; control characters and odd bytes as escapes."""
    text = text.encode('utf-8', 'backslashreplace').decode('utf-8')
    return ''.join(
        c if is_text(c) else c.encode('unicode_escape').decode() for c in text
    )


def _word(name: str) -> re.Pattern[str]:
    """A name that is no part of a longer word."""
    return re.compile(rf'(?<!\w){re.escape(name)}(?!\w)' if name else r'(?!)')


def _class_lines(classes: Sequence[dict[str, Any]]) -> list[str]:
    there = [row for row in classes if row['videos']]
    if not there:
        return []
    width = max(5, *(len(row['name']) for row in there)) + 2
    head = dict(name='class', videos='videos', segments='segments')
    lines = [
        f'{row["name"]:<{width}}{row["videos"]:>8}{row["segments"]:>10}'
        for row in (head, *there[:MAX_CLASSES])
    ]
    if len(there) > MAX_CLASSES:
        lines.append(f'... and {len(there) - MAX_CLASSES} more classes')
    if len(there) < len(classes):
        empty = len(classes) - len(there)
        lines.append(f'{empty} further classes have no video')
    return lines


def _note_lines(title: str, notes: Sequence[Note], shown: int) -> list[str]:
    lines = []
    if notes:
        files = len({name for name, _ in notes})
        lines.append(f'{title}: {len(notes)} in {files} recordings or files')
    for group in group_notes(notes).values():
        lines.append(f'  {len(group)} of this kind:')
        for name, what in group[:shown]:
            told = not name or (name in what and _word(name).search(what))
            text = what if told else f'{name}: {what}'
            lines.append(f'    {text}')
        if len(group) > shown:
            lines.append(f'    ... and {len(group) - shown} more')
    return lines
