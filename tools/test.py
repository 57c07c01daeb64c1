#!/usr/bin/env python
"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT ..``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmsnip.apis.launch import (
    add_run_arguments,
    load_config,
    readable_errors,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--dump',
        metavar='FILE.json',
        help='write detections and metrics in the layout of ActivityNet',
    )
    parser.add_argument(
        '--show-dir', metavar='D', help='draw a timeline of each video there'
    )
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Build the runner, test, print the metrics."""
    args = parse_args()
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'{args.checkpoint}: no such checkpoint')
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    hooks = [
        hook
        for hook in cfg.get('custom_hooks') or []
        if not hook['type'].endswith('SkeletonCheckpointHook')
    ]
    hooks.append(dict(type='mmsnip.SkeletonCheckpointHook', strict=True))
    if args.show_dir:
        hooks.append(
            dict(type='mmsnip.TimelineHook', show_dir=args.show_dir)
        )
    cfg.custom_hooks = hooks
    if args.dump:
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        named = [e for e in evaluators if e['type'].endswith('SegmentMAP')]
        if not named:
            raise SystemExit(
                'error: --dump writes the detections of SegmentMAP, and the '
                "config's test_evaluator has none"
            )
        named[0]['dump'] = args.dump
    metrics = Runner.from_cfg(cfg).test()
    if is_main_process():
        width = max(map(len, metrics), default=0)
        for name, value in metrics.items():
            print(f'{name:<{width}}  {value:.4f}')


if __name__ == '__main__':
    with readable_errors():
        main()
