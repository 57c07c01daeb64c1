"""What the command lines share: arguments, config, processes, errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from mmengine.config import Config, DictAction
from torch import distributed

from mmsnip.apis.construction import explain_construction
from mmsnip.apis.custom import ChoiceError
from mmsnip.apis.devices import DeviceError
from mmsnip.compat import VersionError
from mmsnip.io.annotation import AnnotationError
from mmsnip.io.reading import SequenceError
from mmsnip.models.checkpoint import CheckpointError

__all__ = [
    'add_run_arguments',
    'fit_loaders',
    'load_config',
    'readable_errors',
    'start_processes',
]

# Streams that configs have by default; their work folders bear no name.
UNNAMED_STREAMS = ('joint', 'egocentric')


class ConfigOptions(DictAction):
    """Pairs of ``KEY=VALUE``; what is none ends in the usage."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Read the pairs into a dictionary."""
        for pair in values:
            key, equals, _ = pair.partition('=')
            if not (key and equals):
                parser.error(
                    f'{option_string}: {pair!r} is no KEY=VALUE, such as '
                    'train_cfg.max_epochs=10'
                )
        super().__call__(parser, namespace, values, option_string)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='override the config, e.g. model.backbone.base_channels=16',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='who started the processes',
    )
    # torchrun before torch 2.0 passes it; the environment has it as well.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help=argparse.SUPPRESS,
    )


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the shared arguments.

    Args:
        args (argparse.Namespace): With ``config``, ``work_dir``,
            ``cfg_options`` and ``launcher``.

    Returns:
        Config: The config; its ``work_dir`` is set, by default
        ``work_dirs/<name of the config>``, with ``-<stream>`` behind it
        where the config has a ``stream`` other than 'joint' and
        'egocentric', so that streams of one config do not overwrite each
        other.

    Raises:
        FileNotFoundError: If the config does not exist.
        SystemExit: If ``cfg_options`` name a place that it lacks.
    """
    if not Path(args.config).is_file():
        raise FileNotFoundError(f'{args.config}: no such config file')
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        try:
            cfg.merge_from_dict(args.cfg_options)
        except (KeyError, TypeError) as error:
            raise SystemExit(
                f'error: --cfg-options {" ".join(args.cfg_options)}: no such '
                f'place in {args.config} ({str(error.args[0])[:99]})'
            ) from None
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        name = Path(args.config).stem
        if cfg.get('stream', 'joint') not in UNNAMED_STREAMS:
            name = f'{name}-{cfg.stream}'
        cfg.work_dir = str(Path('work_dirs') / name)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    fit_loaders(cfg)
    start_processes(cfg)
    return cfg


def fit_loaders(cfg: Config) -> None:
    """Turn off what the loaders cannot do here.

    Workers persist only where there are any, and memory is pinned only for a
    GPU; torch raises for the one and warns for the other.

    Args:
        cfg (Config): Changed in place.
    """
    for phase in ('train', 'val', 'test'):
        loader = cfg.get(f'{phase}_dataloader')
        if not loader:
            continue
        if not loader.get('num_workers'):
            loader['persistent_workers'] = False
        if not torch.cuda.is_available():
            loader['pin_memory'] = False


def start_processes(cfg: Config) -> None:
    """Join the process group with gloo where there is no GPU.

    mmengine 0.10 selects a CUDA device for each process whatever the backend
    is. Where there is none, the group is joined here, before its runner
    looks for it.

    Args:
        cfg (Config): Its ``launcher`` is read; ``env_cfg`` and
            ``model_wrapper_cfg`` are changed on the CPU.
    """
    if cfg.launcher != 'pytorch' or torch.cuda.is_available():
        return
    cfg.setdefault('env_cfg', {})
    cfg.env_cfg['dist_cfg'] = dict(backend='gloo')
    if not distributed.is_initialized():
        distributed.init_process_group(backend='gloo')
    wrapper = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = {**wrapper, 'device_ids': None}


@contextmanager
def readable_errors() -> Iterator[None]:
    """End with the message alone where it says what to do.

    Among these are components of a config that cannot be built.

    Set ``MMSNIP_TRACEBACK=1`` for the whole traceback. Exit status 2. A
    command that ends well leaves the process group first: its threads, left
    to the interpreter's end, abort it now and then.

    Yields:
        None: The command runs inside.
    """
    try:
        yield
    except (
        AnnotationError,
        CheckpointError,
        ChoiceError,
        DeviceError,
        OSError,
        SequenceError,
        VersionError,
    ) as error:
        _end_with(error, str(error))
    except (KeyError, TypeError, ValueError) as error:
        line = explain_construction(error)
        if line is None:
            raise
        _end_with(error, f'{line} (MMSNIP_TRACEBACK=1 shows where)')
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _end_with(error: Exception, line: str) -> NoReturn:
    if os.environ.get('MMSNIP_TRACEBACK') == '1':
        raise error
    sys.stdout.flush()
    sys.stderr.write(f'error: {line}\n')
    sys.stderr.flush()
    if distributed.is_available() and distributed.is_initialized():
        os._exit(2)  # the other processes wait at a collective
    raise SystemExit(2) from None
