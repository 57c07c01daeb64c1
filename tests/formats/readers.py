"""The readers of single formats as an array and a dict, for their tests."""

from __future__ import annotations

from pathlib import Path

from mmsnip.io.formats import load_sequence, ntu


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
