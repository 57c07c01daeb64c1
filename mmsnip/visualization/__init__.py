"""Pictures of timed actions; importing this needs numpy and matplotlib.

The hooks are reached through their registry.
"""

from __future__ import annotations

from mmsnip.visualization.canvas import figure_to_array, save_figure
from mmsnip.visualization.diagnosis import draw_diagnosis, save_pictures
from mmsnip.visualization.film import save_film
from mmsnip.visualization.pose import Poses, draw_pose
from mmsnip.visualization.timeline import draw_timeline

__all__ = [
    'Poses',
    'draw_diagnosis',
    'draw_pose',
    'draw_timeline',
    'figure_to_array',
    'save_figure',
    'save_film',
    'save_pictures',
]
