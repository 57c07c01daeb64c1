# Snippet pre-training of the paper's AGCN on BABEL.
_base_ = [
    '../_base_/models/agcn_snippet.py',
    '../_base_/datasets/babel_two_views.py',
    '../_base_/schedules/sgd_600e.py',
    '../_base_/default_runtime.py',
]
default_hooks = dict(checkpoint=dict(interval=10))
custom_hooks = [*_base_.custom_hooks, _base_.snippet_probe]
