"""Give foreign bytes to a reader: a result or our own error may come."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from mmsnip.structures import DataError


def read_or_refuse(read, content, suffix='.txt'):
    """Any other error than `DataError` leaves this function."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'foreign{suffix}')
        path.write_bytes(content)
        try:
            found = read(path)
        except DataError as error:
            named = str(path) in str(error)
            if not named:
                raise AssertionError(f'no file in {error}') from error
        else:
            keypoint = found[0] if isinstance(found, tuple) else found.keypoint
            assert keypoint.dtype == np.float32
            assert keypoint.ndim == 4
            assert np.isfinite(keypoint).all()
