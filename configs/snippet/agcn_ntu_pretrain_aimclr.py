# Snippet pre-training of the paper's AGCN on NTU RGB+D, AimCLR as the host.
_base_ = ['agcn_ntu_pretrain.py', '../_base_/hosts/aimclr.py']

model = _base_.host
mild = [*_base_.view, _base_.shown_as]
extreme = [*_base_.view, *_base_.extreme, _base_.shown_as]
train_pipeline = [
    *_base_.load,
    dict(type='MultiView', views=[mild, mild, extreme]),  # query, key, q'
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
