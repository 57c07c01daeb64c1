# Snippet pre-training on any annotation file, AimCLR as the host.
_base_ = ['pretrain.py', '../_base_/hosts/aimclr.py']

model = dict(
    _base_.host,
    mining_epoch=_base_.epochs // 3,  # METHOD 1: epoch 200 of 600
)
mild = [*_base_.view, _base_.shown_as]
extreme = [*_base_.view, *_base_.extreme, _base_.shown_as]
train_pipeline = [
    *_base_.load,
    dict(type='MultiView', views=[mild, mild, extreme]),  # query, key, q'
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
