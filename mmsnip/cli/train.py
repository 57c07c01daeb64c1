"""Train a model: ``mmsnip train CONFIG [--resume] [--amp] ..``."""

from __future__ import annotations

import argparse

from mmsnip.cli.launch import add_run_arguments, build_runner, load_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('config', help='config file')
    add(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|CHECKPOINT',
        help='go on after the latest checkpoint of the work folder, or '
        'after the one that is named',
    )
    add('--amp', action='store_true', help='mixed precision (GPU)')
    add('--no-validate', action='store_true', help='train without validation')
    add('--seed', type=int, help='seed of the run')
    add(
        '--deterministic',
        action='store_true',
        help='only deterministic algorithms',
    )
    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Build the runner and train."""
    import torch

    from mmsnip.apis.memory import keep_freed_memory

    keep_freed_memory()
    cfg = load_config(args)
    if args.amp:
        if not torch.cuda.is_available():
            raise SystemExit(
                'error: --amp needs a GPU and none is visible; leave it out'
            )
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    randomness = dict(cfg.get('randomness') or {})
    if args.seed is not None:
        randomness['seed'] = args.seed
    if args.deterministic:
        randomness['deterministic'] = True
    if randomness:
        cfg.randomness = randomness
    build_runner(cfg).train()
    return 0
