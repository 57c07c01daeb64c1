"""Test a checkpoint: ``mmsnip test CONFIG CHECKPOINT ..``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmsnip.cli.launch import add_run_arguments, build_runner, load_config

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('config', help='config file')
    add('checkpoint', help='checkpoint file')
    add(
        '--dump',
        metavar='FILE.json',
        help='write detections and metrics in the layout of ActivityNet',
    )
    add(
        '--dump-scores',
        metavar='FILE.npz',
        help='write frame scores and ground truth, for tools/fuse.py',
    )
    add(
        '--show-dir',
        metavar='D',
        help='draw timelines of the first videos there, and in D/diagnosis '
        'precision-recall curves, AP of each class, kinds of errors and '
        'confusion of frames',
    )
    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Build the runner, test, print the metrics."""
    from mmengine.dist import is_main_process

    from mmsnip.apis.memory import keep_freed_memory

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
        hooks.append(dict(type='mmsnip.TimelineHook', show_dir=args.show_dir))
        folder = str(Path(args.show_dir) / 'diagnosis')
        hooks.append(dict(type='mmsnip.DiagnosisHook', show_dir=folder))
    cfg.custom_hooks = hooks
    _set_dumps(cfg, dump=args.dump, dump_scores=args.dump_scores)
    runner = build_runner(cfg)
    metrics = runner.test()
    if is_main_process():
        width = max(map(len, metrics), default=0)
        for name, value in metrics.items():
            print(f'{name:<{width}}  {value:.4f}')
        # How the ground truth was made, each line once.
        made = runner.test_loop.evaluator.metrics
        notes = [getattr(metric, 'truth_note', None) for metric in made]
        for note in dict.fromkeys(filter(None, notes)):
            print(note)
    return 0


def _set_dumps(cfg: Config, **files: str | None) -> None:
    """Tell the first `SegmentMAP` of the test what to write."""
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
