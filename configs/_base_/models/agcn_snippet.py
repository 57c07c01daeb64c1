model = dict(
    type='SkeletonCLR',
    backbone=dict(
        type='AGCN',
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        temporal_strides=(1, 2, 1, 1, 2, 1, 1, 2, 1, 1),
        out_indices=(9,),
    ),
    global_head=dict(
        type='GlobalContrastHead', embed_dim=128, queue_size=32768
    ),
    snippet_head=dict(
        type='SnippetContrastHead',
        num_snippets=19,  # the frames that reach the head from 150, stride 8
        embed_dim=128,
        hidden_channels=256,
        queue_size=32768,
        loss_weight=1.5,
    ),
    key_momentum=0.999,
)
