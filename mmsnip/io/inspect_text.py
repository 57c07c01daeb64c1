"""The facts about a file as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.io.inspect import SPREAD_LIMIT

__all__ = ['format_facts']

_INDENT = 18
_MAX_SPLITS = 3  # of which the classes are counted side by side


def format_facts(facts: Mapping[str, Any], num_videos: int | None = 10) -> str:
    """Lines for a terminal; the first few suspicious videos spelt out."""
    lines = [facts['file']]
    for part in (_content, _rates, _splits, _segments, _bodies, _joints):
        lines += [_row(name, text) for name, text in part(facts)]
    lines += ['', *_classes(facts)]
    if num_videos is not None:
        lines += ['', *_suspicious(facts, num_videos)]
    lines += [f'note: {note}' for note in facts['notes']]
    return '\n'.join(lines)


def _row(name: str, text: str) -> str:
    return f'{name:<{_INDENT}}{text}'.rstrip()


def _content(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    size, layout = facts['splits']['sizes']['all'], facts['layout']
    yield 'data set', str(facts['dataset'] or 'no name is given')
    yield 'content', _size_of(size)
    shapes = facts['bodies']['shapes']
    shown = [f'{shape} ({_many(n, "video")})' for shape, n in shapes.items()]
    yield 'keypoints', _few(shown, 3) or 'none'
    if layout is None:
        yield 'joints', 'unknown, the file names no skeleton'
        return
    names = layout.joint_names
    origin = ', '.join(names[v] for v in layout.origin)
    yield (
        'joints',
        f'{len(names)} ({layout.name}), centre {origin}, '
        f'{len(layout.pairs)} mirror pairs',
    )


def _size_of(size: Mapping[str, Any]) -> str:
    hours = size['hours']
    hours = 'hours unknown' if hours is None else f'{hours:.2f} h'
    return (
        f'{_many(size["videos"], "video")}, {size["frames"]} frames, {hours}'
    )


def _rates(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rates = facts['rates']
    shown = [
        f'{rate:g} frames/s' + f' ({_many(n, "video")})' * (len(rates) > 1)
        for rate, n in rates.items()
        if rate is not None
    ]
    if None in rates:
        shown.append(
            f'unknown in {_many(rates[None], "video")}: state fps in metainfo '
            'or --source-fps; training takes 30'
        )
    yield 'frame rate', _few(shown, 4) or 'unknown'


def _splits(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    splits = facts['splits']
    for name, size in splits['sizes'].items():
        if name == 'all' and len(splits['sizes']) > 1:
            continue
        text = f'{_size_of(size)}, {_many(size["segments"], "segment")}'
        if size['background'] is not None:
            text += f', background {100 * size["background"]:.1f} %'
        yield f'split {name}' if name != 'all' else 'no split', text
    for first, second, both in splits['overlap']:
        text = f'{first} and {second} share {_many(len(both), "video")}: '
        yield 'OVERLAP', text + _few(both, 3)
    left = splits['without_split']
    if left:
        text = f'{_many(len(left), "video")}: {_few(left, 3)}'
        yield 'in no split', text


def _segments(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    segments = facts['segments']
    for name, key in (
        ('video length', 'video'),
        ('segment length', 'length'),
        ('gaps between', 'gap'),
    ):
        unit = 's' if facts['time'] == 'seconds' else 'frames'
        values = segments[f'{key}_{unit}']
        if values is not None:
            form = '.2f' if unit == 's' else '.0f'
            shown = ' / '.join(f'{value:{form}}' for value in values)
            yield name, f'{shown} {unit} (min / quartiles / max)'
    if segments['touching']:
        yield 'touching', f'{segments["touching"]} pairs of segments'
    if segments['overlapping']:
        names = segments['overlapping']
        many = _many(len(names), 'video')
        yield 'overlapping', f'segments of {many}: {_few(names)}'
    unseen = facts['classes']['unseen']
    for first, second, names in unseen:
        yield 'NOT LEARNT', f'{second} has, {first} has not: {_few(names, 9)}'
    empty = facts['classes']['empty']
    if empty and len(empty) < len(facts['classes']['names']):
        yield 'never used', _few(empty, 9)


def _bodies(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bodies = facts['bodies']
    total = max(sum(bodies['persons'].values()), 1)
    shown = [
        f'{number} in {100 * frames / total:.1f} %'
        for number, frames in bodies['persons'].items()
    ]
    if not shown and bodies['shapes']:
        return  # nobody has looked
    yield 'persons', _few(shown, 9) + ' of the frames' if shown else 'none'
    length, name = bodies['absence']
    if length:
        yield 'longest absence', f'{length} frames of nobody, in {name}'
    if bodies['low'] is None:
        return
    shown = [
        f'{axis} {low:.4g} to {high:.4g}'
        for axis, low, high in zip('xyz', bodies['low'], bodies['high'])
    ]
    yield 'joint ranges', ', '.join(shown)
    unit, likely = bodies['unit'], bodies['likely_unit']
    text = f'{likely or "unknown"} (a guess: bodies measure '
    text += f'{bodies["height"]:.4g}), the file says {unit or "nothing"}'
    yield 'unit', text
    if len(bodies['axes']) > 1:
        shown = [f'{axis} in {n}' for axis, n in bodies['axes'].items()]
        yield 'UP DIFFERS', f'trunks point along {_few(shown)} videos'
    elif bodies['up']:
        share = 100 * bodies['up_share']
        said = bodies['up_stated'] or 'nothing'
        yield (
            'up',
            (
                f'{bodies["up"]} (a guess: so in {share:.1f} % of bodies), '
                f'the file says {said}'
            ),
        )
    left, told = bodies['sides']
    if told:
        share = 100 * left / told
        yield (
            'left and right',
            f'left is on the left in {share:.1f} % of {told} frames that tell'
            + (': ARE THE SIDES SWAPPED?' if share < 50 else ''),
        )


def _joints(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bodies = facts['bodies']
    names = bodies['joint_names']
    if bodies['low'] is None:
        return

    def named(values: np.ndarray, least: float) -> list[str]:
        order = np.argsort(-np.nan_to_num(values), kind='stable')
        return [
            f'{names[v] if names else v} {100 * values[v]:.3g} %'
            for v in order
            if values[v] > least
        ]

    shown = named(bodies['lost_share'], 0.0)
    yield 'lost joints', _few(shown, 5) or 'none'
    shown = named(bodies['bone_spread'], SPREAD_LIMIT)
    if names is not None and len(bodies['low']) == 3:
        limit = f'none by more than {100 * SPREAD_LIMIT:.0f} %'
        yield 'bones vary', _few(shown, 5) or limit
    yield (
        'motion',
        f'{bodies["teleports"]} teleports, {bodies["joint_jumps"]} jumps of '
        f'a joint, {bodies["frozen_frames"]} frames that repeat the last',
    )


def _classes(facts: Mapping[str, Any]) -> Iterator[str]:
    names, counts = facts['classes']['names'], facts['classes']['counts']
    if not names:
        yield 'no classes'
        return
    splits = [s for s in counts if s != 'all'][:_MAX_SPLITS] or ['all']
    width = max([len(name) for name in names] + [5]) + 2
    head = ''.join(f'{split[:24]:>26}' for split in splits)
    yield f'{"":<{width}}{head}'
    columns = f'{"videos":>9}{"segments":>9}{"frames":>8}'
    yield f'{"class":<{width}}{columns * len(splits)}'
    for c, name in enumerate(names):
        cells = ''.join(
            '{:>9}{:>9}{:>8}'.format(*counts[split][c]) for split in splits
        )
        yield f'{name:<{width}}{cells}'


def _suspicious(facts: Mapping[str, Any], num_videos: int) -> Iterator[str]:
    for problem in facts['problems']:
        if problem.video not in facts['videos']:
            yield f'problem: {problem}'
    for doubt in facts['doubts']:
        yield f'look at: {doubt}'
    names = facts['suspicious']
    if not names and (facts['problems'] or facts['doubts']):
        return
    if not names:
        yield 'nothing suspicious'
        return
    kinds = [f'{kind} {n}' for kind, n in facts['findings'].items()]
    total = len(facts['videos'])
    verb = 'is' if len(names) == 1 else 'are'
    yield (
        f'{len(names)} of {_many(total, "video")} {verb} suspicious: '
        f'{_few(kinds, 20)}'
    )
    for name in names[:num_videos]:
        yield f'- {name}'
        for finding in facts['videos'][name]['findings']:
            yield f'    {finding.reason}'
    if len(names) > num_videos:
        yield f'- ... and {len(names) - num_videos} more'


def _many(number: int, noun: str) -> str:
    return f'{number} {noun}' + ('' if number == 1 else 's')


def _few(names: Sequence[Any], most: int = 5) -> str:
    more = f', and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(str(name) for name in names[:most]) + more
