"""Folders of tables, and of the JSON of pose estimators."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.folder import FolderSource
from mmsnip.io.formats import load_sequence
from mmsnip.io.formats.columns import load_column_map

__all__ = [
    'PoseJSONSource',
    'TableSource',
    'add_pose_json_arguments',
    'add_table_arguments',
]

TABLES = ('.csv', '.tsv', '.txt')
PERSONS = 2  # as the models take them


class TableSource(FolderSource):
    """A folder of tables of joints, with all folders in it.

    Args:
        root (str | Path): Folder.
        columns (str | Path, optional): YAML file that says what the columns
            are, `mmsnip.io.formats.columns.ColumnMap`; None takes the header.
        endings (Collection[str]): Of the files. Defaults to .csv,
            .tsv and .txt, with white space between the cells as UTKinect's.
        **kwargs: As of `FolderSource`.

    Raises:
        FileNotFoundError: If there is no such YAML file.
        SequenceError: If it is malformed.
    """

    def __init__(
        self,
        root: str | Path,
        columns: str | Path | None = None,
        endings: Collection[str] = TABLES,
        **kwargs: Any,
    ) -> None:
        super().__init__(root, endings=endings, **kwargs)
        self._columns = None if columns is None else load_column_map(columns)

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        columns = self._columns and self._columns.model_dump()
        return {**super().options(), 'columns': columns}

    def load(self, path: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Joints of a table."""
        return load_sequence(path, self._columns)


class PoseJSONSource(FolderSource):
    """A folder of poses that an estimator found, with all folders in it.

    A ``.json`` file is a recording, or a folder of files of a frame each,
    see `mmsnip.io.formats.pose_json.holds_frames`.

    Args:
        root (str | Path): Folder.
        persons (int, optional): Most persons of a recording, those that
            move most; None keeps all that a detector saw. Defaults to 2.
        image (bool): Take MediaPipe's landmarks in the image even where
            there are some in the world. Defaults to False.
        **kwargs: As of `FolderSource`, except `endings`.
    """

    def __init__(
        self,
        root: str | Path,
        persons: int | None = PERSONS,
        image: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(root, endings=('.json',), persons=persons, **kwargs)
        self._reading = dict(world=not image)

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        return {**super().options(), **self._reading}

    def load(self, path: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Bodies of a file or of a folder of frames."""
        return load_sequence(path, **self._reading)


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `TableSource` beside those of `FolderSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--columns',
        metavar='YAML',
        help='what the columns are (default: told by the header)',
    )
    parser.add_argument(
        '--endings',
        nargs='+',
        default=TABLES,
        metavar='ENDING',
        help='of the files (default: .csv .tsv .txt)',
    )


def add_pose_json_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `PoseJSONSource` beside those of `FolderSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.set_defaults(persons=PERSONS)
    parser.add_argument(
        '--frames-in-folders',
        action=argparse.BooleanOptionalAction,
        help='each folder of .json files is a recording, a file a frame, or '
        'each file is one (default: told by names and content)',
    )
    parser.add_argument(
        '--image',
        action='store_true',
        help="take MediaPipe's landmarks in the image, not in the world",
    )
