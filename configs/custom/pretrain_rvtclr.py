# Snippet pre-training on any annotation file in the paper's host, RVTCLR.
_base_ = ['pretrain.py', '../_base_/hosts/rvtclr.py']
source_frames = 2 * _base_.view_frames  # two tempi leave half of them

model = dict(
    _base_.host,
    mining_epoch=_base_.epochs // 3,  # METHOD 1: epoch 200 of 600
)
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
