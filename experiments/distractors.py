"""False alarms on the distractors of the stitched benchmark.

Data-set-specific: beside ``NAME.pkl`` lies ``NAME_clips.json`` with the
source clip of each stretch of a sequence. Clips that are not labelled are
distractors, motion like an action that is none; what lies between clips are
transitions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ['clips_beside', 'distractor_metrics']


def clips_beside(ann_file: str | Path) -> list[dict[str, Any]] | None:
    """Sequences of the clip list beside an annotation file.

    Args:
        ann_file (str | Path): ``NAME.pkl``.

    Returns:
        list[dict[str, Any]] | None: Per sequence ``frame_dir`` and
        ``clips``; None where there is no ``NAME_clips.json``.

    Raises:
        ValueError: If the file holds no sequences.
    """
    path = Path(ann_file)
    path = path.with_name(f'{path.stem}_clips.json')
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding='utf-8'))
    if not isinstance(content, dict) or 'sequences' not in content:
        raise ValueError(
            f"{path.name} lacks the key 'sequences', the clips of each "
            'sequence'
        )
    return content['sequences']


def distractor_metrics(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    sequences: list[dict[str, Any]],
) -> dict[str, float]:
    """Share of distractor and of transition frames called an action.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1),
            background last.
        truth (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3).
        sequences (list[dict[str, Any]]): Of ``clips_beside``.

    Returns:
        dict[str, float]: ``distractor_called_action`` and
        ``transition_called_action``, by the arg-max class; NaN where there
        is no such frame.

    Raises:
        ValueError: If a video has no clips, a clip lies outside of it, or a
            distractor overlaps a labelled segment.
    """
    clips_of = {entry['frame_dir']: entry['clips'] for entry in sequences}
    called: dict[str, list] = {'distractor': [], 'transition': []}
    for video, array in scores.items():
        if video not in clips_of:
            raise ValueError(
                f'video {video!r} is not in the list of clips; the list is '
                'of another data set'
            )
        T = len(array)
        action = np.argmax(array, axis=1) != array.shape[1] - 1
        between = np.ones(T, dtype=bool)
        distractor = np.zeros(T, dtype=bool)
        for clip in clips_of[video]:
            start, end = clip['start'], clip['end']
            if not 0 <= start < end <= T:
                raise ValueError(
                    f'video {video!r}: the clip {clip["clip"]!r} covers '
                    f'frames {start} to {end} of {T}'
                )
            between[start:end] = False
            if not clip['labelled']:
                distractor[start:end] = True
        for _, start, end in truth[video]:
            if distractor[start:end].any():
                raise ValueError(
                    f'video {video!r}: a distractor overlaps the labelled '
                    f'segment {start} to {end}'
                )
            between[start:end] = False
        called['distractor'].append(action[distractor])
        called['transition'].append(action[between])
    return {
        f'{kind}_called_action': _share(parts)
        for kind, parts in called.items()
    }


def _share(parts: list[np.ndarray]) -> float:
    frames = sum(map(len, parts))
    return int(sum(map(np.sum, parts))) / frames if frames else float('nan')
