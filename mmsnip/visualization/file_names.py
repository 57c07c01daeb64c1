"""File names out of names that came with the data."""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r'[^\w.-]+')
_RESERVED = re.compile(r'(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
_MAX_BYTES = 120


def safe_file_name(name: str) -> str:
    """Name that stays inside its folder on every file system.

    Separators, leading dots, spaces and control characters go, long names
    are cut. A name that had to change ends in eight hexadecimal digits of
    its own hash, so that two different names stay two files.

    Args:
        name (str): Any text, such as a video's ``frame_dir``.

    Returns:
        str: File name without a folder, at most 129 bytes of UTF-8.

    Examples:
        >>> safe_file_name('S001C001P001R001A001')
        'S001C001P001R001A001'
        >>> safe_file_name('../../etc/passwd')
        'etc_passwd-3754d6cb'
    """
    text = str(name)
    clean = _UNSAFE.sub('_', text).strip('._')
    clean = clean.encode('utf-8', 'ignore')[:_MAX_BYTES].decode(
        'utf-8', 'ignore'
    )
    if clean and clean == text and not _RESERVED.match(clean):
        return clean
    digest = hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()
    return f'{clean or "video"}-{digest[:8]}'
