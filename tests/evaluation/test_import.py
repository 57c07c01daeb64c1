"""The room imports numpy and exports the names of the contract."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
import mmsnip.evaluation, mmsnip.io.detections
heavy = {'torch', 'mmengine', 'mmcv', 'mmaction', 'scipy', 'matplotlib'}
sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)
"""


def test_importing_the_room_loads_neither_torch_nor_the_hosts():
    result = subprocess.run(
        [sys.executable, '-c', PROBE],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr.strip()) == (0, '')
