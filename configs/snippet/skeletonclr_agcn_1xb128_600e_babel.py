# Snippet pre-training of the paper's AGCN on BABEL.
# The host alone, its own baseline: --cfg-options model.snippet_head=None
from mmengine.config import read_base

with read_base():
    from .._base_.datasets.babel_two_views import *
    from .._base_.default_runtime import *
    from .._base_.models.agcn_snippet import *
    from .._base_.schedules.sgd_600e import *

default_hooks.checkpoint.update(interval=10)
custom_hooks = [*custom_hooks, snippet_probe]
