"""Draw the pictures of docs/method.md and docs/protocols.md.

    python docs/drawings/method.py [--out docs/images] [--only NAME ..]

Synthetic motion and fixed seeds: the same pictures every time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from egocentric_inputs import draw_egocentric, draw_posture_changes
from frames_to_segments import draw_segments
from matplotlib.figure import Figure
from PIL import Image
from snippets import draw_snippet_contrast
from u_shape import draw_u_shape
from whole_way import draw_whole_way

from mmsnip.visualization.canvas import figure_to_array

DRAWINGS: dict[str, Callable[[], Figure]] = {
    'method_whole_way': draw_whole_way,
    'method_snippet_contrast': draw_snippet_contrast,
    'method_u_shape': draw_u_shape,
    'method_segments': draw_segments,
    'method_egocentric': draw_egocentric,
    'method_posture': draw_posture_changes,
}
NUM_COLORS = 128  # of a picture's palette; a third of the bytes


def save_small(figure: Figure, path: Path) -> None:
    """Write a drawing as a PNG with a palette.

    Args:
        figure (Figure): Drawing.
        path (Path): File to write; its folder is made where missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(figure_to_array(figure))
    picture = picture.quantize(NUM_COLORS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def main() -> None:
    """Draw what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--out',
        type=Path,
        default=Path(__file__).parent.parent / 'images',
        help='folder of the pictures, docs/images',
    )
    parser.add_argument(
        '--only',
        nargs='+',
        choices=DRAWINGS,
        default=list(DRAWINGS),
        metavar='NAME',
        help='some of them: ' + ', '.join(DRAWINGS),
    )
    args = parser.parse_args()
    for name in args.only:
        path = args.out / f'{name}.png'
        save_small(DRAWINGS[name](), path)
        sys.stdout.write(f'{path}\n')


if __name__ == '__main__':
    main()
