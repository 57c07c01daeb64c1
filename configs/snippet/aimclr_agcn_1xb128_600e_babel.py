# Snippet pre-training of the paper's AGCN on BABEL, AimCLR as the host.
from mmengine.config import read_base

with read_base():
    from .._base_.hosts.aimclr import *
    from .skeletonclr_agcn_1xb128_600e_babel import *

model.merge(host)
mild = [*view, to_stream]
extreme = [*view, *extreme, to_stream]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[mild, mild, extreme]),  # query, key, q'
    dict(type='PackSkeletonInputs'),
]
train_dataloader.dataset.update(pipeline=train_pipeline)
