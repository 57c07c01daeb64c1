# Snippet pre-training of ST-GCN on NTU RGB+D, AimCLR as the host.
from mmengine.config import read_base

with read_base():
    from .._base_.hosts.aimclr import *
    from .skeletonclr_stgcn_1xb128_600e_ntu60 import *

model.merge(host)
mild = [*view, to_stream]
extreme = [*view, *extreme, to_stream]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[mild, mild, extreme]),  # query, key, q'
    dict(type='PackSkeletonInputs'),
]
train_dataloader.dataset.update(pipeline=train_pipeline)
