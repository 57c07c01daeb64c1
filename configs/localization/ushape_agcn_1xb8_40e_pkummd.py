# The paper's localizer on PKU-MMD: AGCN, nested U-shape.
from mmengine.config import read_base

with read_base():
    from .._base_.datasets.pkummd import *
    from .._base_.default_runtime import *
    from .._base_.models.agcn_ushape import *
    from .._base_.schedules.adam_40e import *

model.head.update(num_classes=num_classes)
