# What AimCLR changes of a SkeletonCLR run, and what its extreme view adds.
host = dict(
    type='AimCLR',
    mining_epoch=200,  # METHOD 1, of 600; AimCLR's own: 150 of 300
    global_head=dict(num_neighbors=1),  # AimCLR's topk
    snippet_head=dict(num_neighbors=5),  # METHOD 1 says it of RVTCLR
    # METHOD 1's two terms. attention_drop=dict() adds the drop of most
    # attended features, which the authors' code has since its first mending.
    attention_drop=None,
)
# METHOD 1: AimCLR's list, without the joint mask, which AimCLR's code lacks.
# Flip and blur as published: limbs cross, and the blur enlarges the body;
# RandomSpatialFlip(mirror_axis=0) and normalize=True do neither.
extreme = [
    dict(type='RandomSpatialFlip', prob=0.5),
    dict(type='RandomRotate', main_angle=30.0, other_angle=1.0),
    dict(type='RandomTemporalFlip', prob=0.5),
    dict(type='RandomNoise', std=0.01, prob=0.5),
    dict(type='RandomTemporalBlur', normalize=False, prob=0.5),
    dict(type='RandomAxisMask', prob=0.5),
]
