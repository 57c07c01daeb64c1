"""Where tools and configs lie: in the checkout, or inside the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ['find_config', 'home', 'list_configs', 'read_configs']

PACKAGE = Path(__file__).resolve().parents[1]
# site-packages may hold anybody's `tools`; all of these only a checkout has.
MARKS = ('setup.py', 'tools/train.py', 'configs/custom/localize.py')


def home(package: Path = PACKAGE) -> Path | None:
    """Folder that holds ``tools`` and ``configs``."""
    checkout = package.parent
    if all((checkout / mark).is_file() for mark in MARKS):
        return checkout
    inside = package / '.mim'
    if all((inside / mark).is_file() for mark in MARKS[1:]):
        return inside
    return None


def find_config(given: str, package: Path = PACKAGE) -> str:
    """Path of a config: the user's own, else the one that came along."""
    folder = home(package)
    if folder is None or Path(given).is_absolute() or Path(given).exists():
        return given
    for base in (folder, folder / 'configs'):
        # No way out of the folder: `../x.py` means the user's own.
        if (base / given).is_file() and '..' not in Path(given).parts:
            return str(base / given)
    return given


def read_configs(*names: str) -> dict[str, Any]:
    """Entries of configs that came along, each merged into those before."""
    from mmengine.config import Config, ConfigDict

    merged = ConfigDict()
    for name in names:
        path = home() / 'configs' / f'{name}.py'
        merged.merge(Config.fromfile(path).to_dict())
    return dict(merged)


def list_configs(folder: Path | None) -> list[str]:
    """Configs that can be run: paths below a folder, sorted."""
    if folder is None:
        return []
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    )
