# Snippet pre-training of the paper's AGCN on NTU RGB+D.
_base_ = [
    '../_base_/models/agcn_snippet.py',
    '../_base_/datasets/ntu60_two_views.py',
    '../_base_/schedules/sgd_600e.py',
    '../_base_/default_runtime.py',
]
# the frames that reach the head from 64, stride 8
model = dict(snippet_head=dict(num_snippets=8))
default_hooks = dict(checkpoint=dict(interval=10))
custom_hooks = [*_base_.custom_hooks, _base_.snippet_probe]
