"""Workarounds for the versions of our neighbours, each with its expiry.

``bridge_mmaction_wheel`` runs when the package is imported and loads nothing
heavy. ``prepare`` is called once, by ``mmsnip.registry``, before anything of
ours is built. It raises ``VersionError``, a RuntimeError: mmengine swallows an
ImportError raised while it looks for a registry.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import io
import sys
import types
import warnings
from pathlib import Path
from typing import Any

from mmsnip.safe_checkpoint import mmengine_types, read_safely

__all__ = [
    'VersionError',
    'accept_stage_tuples',
    'check_versions',
    'load_checkpoint',
    'prepare',
]

# Distribution: (lowest, first too high), both as installed and run here.
SUPPORTED = {
    'torch': ('1.13', None),
    'numpy': ('1.22', None),
    'mmengine': ('0.8.0', '1.0.0'),
    'mmcv': ('2.0.0', '2.2.0'),
    'mmaction2': ('1.1.0', '1.3.0'),
}
HOW_TO_INSTALL = {
    'torch': 'pip install torch',
    'numpy': 'pip install "numpy>=1.22"',
    'mmengine': 'pip install "mmengine>=0.10.7,<1.0"',
    'mmcv': 'pip install "mmcv-lite>=2.0.1,<2.1" (or mmcv itself, never both)',
    'mmaction2': 'pip install "mmaction2>=1.1.0,<1.3"',
}


class VersionError(RuntimeError):
    """A neighbour is missing or has a version that mmsnip does not fit."""


def _digits(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: ``'2.13.0+cpu'`` is ``(2, 13, 0)``."""
    digits = []
    for part in version.split('+')[0].split('.')[:3]:
        number = ''
        for character in part:
            if not character.isdigit():
                break
            number += character
        digits.append(int(number or 0))
    return tuple(digits + [0] * (3 - len(digits)))


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_versions() -> None:
    """Check that the installed neighbours fit.

    Raises:
        VersionError: Naming each package that does not fit, the version that
            was found, the versions that fit and the command that installs
            one.
    """
    found = {name: _installed(name) for name in SUPPORTED}
    lite = _installed('mmcv-lite')
    wrong = []
    if lite and found['mmcv']:
        wrong.append(
            f'mmcv {found["mmcv"]} and mmcv-lite {lite} are both installed '
            'and overwrite each other; run: pip uninstall -y mmcv mmcv-lite '
            f'&& {HOW_TO_INSTALL["mmcv"]}'
        )
    found['mmcv'] = found['mmcv'] or lite
    supported = dict(SUPPORTED)
    if _digits(found['mmaction2'] or '1.2') < (1, 2, 0):
        supported['mmcv'] = ('2.0.0', '2.1.0')  # its own import demands it
    for name, (low, high) in supported.items():
        wanted = f'>={low}' + (f', <{high}' if high else '')
        version = found[name]
        if version is None:
            wrong.append(
                f'{name} is not installed, mmsnip needs {name} {wanted}; '
                f'run: {HOW_TO_INSTALL[name]}'
            )
        elif _digits(version) < _digits(low) or (
            high and _digits(version) >= _digits(high)
        ):
            wrong.append(
                f'{name} {version} is installed, mmsnip needs {name} '
                f'{wanted}; run: {HOW_TO_INSTALL[name]}'
            )
    if wrong:
        raise VersionError(
            'mmsnip does not fit the packages of this environment:\n- '
            + '\n- '.join(wrong)
        )


def bridge_mmaction_wheel() -> None:
    """Stand in for what the wheel of mmaction2 1.2.0 lacks.

    Its ``mmaction.models.localizers`` imports ``drn``, a folder that was left
    out of the wheel, and ``mmaction.utils`` imports ``importlib_metadata``,
    which is not among its requirements. A source install has both, and then
    nothing is done. Delete when 1.2.0 from PyPI is no longer supported.
    """
    folder = _folder('mmaction')
    if folder is None or _digits(_installed('mmaction2') or '') < (1, 2, 0):
        return
    if importlib.util.find_spec('importlib_metadata') is None:
        sys.modules['importlib_metadata'] = importlib.metadata
    name = 'mmaction.models.localizers.drn'
    if (folder / 'models' / 'localizers' / 'drn').is_dir():
        return

    class DRN:
        """Stand-in; the real DRN is missing from the installed wheel."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise ImportError(
                'DRN is missing from the mmaction2 1.2.0 wheel; install '
                'mmaction2 from its source to use it'
            )

    drn_package = types.ModuleType(name)
    drn_package.__path__ = []
    drn_module = types.ModuleType(f'{name}.drn')
    drn_module.DRN = DRN
    drn_package.drn = drn_module
    sys.modules[name] = drn_package
    sys.modules[f'{name}.drn'] = drn_module


def _folder(package: str) -> Path | None:
    """Folder of a package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def allow_checkpoint_types() -> None:
    """Let ``torch.load`` read mmengine's own checkpoints.

    torch >= 2.6 loads with ``weights_only=True`` and mmengine <= 0.10.7 keeps
    a ``HistoryBuffer`` (numpy arrays inside) of each logged value in a
    checkpoint. Exactly these types are allowed; everything else stays
    refused. Delete when mmengine registers them itself.
    """
    import torch

    if _digits(torch.__version__) < (2, 6, 0):
        return
    torch.serialization.add_safe_globals(
        [(value, name) for name, value in mmengine_types().items()]
    )


def load_checkpoint(data: bytes) -> Any:
    """Content of a checkpoint of mmengine; nothing in it is executed.

    Below torch 2.6 ``weights_only=True`` cannot be told what mmengine writes,
    and the reader of ``mmsnip.safe_checkpoint`` takes its place.

    Args:
        data (bytes): The file.

    Returns:
        Any: What it holds, on the CPU.

    Raises:
        pickle.UnpicklingError: If it holds anything else; a damaged file
            raises other errors, too.
    """
    import torch

    if _digits(torch.__version__) < (2, 6, 0):
        return read_safely(data)
    return torch.load(
        io.BytesIO(data), map_location='cpu', weights_only=True
    )


def accept_stage_tuples() -> None:
    """Let mmaction2's GCN head read the last of a backbone's stages.

    Our backbones return a tuple of stages, ``GCNHead`` of mmaction2 <= 1.2
    takes one tensor. Delete when it takes tuples itself.
    """
    from mmaction.models.heads import GCNHead

    if getattr(GCNHead.forward, 'takes_stages', False):
        return
    forward_tensor = GCNHead.forward

    def forward(self: Any, x: Any, **kwargs: Any) -> Any:
        if isinstance(x, (tuple, list)):
            x = x[-1]
        return forward_tensor(self, x, **kwargs)

    forward.takes_stages = True
    forward.__doc__ = forward_tensor.__doc__
    GCNHead.forward = forward


def silence_mmcv_lite() -> None:
    """Drop the warning that mmcv-lite gives at each import.

    It recommends the full mmcv for an operator that nothing here uses.
    """
    warnings.filterwarnings(
        'ignore', message='Fail to import ``MultiScaleDeformableAttention``'
    )


def prepare() -> None:
    """Check the versions and make the neighbours fit, in that order.

    Raises:
        VersionError: If a neighbour is missing or does not fit.
    """
    check_versions()
    silence_mmcv_lite()
    allow_checkpoint_types()
