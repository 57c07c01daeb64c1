"""The floor plan: which room may import which, and the pure ones."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'mmsnip'
# A room may import rooms of its own floor or below.
FLOORS = [
    {'compat'},
    {'registry'},
    {'structures'},
    {'skeleton'},
    {'io', 'evaluation', 'losses', 'synthesis'},
    {'conversion', 'prepare', 'report'},
    {'datasets', 'transforms', 'models', 'visualization', 'hooks'},
    {'apis', 'export'},
    {'cli'},
]
FLOOR_OF = {room: n for n, rooms in enumerate(FLOORS) for room in rooms}
TORCH = {'torch'}
MM = {'mmengine', 'mmcv', 'mmaction'}
# Third-party packages that a pure room must not import.
FORBIDDEN = {
    'structures': TORCH | MM,
    'prepare': TORCH | MM,
    'skeleton': TORCH | MM,
    'io': TORCH | MM,
    'synthesis': TORCH | MM,
    'conversion': TORCH | MM,
    'evaluation': TORCH | MM,
    'report': TORCH | MM,
    'cli': TORCH | MM,
    'losses': MM,
}
FACES = {'evaluation/metric.py', 'cli/probe.py'}


def imports(path):
    """Modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            yield node.module


def modules():
    files = sorted(PACKAGE.rglob('*.py'))
    return [path for path in files if '.mim' not in path.parts]


def room_of(path):
    part = path.relative_to(PACKAGE).parts[0]
    return part[: -len('.py')] if part.endswith('.py') else part


@pytest.mark.parametrize(
    'path', modules(), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_point_down_only(path):
    room = room_of(path)
    if room == '__init__':
        assert set(imports(path)) <= {'mmsnip.compat'}
        return
    face = str(path.relative_to(PACKAGE)) in FACES
    for name in imports(path):
        parts = name.split('.')
        if parts[0] == 'mmsnip' and len(parts) > 1:
            assert FLOOR_OF[parts[1]] <= FLOOR_OF[room], f'{path}: {name}'
        elif not face:
            assert parts[0] not in FORBIDDEN.get(room, ()), f'{path}: {name}'


def test_no_room_is_a_drawer():
    names = {path.stem for path in modules()}

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
    ],
)
def test_contracted_names_are_public(room, names):
    module = importlib.import_module(f'mmsnip.{room}')

    for name in names.split():
        assert name in module.__all__
        assert getattr(module, name).__doc__
