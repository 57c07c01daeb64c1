"""Pictures of timed actions; importing this needs numpy and matplotlib.

The registered faces, `visualizer.TimelineVisualizer` and
`hook.TimelineHook`, are reached through their registries.
"""

from __future__ import annotations

from mmsnip.visualization.canvas import figure_to_array, save_figure
from mmsnip.visualization.curves import draw_training_curves
from mmsnip.visualization.file_names import safe_file_name
from mmsnip.visualization.palette import ClassStyle, class_style
from mmsnip.visualization.pose import Poses, draw_pose
from mmsnip.visualization.rows import best_non_overlapping
from mmsnip.visualization.timeline import draw_timeline

__all__ = [
    'ClassStyle',
    'Poses',
    'best_non_overlapping',
    'class_style',
    'draw_pose',
    'draw_timeline',
    'draw_training_curves',
    'figure_to_array',
    'safe_file_name',
    'save_figure',
]
