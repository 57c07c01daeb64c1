"""The readers of single formats as an array and a dict, for their tests."""

from __future__ import annotations

from pathlib import Path

from mmsnip.io.formats import ntu, read
from mmsnip.skeleton.layout import layout_names


def load_sequence(path, columns=None, **options):
    """A recording as an array and a dict of what is known."""
    recording = read(path, columns, **options)
    facts = dict(frame_dir=recording.name)
    layout = recording.layout
    if layout is not None:
        facts['layout'] = dict(
            joint_names=list(layout.joint_names),
            parents=[int(parent) for parent in layout.parents],
        )
        if layout.name in layout_names():
            facts['layout'] = layout.name
    if recording.joint_names is not None:
        facts['joint_names'] = list(recording.joint_names)
    for key, value in (
        ('fps', recording.fps),
        ('unit', recording.unit),
        ('up', recording.up),
        ('keypoint_score', recording.score),
        ('row_frames', recording.rows),
        ('img_shape', recording.img_shape),
        ('tracking', 'ids' if recording.of_film else None),
        ('first_frame', recording.first_frame or None),
    ):
        if value is not None:
            facts[key] = value
    if recording.of_film or recording.frame_step != 1:
        facts['first_frame'] = recording.first_frame
    if recording.frame_step != 1 and not recording.of_film:
        facts['frame_step'] = recording.frame_step
    numbered = tuple(map(str, range(len(recording.tracks))))
    if recording.of_film or recording.tracks != numbered:
        facts['track_ids'] = list(recording.tracks)
    if recording.notes:
        facts['mended'] = [str(note) for note in recording.notes]
    return recording.keypoint, facts


def read_any(path, columns=None, **options):
    keypoint, facts = load_sequence(path, columns, **options)
    facts.pop('frame_dir')
    facts.setdefault('mended', [])
    facts.setdefault('track_ids', [str(m) for m in range(len(keypoint))])
    return keypoint, facts


def read_pkummd(path):
    keypoint, facts = read_any(path)
    facts.pop('joint_names', None)
    return keypoint, facts


def read_ntu(path, max_persons=2):
    """All bodies in places of their own, before they share any."""
    recording = ntu.read_ntu(Path(path), max_persons)
    return recording.keypoint, dict(
        fps=recording.fps,
        layout=recording.layout.name,
        unit=recording.unit,
        up=recording.up,
        track_ids=list(recording.tracks),
        mended=[str(note) for note in recording.notes],
    )
