"""Fuse what ``mmsnip test --dump-scores`` wrote: scores in, metrics out.

Streams of one model: ``mmsnip fuse JOINT.npz BONE.npz MOTION.npz``.
Networks of one class each: ``mmsnip fuse --per-class WALK.npz ..``.
Exit status: 0, or 2 where files cannot be read or do not fit together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsnip.evaluation.fusion import (
    MODES,
    check_same_truth,
    check_same_videos,
    fuse_scores,
    merge_binary_scores,
    merge_binary_truth,
)
from mmsnip.evaluation.protocols import (
    PROPOSALS,
    PROTOCOLS,
    check_protocol,
    evaluate_scores,
    truth_note,
    within_videos,
    without_classes,
)
from mmsnip.evaluation.segments import CONVENTIONS
from mmsnip.io.detections import save_detections
from mmsnip.io.scores import ScoredVideos, load_scored_videos, save_scores

CHOICES = ('protocol', 'proposals', 'iou_thresholds', 'convention')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add('files', nargs='+', metavar='FILE.npz', help='scores of a network')
    add(
        '--per-class',
        action='store_true',
        help='each file has one class against everything else; merge them',
    )
    add('--weights', nargs='+', type=float, metavar='W', help='one a file')
    add('--mode', choices=MODES, help='average by default')
    add('--protocol', choices=sorted(PROTOCOLS), help="the first file's")
    add(
        '--proposals',
        nargs='+',
        choices=sorted(PROPOSALS),
        help="the first file's; so are the arguments of each",
    )
    add(
        '--iou',
        nargs='+',
        type=float,
        dest='iou_thresholds',
        metavar='IOU',
        help="the first file's, the protocol's own with --protocol",
    )
    add('--convention', choices=CONVENTIONS, help="the first file's")
    add(
        '--dump',
        metavar='FILE.json',
        help='write detections and metrics in the layout of ActivityNet',
    )
    add(
        '--dump-scores',
        metavar='FILE.npz',
        help='write the fused scores, to be fused again',
    )


def run(args: argparse.Namespace) -> int:
    """Fuse, evaluate, print and write."""
    try:
        if args.per_class and (args.weights or args.mode):
            raise ValueError(
                '--per-class puts classes side by side; leave out --weights '
                'and --mode'
            )
        report(args)
    except (OSError, ValueError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    return 0


def report(args: argparse.Namespace) -> None:
    """What ``main`` does, errors aside."""
    inputs = [load_scored_videos(path) for path in args.files]
    check_agreement(inputs, args.files, args)
    settings = choose(inputs[0].settings, args)
    rule = inputs[0].settings.get('label_rule')
    columns = {
        name: evaluate_scores(
            each.scores, each.truth, each.classes, **settings
        )[0]
        for name, each in zip(short_names(args.files), inputs)
    }
    fused, how = combine(inputs, args)
    metrics, found = evaluate_scores(
        fused.scores, fused.truth, fused.classes, **settings
    )
    columns['merged' if args.per_class else 'fused'] = metrics
    rows = metrics if args.per_class else without_classes(metrics)
    print(format_table(columns, list(rows)))
    note = truth_note(settings['protocol'], rule)
    if note:
        print(note)
    if args.dump:
        about = dict(
            protocol=settings['protocol'],
            convention=settings['convention'],
            label_rule=rule,
            fusion=how,
        )
        save_detections(
            args.dump,
            within_videos(next(iter(found.values())), fused.scores),
            metrics,
            fused.classes,
            fused.fps,
            about,
        )
    if args.dump_scores:
        save_scores(
            args.dump_scores,
            fused.scores,
            fused.classes,
            fused.truth,
            fused.fps,
            dict(settings, label_rule=rule, fusion=how),
        )


def combine(
    inputs: Sequence[ScoredVideos], args: argparse.Namespace
) -> tuple[ScoredVideos, dict[str, Any]]:
    """One network's scores out of all, and a record of how."""
    first = inputs[0]
    scores = [each.scores for each in inputs]
    how: dict[str, Any] = {'inputs': short_names(args.files)}
    if args.per_class:
        made = merge_binary_scores(scores, args.files)
        truth = merge_binary_truth([each.truth for each in inputs])
        classes = [each.classes[0] for each in inputs]
        how['mode'] = 'per-class'
    else:
        mode = args.mode or 'average'
        made = fuse_scores(scores, args.weights, mode, args.files)
        truth, classes = first.truth, first.classes
        how['mode'] = mode
        how['weights'] = args.weights or [1.0] * len(inputs)
    rates = {v: r for each in inputs for v, r in each.fps.items()}
    return ScoredVideos(made, classes, truth, rates, {}), how


