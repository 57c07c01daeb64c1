# The baseline that the U-shape is compared with (METHOD 2): a linear layer on
# the last stage, its logits interpolated linearly to T.
from mmengine.config import read_base

with read_base():
    from .ushape_agcn_1xb8_40e_babel import *

model.update(neck=None)
