# Snippet pre-training of ST-GCN on NTU RGB+D, RVTCLR as the host.
from mmengine.config import read_base

with read_base():
    from .._base_.hosts.rvtclr import *
    from .skeletonclr_stgcn_1xb128_600e_ntu60 import *

# Two tempi leave half of the frames for each view.
source_frames = 2 * view_frames
model.merge(host)
load = [
    dict(step, size=source_frames) if 'size' in step else step for step in load
]
mild = [*view, to_stream]
strong = [*view, *strong, to_stream]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[mild, mild, strong]),  # query, key, q'
    # -> query, key of its tempo, key of the other tempo, q'
    dict(type='RelativeTempo', tempi=(1, 2)),
    dict(type='PackSkeletonInputs'),
]
train_dataloader.dataset.update(pipeline=train_pipeline)
