# METHOD 1: SGD 0.1, momentum 0.9, weight decay 1e-4, batch 128, 600 epochs,
# x0.1 at 550, linear warm-up.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.1,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(type='MultiStepLR', by_epoch=True, milestones=[550], gamma=0.1),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=600)
# The learning rate follows the batch that is really used.
auto_scale_lr = dict(enable=True, base_batch_size=128)
