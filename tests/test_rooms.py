"""The floor plan of pyproject.toml holds; contracted names are public."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_imports_keep_to_the_floor_plan():
    """Layers, and rooms without torch and mm packages: import-linter."""
    done = subprocess.run(
        [Path(sys.executable).with_name('lint-imports'), '--no-cache'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_room_is_a_drawer():
    names = {path.stem for path in (ROOT / 'mmsnip').rglob('*.py')}

    assert not names & {'utils', 'helpers', 'misc', 'common'}


@pytest.mark.parametrize(
    ('room', 'names'),
    [
        (
            'models',
            'AGCN AimCLR CTRGCN STGCN FrameLocalizationHead '
            'GlobalContrastHead RVTCLR SkeletonCLR SkeletonLocalizer '
            'SnippetContrastHead UShapeFusionNeck load_official_state_dict',
        ),
        ('losses', 'info_nce snippet_info_nce'),
        (
            'evaluation',
            'segment_iou segments_from_frames babel_detections '
            'pkummd_detections evaluate_babel evaluate_pkummd '
            'evaluate_activitynet',
        ),
        (
            'datasets',
            'SkeletonLocalizationDataset BABELDataset PKUMMDDataset',
        ),
        ('apis', 'SkeletonLocalizationInferencer StreamingLocalizer'),
    ],
)
def test_contracted_names_are_public(room, names):
    module = importlib.import_module(f'mmsnip.{room}')

    for name in names.split():
        assert name in module.__all__
        assert getattr(module, name).__doc__
