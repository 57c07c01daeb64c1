"""What the doctor found: lines to read, and lines fit for an issue."""

from __future__ import annotations

import getpass
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

__all__ = [
    'NOTE',
    'OK',
    'PROBLEM',
    'Finding',
    'as_dict',
    'format_findings',
    'scrub',
    'without_traces',
]

OK, NOTE, PROBLEM = 'OK', 'note', 'problem'
# Absolute paths, of which these say nothing of anybody.
_PATHS = re.compile(
    r'(?<![\w:/.<>])(?:~?/[^\s\'",;:()]+|[A-Za-z]:\\[^\s\'",;()]+)'
)
_KEPT = ('/dev/shm', '/dev/null')


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    Args:
        check (str): What was looked at.
        state (str): `OK`, `NOTE` or `PROBLEM`.
        text (str): What was found.
        remedy (str): What to do, one line; every problem has one.
    """

    check: str
    state: str
    text: str
    remedy: str = ''


def format_findings(findings: Sequence[Finding]) -> str:
    """A finding a line, its remedy below it, then a count.

    Args:
        findings (Sequence[Finding]): In the order to be read.

    Returns:
        str: Lines without the last line break.
    """
    width = max((len(each.check) for each in findings), default=0)
    lines = []
    for each in findings:
        lines.append(f'{each.state:<8}{each.check:<{width}}  {each.text}')
        if each.remedy:
            lines.append(f'{"":<8}{"":<{width}}  -> {each.remedy}')
    count = sum(each.state == PROBLEM for each in findings)
    lines.append(
        'no problems found' if not count else f'{count} problem(s) to mend'
    )
    return '\n'.join(lines)


def as_dict(findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for programs.

    Args:
        findings (Sequence[Finding]): In the order to be read.

    Returns:
        dict[str, Any]: ``problems``, their number, and ``findings``.
    """
    return dict(
        problems=sum(each.state == PROBLEM for each in findings),
        findings=[asdict(each) for each in findings],
    )


def without_traces(findings: Iterable[Finding]) -> list[Finding]:
    """Without what tells who ran it where: paths, host and user name.

    Args:
        findings (Iterable[Finding]): Any.

    Returns:
        list[Finding]: As many.
    """
    return [
        replace(each, text=scrub(each.text), remedy=scrub(each.remedy))
        for each in findings
    ]


def scrub(text: str) -> str:
    """A text without paths, host and user name.

    Args:
        text (str): Any.

    Returns:
        str: With ``<path>``, ``<host>`` and ``<user>`` in their places.

    Examples:
        >>> scrub('cannot open /srv/mine/lib.so: no space on /dev/shm')
        'cannot open <path>: no space on /dev/shm'
    """
    # These may hold blanks, which the pattern of a path stops at.
    for folder in _folders():
        tail = re.escape(folder) + r'[^\s\'",;:()]*'
        text = re.sub(tail, '<path>', text)
    text = _PATHS.sub(
        lambda match: match[0] if match[0] in _KEPT else '<path>', text
    )
    for mark, names in (('<host>', _hosts()), ('<user>', _users())):
        for name in names:
            pattern = rf'(?<![\w<-]){re.escape(name)}(?![\w>-])'
            text = re.sub(pattern, mark, text)
    return text


def _folders() -> list[str]:
    """Folders of this run, the longest first."""
    found = {sys.prefix, sys.base_prefix}
    for ask in (Path.home, Path.cwd):
        try:
            found.add(str(ask()))
        except (OSError, RuntimeError):
            continue  # no home, or the working directory is gone
    deep = [folder for folder in found if len(Path(folder).parts) > 2]
    return sorted(deep, key=len, reverse=True)


def _hosts() -> list[str]:
    full = platform.node()
    names = {full, full.split('.')[0]}
    return sorted(filter(None, names), key=len, reverse=True)


def _users() -> list[str]:
    try:
        return list(filter(None, {getpass.getuser(), Path.home().name}))
    except (KeyError, ImportError, OSError, RuntimeError):
        return []  # a user id without a name, as in some containers
