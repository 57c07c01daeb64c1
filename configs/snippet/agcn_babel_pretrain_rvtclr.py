# Snippet pre-training of the paper's AGCN on BABEL, RVTCLR as the host.
_base_ = ['agcn_babel_pretrain.py', '../_base_/hosts/rvtclr.py']
source_frames = 300  # two tempi leave half of them: METHOD 1's 150 a view

model = _base_.host
load = [
    dict(step, size=source_frames) if 'size' in step else step
    for step in _base_.load
]
mild = [*_base_.view, _base_.shown_as]
strong = [*_base_.view, *_base_.strong, _base_.shown_as]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[mild, mild, strong]),  # query, key, q'
    # -> query, key of its tempo, key of the other tempo, q'
    dict(type='RelativeTempo', tempi=(1, 2)),
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
