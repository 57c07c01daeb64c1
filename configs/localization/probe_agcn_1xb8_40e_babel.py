# Linear probe: the encoder that MMSNIP_INIT names is frozen, batch norm
# included; a linear layer on its last stage trains.
from mmengine.config import read_base

with read_base():
    from .linear_agcn_1xb8_40e_babel import *

model.update(frozen_stages=9)  # the last of ten blocks
