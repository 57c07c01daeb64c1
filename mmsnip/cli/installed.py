"""Python and the packages beside us, by their metadata: none is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mmsnip import __version__, compat
from mmsnip.cli.findings import NOTE, OK, PROBLEM, Finding

__all__ = ['installed_findings', 'version_of']

TESTED_PYTHONS = ((3, 10), (3, 12))
DRN = 'mmaction.models.localizers.drn'
OPENCV = (
    *('opencv-python', 'opencv-python-headless'),
    *('opencv-contrib-python', 'opencv-contrib-python-headless'),
)
REQUIREMENT = re.compile(r'([\w.-]+)[\[\]\w, ]*\(?(?:>=\s*([\d.]+))?')


def version_of(name: str) -> str | None:
    """Version of a distribution.

    Args:
        name (str): As pip knows it.

    Returns:
        str | None: None where it is not installed, or its metadata is
        damaged.
    """
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed_findings(home: Path | None) -> list[Finding]:
    """Everything that can be told without importing anything.

    Args:
        home (Path | None): Of `mmsnip.cli.places.home`.

    Returns:
        list[Finding]: Ourselves, Python, neighbours, requirements, extras.
    """
    return [
        _ourselves(home),
        _python(),
        *_neighbours(),
        *_requirements(home),
        _opencv(),
        _torchvision(),
        _onnxruntime(),
    ]


def _ourselves(home: Path | None) -> Finding:
    if home is None:
        return Finding(
            'mmsnip',
            PROBLEM,
            f'{__version__}, without its tools and configs',
            'pip install --force-reinstall --no-deps mmsnip (or, in a '
            'checkout, pip install -e .)',
        )
    place = 'a wheel' if home.name == '.mim' else 'a checkout'
    text = f'{__version__}, from {place}'
    return Finding('mmsnip', OK, text)


def _python() -> Finding:
    low, high = TESTED_PYTHONS
    here = sys.version_info[:2]
    text = f'{platform.python_version()}, {platform.system()} on '
    text += platform.machine()
    if here < low:
        remedy = f'install Python {low[0]}.{low[1]} or later'
        return Finding('python', PROBLEM, text, remedy)
    if here > high:
        text += f'; nobody has tried mmsnip on more than 3.{high[1]}'
        return Finding('python', NOTE, text)
    return Finding('python', OK, text)


def _neighbours() -> Iterator[Finding]:
    """Torch and the mm packages; the rules are those of `compat`."""
    wrong = {}
    try:
        compat.check_versions()
    except compat.VersionError as error:
        for line in str(error).split('\n- ')[1:]:
            text, _, remedy = line.partition('; run: ')
            wrong[text.split()[0]] = (text, remedy)
    for name in compat.SUPPORTED:
        if name in wrong:
            yield Finding(name, PROBLEM, *wrong[name])
            continue
        lite = version_of('mmcv-lite') if name == 'mmcv' else None
        text = f'{lite} (mmcv-lite)' if lite else str(version_of(name))
        if name == 'mmaction2' and _is_bridged():
            text += '; its wheel lacks the module drn, mmsnip stands in'
        yield Finding(name, OK, text)


def _is_bridged() -> bool:
    module = sys.modules.get(DRN)
    return module is not None and not hasattr(module, '__file__')


def _wanted(home: Path | None) -> list[str] | None:
    """Requirements, a line each; the checkout's own are never stale."""
    if home is not None and home.name != '.mim':
        try:
            text = (home / 'requirements' / 'runtime.txt').read_text('utf-8')
            return [line for line in text.splitlines() if line[:1].isalpha()]
        except OSError:
            pass
    try:
        return importlib.metadata.requires('mmsnip') or []
    except importlib.metadata.PackageNotFoundError:
        return None


def _requirements(home: Path | None) -> Iterator[Finding]:
    """What pip would have installed with mmsnip."""
    lines = _wanted(home)
    if lines is None:
        yield Finding(
            'requirements',
            NOTE,
            'mmsnip can be imported, but is not installed',
            'pip install -e . in its checkout',
        )
        return
    sound = []
    for line in lines:
        match = REQUIREMENT.match(line)
        if match is None or ';' in line or match[1] in compat.SUPPORTED:
            continue
        name, low = match[1], match[2]
        found = version_of(name)
        wanted = f'{name}>={low}' if low else name
        if found is None:
            text = f'not installed, mmsnip needs {wanted}'
        elif low and _numbers(found) < _numbers(low):
            text = f'{found} is installed, mmsnip needs {wanted}'
        else:
            sound.append(f'{name} {found}')
            continue
        yield Finding(name, PROBLEM, text, f'pip install "{wanted}"')
    if sound:
        yield Finding('requirements', OK, ', '.join(sound))


def _numbers(version: str) -> tuple[int, ...]:
    """``'3.10.0rc1'`` is (3, 10, 0)."""
    found = re.match(r'\d+(?:\.\d+)*', version)
    return tuple(map(int, found[0].split('.'))) if found else ()


def _opencv() -> Finding:
    found = [name for name in OPENCV if version_of(name)]
    if len(found) > 1:
        return Finding(
            'opencv',
            NOTE,
            f'{" and ".join(found)} overwrite each other',
            f'pip uninstall -y {" ".join(found)} && pip install '
            'opencv-python-headless',
        )
    if not found and importlib.util.find_spec('cv2') is None:
        return Finding(
            'opencv',
            PROBLEM,
            'not installed, mmengine and mmcv need it',
            'pip install opencv-python-headless',
        )
    text = f'{found[0]} {version_of(found[0])}' if found else 'cv2 is there'
    return Finding('opencv', OK, text)


def _torchvision() -> Finding:
    """None is needed; one for another torch breaks who imports it."""
    found, torch = version_of('torchvision'), version_of('torch')
    if found is None:
        return Finding('torchvision', OK, 'not installed, not needed')
    lines = importlib.metadata.requires('torchvision') or []
    pins = [re.match(r'torch\s*\(?==\s*([\d.]+)', line) for line in lines]
    made_for = next((pin[1] for pin in pins if pin), None)
    if made_for and torch and torch.split('+')[0] != made_for:
        return Finding(
            'torchvision',
            PROBLEM,
            f'{found} is made for torch {made_for}, {torch} is installed: '
            'whoever imports it fails',
            'pip uninstall -y torchvision (mmsnip does not need it)',
        )
    return Finding('torchvision', OK, f'{found}, not needed')


def _onnxruntime() -> Finding:
    for name in ('onnxruntime', 'onnxruntime-gpu'):
        if version_of(name):
            return Finding('onnxruntime', OK, f'{version_of(name)} ({name})')
    return Finding(
        'onnxruntime',
        NOTE,
        'not installed; only exported models need it',
        'pip install onnx onnxruntime onnxscript',
    )
