# Snippet pre-training of CTR-GCN on NTU RGB+D.
# The host alone, its own baseline: --cfg-options model.snippet_head=None
from mmengine.config import read_base

with read_base():
    from .._base_.datasets.ntu60_two_views import *
    from .._base_.default_runtime import *
    from .._base_.models.ctrgcn_snippet import *
    from .._base_.schedules.sgd_600e import *

default_hooks.checkpoint.update(interval=10)
custom_hooks = [*custom_hooks, snippet_probe]
