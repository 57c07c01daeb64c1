"""Which videos to look at first, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ['SPREAD_LIMIT', 'Finding', 'video_findings']

SPREAD_LIMIT = 0.3  # a rigid bone does not vary by more
_AXES = 'xyz'
_MIN_WRONG = 15  # frames, half a second, before a side counts as wrong


class Finding(NamedTuple):
    """One thing that is odd about a video.

    Args:
        kind (str): Short name, the same in all videos.
        weight (float): 0 to 100, how likely it is to spoil a training.
        reason (str): What was found, where.
    """

    kind: str
    weight: float
    reason: str


def video_findings(
    facts: Mapping[str, Any],
    usual_size: float | None = None,
    usual_spread: np.ndarray | None = None,
    joint_names: Sequence[str] | None = None,
    twins: Sequence[str] = (),
    crosses_splits: bool = False,
) -> list[Finding]:
    """What is odd about a video.

    Args:
        facts (Mapping[str, Any]): Of `measure_video`, with ``size`` (of the
            body) and ``sides`` (frames in which left is left, frames that
            tell) where they are known.
        usual_size (float | None): Median of ``size`` over the file.
        usual_spread (np.ndarray | None): (V,) median of ``bone_spread``
            over the file; what all videos have is not odd in one.
        joint_names (Sequence[str] | None): V names.
        twins (Sequence[str]): Other videos with the same content.
        crosses_splits (bool): Whether one of these is in a split that must
            not share videos with this one's.

    Returns:
        list[Finding]: Empty where nothing is.
    """
    found = list(_content_findings(facts, twins, crosses_splits))
    if facts['bodies']:
        found += _motion_findings(facts)
        found += _body_findings(facts, usual_size, usual_spread, joint_names)
    return found


def _content_findings(
    facts: Mapping[str, Any], twins: Sequence[str], crosses_splits: bool
) -> Iterator[Finding]:
    T, fps = facts['shape'][1], facts['fps']
    if facts['not_finite']:
        reason = f'NaN or infinity at {facts["not_finite"]} joint positions'
        yield Finding('NaN or infinity', 100, reason)
    if not facts['bodies']:
        yield Finding('empty', 95, f'nobody is there in any of {T} frames')
        return
    if twins:
        others = ', '.join(twins[:3]) + (', ...' if len(twins) > 3 else '')
        where = ', across splits' if crosses_splits else ''
        yield Finding(
            'same content',
            90 if crosses_splits else 60,
            f'same content as {others}{where}',
        )
    nobody = int(facts['persons'][0])
    length, first = facts['absence']
    if nobody and (nobody > 0.05 * T or length > fps):
        yield Finding(
            'nobody there',
            15 + 60 * nobody / T,
            f'nobody in {nobody} of {T} frames, longest {length} from frame '
            f'{first}',
        )
    if T < 8:
        yield Finding('very short', 30, f'{T} frames only')


def _motion_findings(facts: Mapping[str, Any]) -> Iterator[Finding]:
    T = facts['shape'][1]
    for key, kind, who, base in (
        ('teleports', 'teleports', 'the body', 35),
        ('joint_jumps', 'joint jumps', 'a joint', 20),
    ):
        frames = facts[key]
        if len(frames):
            yield Finding(
                kind,
                min(base + 40 * len(frames) / T + len(frames), 80),
                f'{who} jumps {_times(len(frames))}, at {_frames(frames)}',
            )
    length, first = facts['frozen']
    if length + 1 >= max(5, facts['fps'] / 4) or (
        facts['frozen_frames'] > 0.2 * facts['bodies']
    ):
        yield Finding(
            'frozen',
            15 + 50 * facts['frozen_frames'] / facts['bodies'],
            f'{facts["frozen_frames"]} frames repeat the one before, longest '
            f'{length + 1} from frame {first}',
        )


def _body_findings(
    facts: Mapping[str, Any],
    usual_size: float | None,
    usual_spread: np.ndarray | None,
    joint_names: Sequence[str] | None,
) -> Iterator[Finding]:
    def named(joints: Sequence[int] | np.ndarray) -> str:
        names = [
            str(joint_names[v]) if joint_names else f'joint {v}'
            for v in joints
        ]
        return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')

    lost = facts['lost']
    V = len(lost)
    share = lost.sum() / (facts['bodies'] * V)
    if lost.max() > 0.05 * facts['bodies'] or share > 0.01:
        worst = np.argsort(-lost, kind='stable')[: int((lost > 0).sum())]
        yield Finding(
            'lost joints',
            15 + 60 * share,
            f'{100 * share:.1f} % of joints are zero: {named(worst)}',
        )
    spread = np.nan_to_num(facts['bone_spread'])
    limit = np.full(V, SPREAD_LIMIT)
    if usual_spread is not None and len(usual_spread) == V:
        limit = np.maximum(limit, 2 * np.nan_to_num(usual_spread))
    wide = np.flatnonzero(spread > limit)
    if len(wide):
        wide = wide[np.argsort(-spread[wide], kind='stable')]
        yield Finding(
            'bone lengths',
            10 + 30 * len(wide) / V + min(5 * spread[wide[0]], 20),
            f'bones vary by up to {100 * spread[wide[0]]:.0f} %: '
            f'{named(wide)}',
        )
    size = facts.get('size')
    if usual_size and size and np.isfinite(size):
        ratio = size / usual_size
        if not 1 / 1.5 < ratio < 1.5:
            yield Finding(
                'body size',
                min(30 + 10 * abs(np.log2(ratio)), 70),
                f'the body is {ratio:.2g} times the usual size',
            )
    left, told = facts.get('sides', (0, 0))
    if told - left >= max(_MIN_WRONG, 0.1 * told):
        yield Finding(
            'left and right',
            25 + 30 * (1 - left / told),
            f'left joints lie on the right in {told - left} of {told} frames',
        )
    if facts['flat_axes']:
        axes = ', '.join(_AXES[axis] for axis in facts['flat_axes'])
        yield Finding('constant axis', 50, f'coordinate {axes} never varies')
    if len(facts['still_joints']) and len(facts['still_joints']) < V:
        yield Finding(
            'still joints',
            10,
            f'{named(facts["still_joints"])} never moves',
        )


def _times(number: int) -> str:
    return 'once' if number == 1 else f'{number} times'


def _frames(frames: np.ndarray) -> str:
    shown = ', '.join(str(frame) for frame in frames[:4])
    word = 'frame' if len(frames) == 1 else 'frames'
    return f'{word} {shown}' + (', ...' if len(frames) > 4 else '')
