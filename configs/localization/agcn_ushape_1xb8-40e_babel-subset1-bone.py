# The bone stream; tools/fuse.py fuses it with the others.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset1-joint.py']

from mmsnip.transforms.streams import in_stream

train_dataloader = dict(
    dataset=dict(pipeline=in_stream(_base_.train_pipeline, 'bone'))
)
val_dataloader = dict(
    dataset=dict(pipeline=in_stream(_base_.test_pipeline, 'bone'))
)
test_dataloader = val_dataloader
