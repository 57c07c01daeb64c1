"""A folder of BVH files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.folder import FolderSource
from mmsnip.io.formats import load_sequence

__all__ = ['BVHSource', 'add_bvh_arguments']

POSITIONS = ('auto', 'replace', 'add')


class BVHSource(FolderSource):
    """A folder of ``.bvh`` files, with all folders in it.

    The format states neither unit nor upright axis; those of the
    conversion, `mmsnip.conversion.hygiene.Hygiene`, apply to all files.

    Args:
        root (str | Path): Folder.
        scale (float): Factor on all lengths, for units other than m, cm and
            mm; the result is metres. Defaults to 1.0.
        positions (str): 'auto', 'replace' or 'add', see
                `mmsnip.io.formats.bvh.read_bvh`.
        drop (Sequence[str]): Joints to leave out; their children hang on
            the joint above.
        joints (Sequence[str], optional): Joints to keep, in this order.
        end_sites (bool): Whether End Sites are joints. Defaults to False.
        **kwargs: As of `FolderSource`, except `endings`.
    """

    def __init__(
        self,
        root: str | Path,
        scale: float = 1.0,
        positions: str = 'auto',
        drop: Sequence[str] = (),
        joints: Sequence[str] | None = None,
        end_sites: bool = False,
        **kwargs: Any,
    ) -> None:
        self.scale = scale
        super().__init__(root, endings=('.bvh',), **kwargs)
        self._reading = dict(
            positions=positions,
            drop=list(drop),
            joints=None if joints is None else list(joints),
            end_sites=end_sites,
        )

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        return {
            **super().options(),
            **self._reading,
            'scale': self.scale,
        }

    def load(self, path: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Joints by forward kinematics."""
        keypoint, found = load_sequence(path, **self._reading)
        if self.scale != 1.0:
            keypoint, found['unit'] = keypoint * self.scale, 'm'
        return keypoint, found


def add_bvh_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `BVHSource` beside those of `FolderSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--scale',
        type=float,
        default=1.0,
        metavar='X',
        help='factor that makes lengths metres, where --unit has none '
        '(0.0254 for inches)',
    )
    parser.add_argument(
        '--positions',
        choices=POSITIONS,
        default='auto',
        help='whether position channels replace OFFSET or are added to it '
        '(default: auto)',
    )
    parser.add_argument(
        '--drop',
        nargs='+',
        default=(),
        metavar='JOINT',
        help='joints to leave out, such as joint_Root',
    )
    parser.add_argument(
        '--joints',
        nargs='+',
        metavar='JOINT',
        help='joints to keep, in this order (default: all)',
    )
    parser.add_argument(
        '--end-sites', action='store_true', help='take End Sites as joints'
    )
