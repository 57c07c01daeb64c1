# What RVTCLR changes of a SkeletonCLR run, and what its strong view adds.
host = dict(
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
strong = [
    dict(type='RandomNoise', std=0.01, prob=0.5),
    dict(type='RandomTemporalBlur', normalize=False, prob=0.5),
    dict(type='RandomAxisMask', prob=0.5),
]
