# Snippet pre-training of CTR-GCN on NTU RGB+D.
_base_ = [
    '../_base_/models/ctrgcn_snippet.py',
    '../_base_/datasets/ntu60_two_views.py',
    '../_base_/schedules/sgd_600e.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=10))
custom_hooks = [*_base_.custom_hooks, _base_.snippet_probe]
