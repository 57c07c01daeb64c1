# Snippet pre-training on any annotation file in the paper's host, RVTCLR.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
globals().update(read('custom/pretrain', '_base_/hosts/rvtclr'))
del read

source_frames = 2 * view_frames  # two tempi leave half of them

model.merge(host)
model.update(mining_epoch=epochs // 3)  # METHOD 1: epoch 200 of 600
load = [
    dict(step, size=source_frames) if 'size' in step else step for step in load
]
mild = [*view, to_stream]
strong = [*view, *strong, to_stream]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[mild, mild, strong]),  # query, key, q'
    # -> query, key of its tempo, key of the other tempo, q'
    dict(type='RelativeTempo', tempi=(1, 2)),
    dict(type='PackSkeletonInputs'),
]
train_dataloader.dataset.update(pipeline=train_pipeline)
