# The bone stream.
_base_ = ['agcn_babel_pretrain.py']

from mmsnip.transforms.streams import in_stream

train_dataloader = dict(
    dataset=dict(pipeline=in_stream(_base_.train_pipeline, 'bone'))
)
custom_hooks = in_stream(_base_.custom_hooks, 'bone')  # the probe's data
