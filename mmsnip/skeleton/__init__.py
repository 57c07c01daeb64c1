"""What a body is, and what may be done to its motion; numpy only.

Further functions lie in `geometry` (centre, turn, scale), `egocentric`,
`orientation`, `resample` (frame maps) and `augment` (random changes).
"""

from mmsnip.skeleton.geometry import (
    bones,
    motion,
    pre_normalize,
    present_frames,
)
from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_graph_cfg,
    from_metainfo,
    get_layout,
    layout_names,
    spatial_graph,
    stgcn_graph,
)
from mmsnip.skeleton.mapping import (
    JointMapping,
    joint_mapping,
    map_joints,
    map_scores,
)
from mmsnip.skeleton.resample import (
    map_segments,
    paint_segments,
    take_frames,
)

__all__ = [
    'JointMapping',
    'SkeletonLayout',
    'bones',
    'from_graph_cfg',
    'from_metainfo',
    'get_layout',
    'joint_mapping',
    'layout_names',
    'map_joints',
    'map_scores',
    'map_segments',
    'motion',
    'paint_segments',
    'pre_normalize',
    'present_frames',
    'spatial_graph',
    'stgcn_graph',
    'take_frames',
]
