# BABEL subset 3, the baseline that the U-shape is compared with (METHOD 2): a
# linear layer on the last stage, its logits interpolated linearly to T.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset3-joint.py']
model = dict(neck=None)
