default_scope = 'mmsnip'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # No save_best: the last epoch is the result. Choosing an epoch by its
    # score on val is a choice that has to be made, and said, explicitly:
    # --cfg-options default_hooks.checkpoint.save_best=runs/mAP
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)
custom_hooks = [
    dict(type='SeedHook'),
    dict(type='EpochHook'),
    dict(type='SkeletonCheckpointHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # gloo where there is no GPU
)

log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
# TensorBoard:
# --cfg-options visualizer.vis_backends.0.type=TensorboardVisBackend
visualizer = dict(
    type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]
)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