def choose(
    stored: Mapping[str, Any], args: argparse.Namespace
) -> dict[str, Any]:
    """Settings of the evaluation: the file's, but for what is asked for."""
    settings: dict[str, Any] = dict(
        protocol='babel',
        proposals={'sweep': {}, 'runs': {}},
        iou_thresholds=None,
        convention='official',
    )
    settings.update({k: stored[k] for k in CHOICES if k in stored})
    if args.protocol not in (None, settings['protocol']):
        settings.update(protocol=args.protocol, iou_thresholds=None)
    known = settings['proposals'] = check_protocol(**settings)
    if args.proposals:
        settings['proposals'] = {
            name: known.get(name, {}) for name in args.proposals
        }
    for key in ('iou_thresholds', 'convention'):
        if getattr(args, key):
            settings[key] = getattr(args, key)
    return settings


def check_agreement(
    inputs: Sequence[ScoredVideos],
    files: Sequence[str],
    args: argparse.Namespace,
) -> None:
    """Refuse files that speak of different things."""
    first, first_file = inputs[0], files[0]
    for each, file in zip(inputs, files):
        if each.truth is None or not each.scores:
            lacks = 'video' if each.truth is not None else 'ground truth'
            raise ValueError(
                f'{file} has no {lacks}; write it by tools/test.py '
                '--dump-scores'
            )
        for key in ('label_rule', *CHOICES):
            mine, other = first.settings.get(key), each.settings.get(key)
            asked = getattr(args, key, None) is not None
            if mine != other and not asked:
                raise ValueError(
                    f'{file} has {key}={other!r}, {first_file} has {mine!r}; '
                    'test both by the same rule, or choose protocol, '
                    'proposals, IoU and convention here'
                )
        if not args.per_class and each.classes != first.classes:
            raise ValueError(
                f'{file} has the classes {each.classes}, {first_file} has '
                f'{first.classes}; networks of one class each are merged '
                'with --per-class'
            )
        for video, rate in each.fps.items():
            if first.fps.get(video, rate) != rate:
                raise ValueError(
                    f'{file}, video {video!r} has fps={rate:g}, '
                    f'{first_file} has {first.fps[video]:g}'
                )
    taken: list[str] = []
    for each, file in zip(inputs, files if args.per_class else ()):
        if len(each.classes) != 1 or each.classes[0] in taken:
            raise ValueError(
                f'{file} has the classes {each.classes}, {taken} are taken; '
                '--per-class merges networks of one class each, all different'
            )
        taken += each.classes
    check_same_videos([each.scores for each in inputs], files)
    if not args.per_class:
        check_same_truth([each.truth for each in inputs], files)


def short_names(files: Sequence[str]) -> list[str]:
    """Names of columns, all different, as short as the files allow."""
    stems = [Path(file).stem for file in files]
    if len(set(stems)) < len(stems):
        stems = [f'{Path(f).parent.name}/{s}' for f, s in zip(files, stems)]
    if len(set(stems)) < len(stems):
        stems = [f'{stem}#{n}' for n, stem in enumerate(stems, start=1)]
    return stems


def format_table(
    columns: Mapping[str, Mapping[str, float]], rows: Sequence[str]
) -> str:
    """A row a metric, a column an input; '-' where it has none."""
    left = max(map(len, rows))
    widths = {name: max(len(name), 6) for name in columns}
    lines = [' ' * left]
    lines[0] += ''.join(f'  {name:>{widths[name]}}' for name in columns)
    for row in rows:
        line = f'{row:<{left}}'
        for name, metrics in columns.items():
            value = f'{metrics[row]:.4f}' if row in metrics else '-'
            line += f'  {value:>{widths[name]}}'
        lines.append(line)
    return '\n'.join(lines)
