"""What a conversion did: counts, what was left out, what was mended."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmsnip.conversion.source import Skipped
from mmsnip.structures.files import draft_of

__all__ = ['Report', 'format_report', 'report_path', 'save_report']

_NUMBER = re.compile(r'-?\d+(?:[.,]\d+)*')
_QUOTED = re.compile(r"'[^']*'")
MAX_CLASSES = 200  # that are printed
Note = 'tuple[str, str]'


@dataclass
class Report:
    """Result of a conversion.

    Attributes:
        output (str): File that was written, or would be.
        found (int): Recordings that the source listed.
        converted (int): Recordings in the output; in a dry run those that
            would be read.
        reused (int): Of these, kept from an interrupted run.
        frames (int): Of all recordings.
        hours (float): Of all recordings.
        seconds (float): That the conversion took.
        dry_run (bool): Whether nothing was written.
        classes (list[dict]): ``name``, ``videos`` (recordings with it) and
            ``segments`` of each.
        splits (dict[str, int]): Recordings of each.
        missing (dict[str, list[str]]): Names that a split asks for and that
            were not converted.
        skipped (list[Skipped]): What was left out and why.
        mended (list[tuple[str, str]]): Recording and what was repaired.
        warnings (list[tuple[str, str]]): Recording and what looks wrong.
        listed (list[str]): Names, in a dry run only.
    """

    output: str
    found: int = 0
    converted: int = 0
    reused: int = 0
    frames: int = 0
    hours: float = 0.0
    seconds: float = 0.0
    dry_run: bool = False
    classes: list[dict[str, Any]] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    mended: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether there is anything in the output."""
        return self.converted > 0

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; notes are grouped by kind."""
        content = asdict(self)
        for key in ('mended', 'warnings'):
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
    """Write the full report beside its output.

    Args:
        report (Report): Of a conversion.

    Returns:
        Path: File that was written.
    """
    path = report_path(report.output)
    with draft_of(path) as draft:
        text = json.dumps(report.to_dict(), indent=1)
        draft.write_text(text + '\n', encoding='utf-8')
    return path


def group_notes(notes: Iterable[Note]) -> dict[str, list[Note]]:
    """Notes that differ in their numbers and names only, most first.

    Args:
        notes (Iterable[tuple[str, str]]): Recording (or file) and sentence.

    Returns:
        dict[str, list[tuple[str, str]]]: Notes of each kind.

    Examples:
        >>> list(group_notes([('a', 'line 3: cut'), ('b', 'line 71: cut')]))
        ['line N: cut']
    """
    groups: dict[str, list[Note]] = {}
    for name, what in notes:
        kind = _word(name).sub('FILE', what) if name in what else what
        kind = _NUMBER.sub('N', _QUOTED.sub("'..'", kind))
        groups.setdefault(kind, []).append((name, what))
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def format_report(report: Report, shown: int = 3) -> str:
    """Lines for a terminal.

    Args:
        report (Report): Of a conversion.
        shown (int): Examples of each kind of note. Defaults to 3.

    Returns:
        str: Several lines, without a line break at the end.
    """
    done = 'would be read' if report.dry_run else 'converted'
    lines = [
        f'{report.converted} of {report.found} recordings {done}'
        + (f', {report.reused} of them before' if report.reused else '')
    ]
    if not report.dry_run and report.converted:
        lines[0] += (
            f'; {report.frames} frames, {report.hours:.2f} hours, in '
            f'{report.seconds:.1f} s'
        )
    for name in report.listed[: 3 * shown]:
        lines.append(f'  {name}')
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
        ('mended', report.mended),
        ('look at', report.warnings),
    ):
        lines += _note_lines(title, notes, shown)
    return '\n'.join(printable(line) for line in lines)


def printable(text: str) -> str:
    """Text that any terminal takes: names may be no UTF-8 at all.

    Args:
        text (str): Text, maybe with what stands for foreign bytes.

    Returns:
        str: One line; control characters and such bytes as escapes.
    """
    text = text.encode('utf-8', 'backslashreplace').decode('utf-8')
    return ''.join(
        c if c.isprintable() else c.encode('unicode_escape').decode()
        for c in text
    )


def _word(name: str) -> re.Pattern[str]:
    """A name that is no part of a longer word."""
    return re.compile(rf'(?<!\w){re.escape(name)}(?!\w)' if name else r'(?!)')


def _class_lines(classes: Sequence[dict[str, Any]]) -> list[str]:
    empty = len(classes)
    classes = [row for row in classes if row['videos']]
    empty -= len(classes)
    if not classes:
        return []
    width = max(5, *(len(row['name']) for row in classes)) + 2
    lines = [f'{"class":<{width}}{"videos":>8}{"segments":>10}']
    for row in classes[:MAX_CLASSES]:
        lines.append(
            f'{row["name"]:<{width}}{row["videos"]:>8}{row["segments"]:>10}'
        )
    if len(classes) > MAX_CLASSES:
        lines.append(f'... and {len(classes) - MAX_CLASSES} more classes')
    if empty:
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
