# Multi-scale ST-GCN with the nested U-shape on BABEL.
from mmengine.config import read_base

with read_base():
    from .._base_.datasets.babel import *
    from .._base_.default_runtime import *
    from .._base_.models.stgcn_ushape import *
    from .._base_.schedules.adam_40e import *

model.head.update(num_classes=num_classes)
