"""Where tools and configs lie: in the checkout, or inside the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ['MARKS', 'find_config', 'home', 'list_configs', 'with_configs']

PACKAGE = Path(__file__).resolve().parents[1]
# site-packages may hold anybody's `tools`; all of these only a checkout has.
MARKS = ('setup.py', 'tools/train.py', 'configs/custom/localize.py')


def home(package: Path = PACKAGE) -> Path | None:
    """Folder that holds ``tools`` and ``configs``.

    Args:
        package (Path): Folder of the package. Defaults to this one.

    Returns:
        Path | None: The checkout around the package, else its ``.mim``, where
        a wheel has them; None where neither is there.
    """
    checkout = package.parent
    if all((checkout / mark).is_file() for mark in MARKS):
        return checkout
    inside = package / '.mim'
    if all((inside / mark).is_file() for mark in MARKS[1:]):
        return inside
    return None


def find_config(given: str, folder: Path | None) -> str:
    """Path of a config: the working directory's, else the one that came along.

    Args:
        given (str): As on the command line, ``configs/custom/localize.py`` or
            ``custom/localize.py``.
        folder (Path | None): Of `home`.

    Returns:
        str: ``given`` where such a file exists here, or none does there.
    """
    if folder is None or Path(given).is_absolute() or Path(given).exists():
        return given
    for base in (folder, folder / 'configs'):
        # No way out of the folder: `../x.py` means the user's own.
        if (base / given).is_file() and '..' not in Path(given).parts:
            return str(base / given)
    return given


def with_configs(arguments: Sequence[str], folder: Path | None) -> list[str]:
    """The arguments, their config replaced by where it lies.

    The config is the first argument that ends in ``.py``; what follows
    ``--cfg-options`` never is.

    Args:
        arguments (Sequence[str]): Of a tool.
        folder (Path | None): Of `home`.

    Returns:
        list[str]: As many.
    """
    found = list(arguments)
    for index, text in enumerate(found):
        if text.endswith('.py') and not text.startswith('-'):
            if '=' not in text:
                found[index] = find_config(text, folder)
            break
    return found


def list_configs(folder: Path | None) -> list[str]:
    """Configs that can be run, for completion.

    Args:
        folder (Path | None): Of `home`.

    Returns:
        list[str]: Paths below ``folder`` with forward slashes, sorted.
    """
    if folder is None:
        return []
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    )
