"""Workarounds for the versions of our neighbours, each with its expiry.

``bridge_mmaction_wheel`` runs when the package is imported and loads nothing
heavy. ``prepare`` is called once, by ``mmsnip.registry``, before anything of
ours is built. It raises ``VersionError``, a RuntimeError: mmengine swallows an
ImportError raised while it looks for a registry.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import io
import sys
import types
import warnings
from pathlib import Path
from typing import Any

__all__ = [
    'VersionError',
    'accept_stage_tuples',
    'check_versions',
    'load_checkpoint',
    'prepare',
]

# Distribution: versions that fit, and the command that installs one.
SUPPORTED = {
    'torch': ('>=2.6', 'pip install torch'),
    'numpy': ('>=1.22', 'pip install "numpy>=1.22"'),
    'mmengine': ('>=0.8.0,<1.0.0', 'pip install "mmengine>=0.10.7,<1.0"'),
    'mmcv': (
        '>=2.0.0,<2.2.0',
        'pip install "mmcv-lite>=2.0.1,<2.1" (or mmcv itself, never both)',
    ),
    'mmaction2': ('>=1.1.0,<1.3.0', 'pip install "mmaction2>=1.1.0,<1.3"'),
}


class VersionError(RuntimeError):
    """A neighbour is missing or has a version that mmsnip does not fit."""


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def unfit_versions() -> dict[str, tuple[str, str]]:
    """What was found and the remedy, of each neighbour that does not fit."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    unfit = {}
    lite = _installed('mmcv-lite')
    for name, (wanted, remedy) in SUPPORTED.items():
        found = _installed(name)
        if name == 'mmcv':
            if found and lite:
                unfit[name] = (
                    f'mmcv {found} and mmcv-lite {lite} are both installed '
                    'and overwrite each other',
                    f'pip uninstall -y mmcv mmcv-lite && {remedy}',
                )
                continue
            found = found or lite
            if Version(_installed('mmaction2') or '1.2') < Version('1.2.0'):
                wanted = '>=2.0.0,<2.1.0'  # its own import demands it
        if found is None:
            text = f'{name} is not installed'
        elif not SpecifierSet(wanted).contains(found, prereleases=True):
            text = f'{name} {found} is installed'
        else:
            continue
        unfit[name] = f'{text}, mmsnip needs {name} {wanted}', remedy
    return unfit


def check_versions() -> None:
    """Check that the installed neighbours fit."""
    unfit = unfit_versions().values()
    if unfit:
        raise VersionError(
            'mmsnip does not fit the packages of this environment:\n- '
            + '\n- '.join(f'{text}; run: {remedy}' for text, remedy in unfit)
        )


def bridge_mmaction_wheel() -> None:
    """Stand in for what the wheel of mmaction2 1.2.0 lacks.

    Its ``mmaction.models.localizers`` imports ``drn``, a folder that was left
    out of the wheel, and ``mmaction.utils`` imports ``importlib_metadata``,
    which is not among its requirements. A source install has both, and then
    nothing is done. Delete when 1.2.0 from PyPI is no longer supported.
    """
    spec = importlib.util.find_spec('mmaction')
    if spec is None or not spec.submodule_search_locations:
        return
    if not (_installed('mmaction2') or '').startswith('1.2'):
        return
    if importlib.util.find_spec('importlib_metadata') is None:
        sys.modules['importlib_metadata'] = importlib.metadata
    name = 'mmaction.models.localizers.drn'
    folder = Path(next(iter(spec.submodule_search_locations)))
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


def _statistic(owner: type, name: str) -> Any:
    """What ``getattr`` may do while a checkpoint is read: very little.

    A pickled ``HistoryBuffer`` looks up its own statistics by ``getattr``.
    The real one would open every attribute of every allowed type.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    if owner is HistoryBuffer and name in ('min', 'max', 'current', 'mean'):
        return getattr(owner, name)
    raise ValueError(
        f'the checkpoint asks for the attribute {name!r} of {owner!r}; only '
        'the statistics of HistoryBuffer are allowed'
    )


def mmengine_types() -> dict[str, Any]:
    """What mmengine's checkpoints hold beside tensors, by pickled name."""
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    found = {
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'builtins.getattr': _statistic,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
    }
    for kind in ('float64', 'float32', 'float16', 'int64', 'int32', 'bool'):
        dtype = type(np.dtype(kind))
        found[f'{dtype.__module__}.{dtype.__name__}'] = dtype
    # Files written under either major version of numpy load.
    for core in ('numpy._core', 'numpy.core'):
        array, scalar = np.empty(0), np.float64(0)
        found[f'{core}.multiarray._reconstruct'] = array.__reduce__()[0]
        found[f'{core}.multiarray.scalar'] = scalar.__reduce__()[0]
    return found


def allow_checkpoint_types() -> None:
    """Let ``torch.load`` read mmengine's own checkpoints.

    torch loads with ``weights_only=True`` and mmengine <= 0.10.7 keeps
    a ``HistoryBuffer`` (numpy arrays inside) of each logged value in a
    checkpoint. Exactly these types are allowed; everything else stays
    refused. Delete when mmengine registers them itself.
    """
    import torch

    torch.serialization.add_safe_globals(
        [(value, name) for name, value in mmengine_types().items()]
    )


def load_checkpoint(data: bytes) -> Any:
    """Content of a checkpoint of mmengine; nothing in it is executed."""
    import torch

    return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)


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


def resume_without_running_configs() -> None:
    """Keep mmengine from running the config of a checkpoint it resumes.

    ``Runner.resume`` of mmengine <= 0.10.7 writes ``meta['config']`` of the
    checkpoint to a ``.py`` file and executes it, to read ``gpu_ids`` there,
    which runners of today do not have. Its own checkpoints have no such key.
    Delete when it stops.
    """
    from mmengine.runner import Runner

    if getattr(Runner.load_checkpoint, 'drops_config', False):
        return
    load = Runner.load_checkpoint

    @functools.wraps(load)
    def load_checkpoint(self: Any, *args: Any, **kwargs: Any) -> Any:
        checkpoint = load(self, *args, **kwargs)
        if isinstance(checkpoint.get('meta'), dict):
            checkpoint['meta'].pop('config', None)
        return checkpoint

    load_checkpoint.drops_config = True
    Runner.load_checkpoint = load_checkpoint


def prepare() -> None:
    """Check the versions and make the neighbours fit, in that order."""
    check_versions()
    # It recommends the full mmcv for an operator that nothing here uses.
    warnings.filterwarnings(
        'ignore', message='Fail to import ``MultiScaleDeformableAttention``'
    )
    allow_checkpoint_types()
    resume_without_running_configs()
