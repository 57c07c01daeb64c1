"""Pictures of timed actions; importing this needs numpy and matplotlib.

The registered faces, in `visualizer` and `hooks`, are reached through their
registries.
"""

from __future__ import annotations

from mmsnip.structures.files import safe_file_name
from mmsnip.visualization.canvas import (
    ClassStyle,
    class_style,
    figure_to_array,
    save_figure,
)
from mmsnip.visualization.diagnosis import (
    draw_class_ap,
    draw_confusion,
    draw_diagnosis,
    draw_errors,
    draw_precision_recall,
    draw_sensitivity,
    save_pictures,
)
from mmsnip.visualization.film import save_film
from mmsnip.visualization.pose import Poses, draw_pose
from mmsnip.visualization.timeline import best_non_overlapping, draw_timeline
from mmsnip.visualization.training import (
    Embedding,
    draw_embeddings,
    draw_training_curves,
)

__all__ = [
    'ClassStyle',
    'Embedding',
    'Poses',
    'best_non_overlapping',
    'class_style',
    'draw_class_ap',
    'draw_confusion',
    'draw_diagnosis',
    'draw_embeddings',
    'draw_errors',
    'draw_pose',
    'draw_precision_recall',
    'draw_sensitivity',
    'draw_timeline',
    'draw_training_curves',
    'figure_to_array',
    'safe_file_name',
    'save_figure',
    'save_film',
    'save_pictures',
]
