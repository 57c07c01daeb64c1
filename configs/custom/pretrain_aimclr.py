# Snippet pre-training on any annotation file, AimCLR as the host.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
globals().update(read('custom/pretrain', '_base_/hosts/aimclr'))
del read

model.merge(host)
model.update(mining_epoch=epochs // 3)  # METHOD 1: epoch 200 of 600
mild = [*view, to_stream]
extreme = [*view, *extreme, to_stream]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[mild, mild, extreme]),  # query, key, q'
    dict(type='PackSkeletonInputs'),
]
train_dataloader.dataset.update(pipeline=train_pipeline)
