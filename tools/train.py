#!/usr/bin/env python
"""Train a model: ``python tools/train.py CONFIG [--resume] [--amp] ..``."""

from __future__ import annotations

import argparse

import torch
from mmengine.runner import Runner

from mmsnip.apis.launch import (
    add_run_arguments,
    load_config,
    readable_errors,
)
from mmsnip.apis.memory import keep_freed_memory


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|CHECKPOINT',
        help='go on after the latest checkpoint of the work folder, or '
        'after the one that is named',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision (GPU)'
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='train without validation'
    )
    parser.add_argument('--seed', type=int, help='seed of the run')
    parser.add_argument(
        '--deterministic',
        action='store_true',
        help='only deterministic algorithms',
    )
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Build the runner and train."""
    args = parse_args()
    keep_freed_memory()
    cfg = load_config(args)
    if args.amp:
        if not torch.cuda.is_available():
            raise SystemExit(
                'error: --amp needs a GPU and none is visible; leave it out'
            )
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.resume == 'auto':
        cfg.resume, cfg.load_from = True, None
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.seed is not None or args.deterministic:
        randomness = dict(cfg.get('randomness') or {})
        if args.seed is not None:
            randomness['seed'] = args.seed
        if args.deterministic:
            randomness['deterministic'] = True
        cfg.randomness = randomness
    Runner.from_cfg(cfg).train()


if __name__ == '__main__':
    with readable_errors():
        main()
