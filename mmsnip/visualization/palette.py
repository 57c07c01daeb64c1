"""One look per class index, the same in every picture."""

from __future__ import annotations

from typing import Any, NamedTuple

# Okabe and Ito's colours without black and yellow (too faint as a line),
# then six found by maximising the smallest Lab distance to all others and to
# the backgrounds under normal, protan, deutan and tritan vision (Machado et
# al. 2009); the smallest distance of the twelve is 16.
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
HATCHES = ('', '////', '....', 'xxxx', '----', '||||')
LINES: tuple[Any, ...] = (
    '-',
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (9, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
)
BACKGROUND_COLOR = '#8A8A8A'
# Relative luminance above which dark text reads better than white.
_LIGHT = 0.36


class ClassStyle(NamedTuple):
    """Colour, hatch and line style of a class.

    Attributes:
        color (str): Fill and line colour, ``#RRGGBB``.
        hatch (str): Matplotlib hatch, empty for the first twelve classes.
        line (Any): Matplotlib line style of the probability curve.
        ink (str): Colour that reads on `color`.
    """

    color: str
    hatch: str
    line: Any
    ink: str


def class_style(index: int) -> ClassStyle:
    """Look of a class, a function of its index alone.

    Twelve colours, then the same twelve with a hatch, and so on: 72 looks
    before one returns.

    Args:
        index (int): Class index, at least 0.

    Returns:
        ClassStyle: Its look.

    Raises:
        ValueError: If `index` is negative.

    Examples:
        >>> class_style(0).color == class_style(12).color
        True
        >>> class_style(0).hatch == class_style(12).hatch
        False
    """
    if index < 0:
        raise ValueError(f'class index {index} is negative; start at 0')
    cycle = (index // len(COLORS)) % len(HATCHES)
    color = COLORS[index % len(COLORS)]
    ink = '#1A1A1A' if relative_luminance(color) > _LIGHT else '#FFFFFF'
    return ClassStyle(color, HATCHES[cycle], LINES[cycle], ink)


def relative_luminance(color: str) -> float:
    """Luminance of a colour, 0 black to 1 white.

    Args:
        color (str): ``#RRGGBB``.

    Returns:
        float: Relative luminance.

    Source:
        WCAG 2.1, definition of relative luminance.

    Examples:
        >>> round(relative_luminance('#FFFFFF'), 6)
        1.0
    """
    total = 0.0
    for start, weight in ((1, 0.2126), (3, 0.7152), (5, 0.0722)):
        value = int(color[start : start + 2], 16) / 255
        linear = (
            value / 12.92
            if value <= 0.04045
            else ((value + 0.055) / 1.055) ** 2.4
        )
        total += weight * linear
    return total
