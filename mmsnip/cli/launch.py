"""What training and testing share: arguments, config, processes."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmsnip.cli.places import find_config

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner

__all__ = ['add_run_arguments', 'build_runner', 'fit_loaders', 'load_config']

# Streams that configs have by default; their work folders bear no name.
UNNAMED_STREAMS = ('joint', 'egocentric')
# What mmengine says on each run or of each parameter: for the log file.
FILE_ONLY = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'all SyncBatchNorm',
    'is skipped since its requires_grad',
    'paramwise_options -- ',
)


def _pair(text: str) -> tuple[str, str]:
    """A ``KEY=VALUE`` of the command line."""
    key, equals, value = text.partition('=')
    if not (key and equals):
        raise argparse.ArgumentTypeError(
            f'{text!r} is no KEY=VALUE, such as train_cfg.max_epochs=10'
        )
    return key, value


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share."""
    add = parser.add_argument
    add('--work-dir', help='folder of logs and checkpoints')
    add(
        '--cfg-options',
        nargs='+',
        action='extend',
        type=_pair,
        metavar='KEY=VALUE',
        help='override the config, e.g. model.backbone.base_channels=16; a '
        'step of a list by its type, e.g. '
        'train_dataloader.dataset.pipeline.RandomTempo.prob=0',
    )
    add(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='who started the processes',
    )
    # torch.distributed.launch passes it; the environment has it as well.
    add(
        *('--local_rank', '--local-rank'),
        type=int,
        default=0,
        help=argparse.SUPPRESS,
    )


def load_config(args: argparse.Namespace) -> Config:
    """Read the config; stream and variant name its work folder, too."""
    from mmengine.config import Config, DictAction

    path = find_config(args.config)
    if not Path(path).is_file():
        raise FileNotFoundError(f'{args.config}: no such config file')
    cfg = Config.fromfile(path)
    if args.cfg_options:
        try:
            cfg.merge_from_dict(
                {
                    _with_positions(cfg, key): DictAction._parse_iterable(text)
                    for key, text in args.cfg_options
                }
            )
        except (KeyError, TypeError) as error:
            given = ' '.join(f'{k}={v}' for k, v in args.cfg_options)
            raise SystemExit(
                f'error: --cfg-options {given}: no such '
                f'place in {args.config} ({str(error.args[0])[:199]})'
            ) from None
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif not cfg.get('work_dir'):
        name = Path(args.config).stem
        if cfg.get('stream', 'joint') not in UNNAMED_STREAMS:
            name = f'{name}-{cfg.stream}'
        for part in filter(None, cfg.get('variant', ())):
            name += f'-{part.replace(" ", "-")}'
        cfg.work_dir = str(Path('work_dirs') / name)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    fit_loaders(cfg)
    _start_processes(cfg)
    return cfg


def _with_positions(cfg: Config, key: str) -> str:
    """A dotted key in which steps of a list may be named by their type."""
    node, parts = cfg, []
    for part in key.split('.'):
        if isinstance(node, (list, tuple)):
            if not part.isdigit():
                types = [str(step.get('type')).split('.')[-1] for step in node]
                if types.count(part) != 1:
                    raise KeyError(
                        f'{part!r} stands {types.count(part)} times among '
                        f'{types}; name one that stands once, or a position'
                    )
                part = str(types.index(part))
            node = node[int(part)] if int(part) < len(node) else None
        else:
            node = node.get(part) if hasattr(node, 'get') else None
        parts.append(part)
    return '.'.join(parts)


def fit_loaders(cfg: Config) -> None:
    """Turn off what torch refuses or warns of in the loaders here."""
    import torch

    for phase in ('train', 'val', 'test'):
        loader = cfg.get(f'{phase}_dataloader')
        if not loader:
            continue
        if not loader.get('num_workers'):
            loader['persistent_workers'] = False
        if not torch.cuda.is_available():
            loader['pin_memory'] = False


def _start_processes(cfg: Config) -> None:
    """Join with gloo: mmengine takes a CUDA device, whatever the backend."""
    import torch
    from torch import distributed

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


def _is_for_people(record: logging.LogRecord) -> bool:
    """Whether the terminal shows a record: a line, or a warning."""
    text = record.getMessage().strip()
    if any(words in text for words in FILE_ONLY):
        return False
    return '\n' not in text or record.levelno > logging.INFO


def build_runner(cfg: Config) -> Runner:
    """Mmengine's runner; config, environment and hooks go to its file only."""
    from mmengine.runner import Runner

    class RunnerOfFewWords(Runner):
        def build_logger(self, *args, **kwargs):
            logger = super().build_logger(*args, **kwargs)
            logger.handlers[0].addFilter(_is_for_people)
            return logger

    return RunnerOfFewWords.from_cfg(cfg)
