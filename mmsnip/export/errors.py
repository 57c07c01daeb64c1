"""What an export is refused with."""

from __future__ import annotations

__all__ = ['ExportError']


class ExportError(RuntimeError):
    """A model cannot be exported, or its file is not what it should be."""
