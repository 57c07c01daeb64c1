model = dict(
    type='SkeletonCLR',
    backbone=dict(
        type='STGCN',
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        data_bn_type=None,  # METHOD 2: input batch norm is off in both stages
    ),
    global_head=dict(
        type='GlobalContrastHead', embed_dim=128, queue_size=32768
    ),
    snippet_head=dict(
        type='SnippetContrastHead',
        num_snippets=16,  # the frames that reach the head from 64, stride 4
        embed_dim=128,
        hidden_channels=256,
        queue_size=32768,
        loss_weight=1.5,
    ),
    key_momentum=0.999,
)
