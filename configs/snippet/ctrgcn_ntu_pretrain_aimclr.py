# Snippet pre-training of CTR-GCN on NTU RGB+D, AimCLR as the host.
# Mining starts where a hook tells the model its epoch (set_epoch).
_base_ = ['ctrgcn_ntu_pretrain.py']
stream = 'joint'  # 'joint', 'bone', 'motion' or 'bone_motion'

model = dict(
    type='AimCLR',
    mining_epoch=200,  # METHOD 1, of 600; AimCLR's own: 150 of 300
    global_head=dict(num_neighbors=1),  # AimCLR's topk
    snippet_head=dict(num_neighbors=5),  # METHOD 1 says it of RVTCLR
)

# METHOD 1: AimCLR's list, without the joint mask, which AimCLR's code lacks.
# Flip and blur as published: limbs cross, and the blur enlarges the body;
# RandomSpatialFlip(mirror_axis=0) and normalize=True do neither.
shown_as = dict(type='SkeletonStream', stream=stream)
mild = [*_base_.view, shown_as]
extreme = [
    *_base_.view,
    dict(type='RandomSpatialFlip', prob=0.5),
    dict(type='RandomRotate', main_angle=30.0, other_angle=1.0),
    dict(type='RandomTemporalFlip', prob=0.5),
    dict(type='RandomNoise', std=0.01, prob=0.5),
    dict(type='RandomTemporalBlur', normalize=False, prob=0.5),
    dict(type='RandomAxisMask', prob=0.5),
    shown_as,
]
train_pipeline = [
    dict(type='FormatSkeleton', num_person=2),
    dict(type='NormalizeSkeleton'),
    dict(type='MultiView', views=[mild, mild, extreme]),  # query, key, q'
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
