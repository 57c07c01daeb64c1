"""Make each training that a page starts one short epoch.

A page shows the true command. ``install`` changes what mmengine's runner is
built from, in any process that has this in its ``sitecustomize``: one epoch
of few samples, whose checkpoint is called as the last of the true run would
be, so that the page's next command finds it.
"""

from __future__ import annotations

import functools
import importlib.machinery
import sys
from typing import Any

RUNNER = 'mmengine.runner.runner'


def shorten(cfg: Any) -> None:
    """One short epoch; ``cfg`` is changed in place."""
    for phase in ('train', 'val', 'test'):
        loader = cfg.get(f'{phase}_dataloader')
        if loader:
            loader['num_workers'] = 0
            loader['persistent_workers'] = False
    train = cfg.get('train_cfg')
    if not train or 'max_epochs' not in train:
        return
    checkpoint = cfg.setdefault('default_hooks', {}).setdefault(
        'checkpoint', dict(type='CheckpointHook')
    )
    checkpoint['interval'] = 1
    checkpoint['filename_tmpl'] = f'epoch_{train["max_epochs"]}.pth'
    train['max_epochs'] = 1
    train['val_interval'] = 1
    data = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    if 'samples_per_video' in data:
        data['samples_per_video'] = 1
    if 'min_samples' in data:
        data['min_samples'] = 0


def _change(module: Any) -> None:
    build = module.Runner.from_cfg.__func__

    @functools.wraps(build)
    def from_cfg(cls: type, cfg: Any) -> Any:
        shorten(cfg)
        return build(cls, cfg)

    module.Runner.from_cfg = classmethod(from_cfg)


class _Finder:
    """Wraps the loading of the runner's module, once."""

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> Any:
        if name != RUNNER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def load_and_change(module: Any) -> None:
            load(module)
            _change(module)

        spec.loader.exec_module = load_and_change
        return spec


def install() -> None:
    """From now on, in this process."""
    if RUNNER in sys.modules:
        _change(sys.modules[RUNNER])
    else:
        sys.meta_path.insert(0, _Finder())
