# The motion stream.
_base_ = ['agcn_babel_pretrain_rvtclr.py']

from mmsnip.transforms.streams import in_stream

train_dataloader = dict(
    dataset=dict(pipeline=in_stream(_base_.train_pipeline, 'motion'))
)
custom_hooks = in_stream(_base_.custom_hooks, 'motion')  # the probe's data
