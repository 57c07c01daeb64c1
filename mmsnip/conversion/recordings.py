"""One recording at a time: read, cleaned, checked, put aside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.hygiene import (
    UNITS,
    Hygiene,
    clean,
    unit_note,
    unlikely_size,
)
from mmsnip.conversion.parts import write_part
from mmsnip.conversion.source import Item, Recording, Skipped, Source
from mmsnip.io.annotation import check_annotation, metainfo_layout
from mmsnip.io.video_check import as_labels
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.skeleton.sides import left_right_frames
from mmsnip.structures.errors import show

__all__ = ['Work', 'with_layout']

SWAPPED = 0.5  # share of frames with left on the left, below it is a warning


@dataclass(frozen=True)
class Work:
    """What a worker needs; called with a recording, it converts it.

    Attributes:
        source (Source): Reads it.
        metainfo (dict[str, Any]): Of the source.
        hygiene (Hygiene): What is done to it.
    """

    source: Source
    metainfo: dict[str, Any]
    hygiene: Hygiene

    def __call__(
        self, task: tuple[Item, str | None]
    ) -> dict[str, Any] | Skipped:
        """Convert a recording and write its part.

        Args:
            task (tuple[Item, str | None]): The recording, and the part to
                write; None writes nothing.

        Returns:
            dict[str, Any] | Skipped: What is to be known of it without its
            joints, or why it is left out.

        Raises:
            OSError: If the part cannot be written, as on a full disk.
        """
        item, path = task
        found = self.try_item(item)
        if isinstance(found, Skipped):
            return found
        annotation, facts = found
        if path is None:
            return facts
        try:
            write_part(Path(path), annotation, facts)
        except (TypeError, ValueError) as error:
            return Skipped(item.path, _reason(error))
        return facts

    def try_item(
        self, item: Item
    ) -> tuple[dict[str, Any], dict[str, Any]] | Skipped:
        """Read and prepare a recording.

        Args:
            item (Item): The recording.

        Returns:
            tuple[dict[str, Any], dict[str, Any]] | Skipped: See `prepare`;
            or why it is left out.
        """
        try:
            return self.prepare(item, self.source.read(item))
        except Exception as error:  # one bad file must not end the others
            return Skipped(item.path, _reason(error))

    def prepare(
        self, item: Item, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Clean and check a recording.

        Args:
            item (Item): Where it came from.
            recording (Recording): As it was read.

        Returns:
            tuple[dict[str, Any], dict[str, Any]]: Entry of the annotation
            file, and its facts.

        Raises:
            ValueError: If it cannot be used.
        """
        annotation = {**recording.annotation, 'frame_dir': item.name}
        metainfo = with_layout(self.metainfo, recording.layout)
        self._check(annotation, metainfo)  # of what comes from the reader
        unit = recording.unit or metainfo.get('unit')
        annotation, mended = clean(
            annotation,
            self.hygiene,
            unit,
            recording.up,
            metainfo.get('fps'),
        )
        self._check(annotation, metainfo)
        keypoint = annotation['keypoint']
        labels = as_labels(annotation.get('segment_labels', ()))
        label, fps = annotation.get('label'), annotation.get('fps')
        facts = dict(
            name=item.name,
            path=item.path,
            shape=[int(size) for size in keypoint.shape],
            layout=_layout_key(recording.layout),
            total_frames=int(keypoint.shape[1]),
            fps=None if fps is None else float(fps),
            unit='m' if (unit or self.hygiene.unit) in UNITS else unit,
            label=None if label is None else int(label),
            untrimmed=annotation.get('segments') is not None,
            scored=annotation.get('keypoint_score') is not None,
            segment_labels=labels.tolist(),
            largest=float(np.abs(keypoint).max()),
            mended=[*recording.mended, *mended],
            warnings=self._warnings(annotation, metainfo, unit),
        )
        return annotation, facts

    @staticmethod
    def _check(annotation: dict[str, Any], metainfo: dict[str, Any]) -> None:
        data = dict(metainfo=metainfo, split={}, annotations=[annotation])
        problems = check_annotation(data)
        if problems:
            first = problems[0]
            more = f' (and {len(problems) - 1} more)' * (len(problems) > 1)
            raise ValueError(
                f'key {first.key!r}: {first.text}{more}'
            )

    def _warnings(
        self,
        annotation: dict[str, Any],
        metainfo: dict[str, Any],
        unit: str | None,
    ) -> list[str]:
        keypoint = annotation['keypoint']
        warnings = []
        if not keypoint.any():
            warnings.append('no body in any frame')
        if unit is None and self.hygiene.unit is None:
            warnings.append(unlikely_size(keypoint))
        warnings.append(unit_note(unit, self.hygiene.unit))
        layout = metainfo_layout(metainfo, keypoint.shape[2])
        agree, told = left_right_frames(keypoint, layout)
        if told and agree < SWAPPED * told:
            warnings.append(
                f'left joints are on the right of the body in {told - agree} '
                f'of {told} frames: either the names of left and right are '
                'swapped, or the coordinates are left-handed'
            )
        return [warning for warning in warnings if warning]


def with_layout(metainfo: dict[str, Any], layout: Any) -> dict[str, Any]:
    """Metainfo with the joints that a file states.

    Args:
        metainfo (dict[str, Any]): Of a source; what it says of the joints
            goes first.
        layout (Any): Of a file, None where it says nothing.

    Returns:
        dict[str, Any]: A copy, with ``joint_names`` and ``parents``, and
        ``layout`` where it has a name.

    Raises:
        ValueError: If the layout is malformed.
    """
    metainfo = dict(metainfo)
    stated = metainfo.get('layout') or metainfo.get('parents')
    if stated is not None or layout is None:
        return metainfo
    found = from_graph_cfg(layout)
    if isinstance(layout, str):
        metainfo['layout'] = found.name
    metainfo['joint_names'] = list(found.joint_names)
    metainfo['parents'] = [int(parent) for parent in found.parents]
    return metainfo


def _layout_key(layout: Any) -> Any:
    """A layout as JSON can say it."""
    if layout is None or isinstance(layout, str):
        return layout
    found = from_graph_cfg(layout)
    return dict(
        joint_names=list(found.joint_names), parents=list(found.parents)
    )


def _reason(error: Exception) -> str:
    text = str(error) or show(error)
    known = isinstance(error, (ValueError, OSError))
    return text if known else f'{type(error).__name__}: {text}'
