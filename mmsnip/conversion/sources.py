"""Kinds of input that `tools/prepare_data.py` converts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mmsnip.conversion.babel import BabelSource, add_babel_arguments
from mmsnip.conversion.bvh import BVHSource, add_bvh_arguments
from mmsnip.conversion.folder import FolderSource
from mmsnip.conversion.folder_arguments import (
    add_body_arguments,
    add_label_arguments,
)
from mmsnip.conversion.ntu import NTUSource, add_ntu_arguments
from mmsnip.conversion.pkummd import PKUMMDSource, add_pkummd_arguments
from mmsnip.conversion.prepared import (
    PreparedSource,
    add_prepared_arguments,
)
from mmsnip.conversion.source import Source
from mmsnip.conversion.tables import (
    PoseJSONSource,
    TableSource,
    add_pose_json_arguments,
    add_table_arguments,
)
from mmsnip.skeleton.layout import layout_names

__all__ = ['SOURCES', 'Kind', 'add_folder_arguments']


@dataclass(frozen=True)
class Kind:
    """A subcommand.

    Attributes:
        source (Callable[..., Source]): Takes the input, and the values of
            all arguments by name.
        add_arguments (Callable[[argparse.ArgumentParser], None]): Adds
            these arguments; each one's ``dest`` is a keyword of `source`.
        help (str): One line.
    """

    source: Callable[..., Source]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    help: str


def add_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `FolderSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--classes-from-folders',
        action='store_true',
        help='the folder that a file lies in names its class',
    )
    parser.add_argument(
        '--layout',
        choices=layout_names(),
        help='joints of the files, where they do not say it themselves',
    )
    parser.add_argument(
        '--source-fps',
        type=float,
        metavar='F',
        help='frame rate of files that state none',
    )
    parser.add_argument(
        '--val-fraction',
        type=float,
        default=0.2,
        metavar='X',
        help='share of each class drawn for val where no --split is given; '
        '0 makes no split (default: 0.2)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of that drawing (default: 0)'
    )
    add_body_arguments(parser)
    add_label_arguments(parser)


def _with_folder(
    add_arguments: Callable[[argparse.ArgumentParser], None],
) -> Callable[[argparse.ArgumentParser], None]:
    """Arguments of a source that is a `FolderSource`, and its own."""

    def add_both(parser: argparse.ArgumentParser) -> None:
        add_arguments(parser)
        add_folder_arguments(parser)

    return add_both


SOURCES: dict[str, Kind] = {
    'ntu': Kind(
        NTUSource,
        add_ntu_arguments,
        'NTU RGB+D 60 or 120, a folder of .skeleton files',
    ),
    'pkummd': Kind(
        PKUMMDSource,
        add_pkummd_arguments,
        'PKU-MMD I or II, a folder of skeletons, labels and split lists',
    ),
    'bvh': Kind(
        BVHSource,
        _with_folder(add_bvh_arguments),
        'a folder of .bvh files, a recording each',
    ),
    'csv': Kind(
        TableSource,
        _with_folder(add_table_arguments),
        'a folder of tables, a recording each; YAML says what columns are',
    ),
    'pose-json': Kind(
        PoseJSONSource,
        _with_folder(add_pose_json_arguments),
        'OpenPose, MMPose, MediaPipe, YOLO-pose, AlphaPose: a file a '
        'recording, or a folder of frames',
    ),
    'babel': Kind(
        BabelSource,
        add_babel_arguments,
        'BABEL, a folder of its json files and of AMASS motion',
    ),
    'prepared': Kind(
        PreparedSource,
        add_prepared_arguments,
        'a pickle, .npz or .npy that pyskl, CTR-GCN, AimCLR or the BABEL '
        'benchmark wrote',
    ),
    'folder': Kind(
        FolderSource,
        add_folder_arguments,
        'a folder of files of any ending that is read, a recording each',
    ),
    'npy': Kind(
        partial(FolderSource, endings=('.npy', '.npz')),
        add_folder_arguments,
        'a folder of .npy and .npz files, a recording each',
    ),
}
