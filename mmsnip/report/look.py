"""One look per class, and a letter per kind of error."""

from __future__ import annotations

from typing import Any

from mmsnip.evaluation.diagnosis import GOOD_IOU, NEAR_IOU

__all__ = ['COLORS', 'KINDS', 'PATTERNS', 'class_looks']

# The twelve of mmsnip.visualization.canvas, which needs no import of a
# drawing library here; a test holds the two together.
COLORS = (
    '#0072B2',
    '#E69F00',
    '#009E73',
    '#CC79A7',
    '#56B4E9',
    '#D55E00',
    '#8800FF',
    '#99BB66',
    '#552200',
    '#3333AA',
    '#BB55FF',
    '#333344',
)
LIGHT_INK, DARK_INK = '#FFFFFF', '#1A1A1A'
_READS_DARK = {'#E69F00', '#56B4E9', '#99BB66'}
PATTERNS = ('plain', 'slant', 'dots', 'cross', 'lines', 'bars')

_NEAR = (
    f'IoU of at least {NEAR_IOU:g} or at least half of the prediction inside'
)
KINDS: dict[str, dict[str, str]] = {
    'missed': dict(
        sign='M',
        name='missed',
        text='A true segment that no prediction is about, and that is not '
        'covered by half.',
    ),
    'wrong_class': dict(
        sign='W',
        name='wrong class',
        text='A prediction near a true segment of another class '
        f'({_NEAR}), or such a true segment.',
    ),
    'boundary': dict(
        sign='B',
        name='bad boundary',
        text='The right class near its true segment, alone there, but '
        f'with an IoU under {GOOD_IOU:g}.',
    ),
    'split': dict(
        sign='S',
        name='split',
        text='One true segment fell to several predictions of its class '
        'that do not touch: flicker.',
    ),
    'false_alarm': dict(
        sign='F',
        name='false alarm',
        text='A prediction where mostly no action is.',
    ),
    'double': dict(
        sign='D',
        name='double',
        text='A prediction that overlaps a better one of its class about '
        'the same true segment.',
    ),
    'correct': dict(
        sign='✓',
        name='correct',
        text=f'The right class with an IoU of at least {GOOD_IOU:g}, and '
        'the best such prediction.',
    ),
    'found': dict(
        sign='✓',
        name='found',
        text='A true segment that a prediction is correct about.',
    ),
}


def class_looks(num_classes: int) -> list[dict[str, Any]]:
    """Colour, pattern and ink of each class, by its index alone.

    Twelve colours, then the same with a pattern, and so on: 72 looks before
    one returns; names stand beside each look everywhere.

    Args:
        num_classes (int): Classes without the background.

    Returns:
        list[dict[str, Any]]: ``color``, ``ink`` and ``pattern`` of each.

    Examples:
        >>> [look['pattern'] for look in class_looks(13)][-2:]
        ['plain', 'slant']
    """
    looks = []
    for index in range(num_classes):
        color = COLORS[index % len(COLORS)]
        cycle = (index // len(COLORS)) % len(PATTERNS)
        ink = DARK_INK if color in _READS_DARK else LIGHT_INK
        looks.append(dict(color=color, ink=ink, pattern=PATTERNS[cycle]))
    return looks
