"""Files that appear complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ['draft_of']


@contextmanager
def draft_of(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file beside ``path`` that replaces it once it is complete.

    Where the body raises, ``path`` stays as it was and the draft is removed.

    Args:
        path (str | os.PathLike[str]): File to write; folders are made.

    Yields:
        Path: The file to write instead.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
