"""Pictures of timed actions; importing this needs numpy and matplotlib.

The registered faces, `visualizer.TimelineVisualizer` and
`hook.TimelineHook`, are reached through their registries.
"""

from __future__ import annotations

from mmsnip.visualization.canvas import figure_to_array, save_figure
from mmsnip.visualization.class_bars import draw_class_ap
from mmsnip.visualization.confusion import draw_confusion
from mmsnip.visualization.curves import draw_training_curves
from mmsnip.visualization.diagnosis_pictures import (
    draw_diagnosis,
    save_pictures,
)
from mmsnip.visualization.embedding_map import Embedding, draw_embeddings
from mmsnip.visualization.error_profile import draw_errors
from mmsnip.visualization.file_names import safe_file_name
from mmsnip.visualization.film import save_film
from mmsnip.visualization.palette import ClassStyle, class_style
from mmsnip.visualization.pose import Poses, draw_pose
from mmsnip.visualization.precision_recall import draw_precision_recall
from mmsnip.visualization.rows import best_non_overlapping
from mmsnip.visualization.sensitivity_bars import draw_sensitivity
from mmsnip.visualization.timeline import draw_timeline

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
