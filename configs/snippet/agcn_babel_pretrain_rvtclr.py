# Snippet pre-training of AGCN on BABEL in the paper's host, RVTCLR.
# Mining starts where a hook tells the model its epoch (set_epoch).
_base_ = ['agcn_babel_pretrain.py']
stream = 'joint'  # 'joint', 'bone', 'motion' or 'bone_motion'
source_frames = 300  # two tempi leave half of them: METHOD 1's 150 a view

model = dict(
    type='RVTCLR',
    mining_epoch=200,  # METHOD 1, of 600; RVTCLR's own: 150 of 300
    global_head=dict(num_neighbors=1),  # RVTCLR's topk
    snippet_head=dict(num_neighbors=5),  # METHOD 1
    motion_head=dict(
        type='TempoRankingHead', embed_dim=128, margin=1.0, temperature=0.07
    ),
)

# METHOD 1: the strong view adds noise, blur and an axis mask. RVTCLR's code
# (not its paper) takes the strong view as query and a mild one as the last:
# views=[strong, mild, mild]. The blur is the published one, which enlarges
# the body; normalize=True only blurs.
shown_as = dict(type='SkeletonStream', stream=stream)
mild = [*_base_.view, shown_as]
strong = [
    *_base_.view,
    dict(type='RandomNoise', std=0.01, prob=0.5),
    dict(type='RandomTemporalBlur', normalize=False, prob=0.5),
    dict(type='RandomAxisMask', prob=0.5),
    shown_as,
]
train_pipeline = [
    dict(type='FormatSkeleton', num_person=1),
    dict(type='NormalizeSkeleton'),
    dict(type='RandomWindow', size=source_frames),
    dict(type='ResizeTime', size=source_frames),  # stretches shorter videos
    dict(type='MultiView', views=[mild, mild, strong]),  # query, key, q'
    # -> query, key of its tempo, key of the other tempo, q'
    dict(type='RelativeTempo', tempi=(1, 2)),
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
