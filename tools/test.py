#!/usr/bin/env python
"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT ..``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
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
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--dump',
        metavar='FILE.json',
        help='write detections and metrics in the layout of ActivityNet',
    )
    parser.add_argument(
        '--dump-scores',
        metavar='FILE.npz',
        help='write frame scores and ground truth, for tools/fuse.py',
    )
    parser.add_argument(
        '--show-dir',
        metavar='D',
        help='draw timelines of the first videos there, and in D/diagnosis '
        'precision-recall curves, AP of each class, kinds of errors, '
        'sensitivity to length and confusion of frames',
    )
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Build the runner, test, print the metrics."""
    args = parse_args()
    keep_freed_memory()
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
        folder = str(Path(args.show_dir) / 'diagnosis')
        hooks.append(dict(type='mmsnip.DiagnosisHook', show_dir=folder))
    cfg.custom_hooks = hooks
    set_dumps(cfg, dump=args.dump, dump_scores=args.dump_scores)
    runner = Runner.from_cfg(cfg)
    metrics = runner.test()
    if is_main_process():
        width = max(map(len, metrics), default=0)
        for name, value in metrics.items():
            print(f'{name:<{width}}  {value:.4f}')
        for note in truth_notes(runner):
            print(note)


def set_dumps(cfg: Config, **files: str | None) -> None:
    """Tell the first `SegmentMAP` of the test what to write.

    Args:
        cfg (Config): Changed in place.
        **files (str | None): Its arguments of the same names.
    """
    files = {key: path for key, path in files.items() if path}
    evaluators = cfg.test_evaluator
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    named = [e for e in evaluators if e['type'].endswith('SegmentMAP')]
    if files and not named:
        option = f'--{min(files)}'.replace('_', '-')
        raise SystemExit(
            f'error: {option} writes what SegmentMAP has, and the '
            "config's test_evaluator has none"
        )
    if files:
        named[0].update(files)


def truth_notes(runner: Runner) -> list[str]:
    """How the ground truth of the metrics was made, each line once."""
    metrics = runner.test_loop.evaluator.metrics
    notes = [getattr(metric, 'truth_note', None) for metric in metrics]
    return list(dict.fromkeys(note for note in notes if note))


if __name__ == '__main__':
    with readable_errors():
        main()
