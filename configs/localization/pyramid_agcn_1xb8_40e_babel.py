# A top-down pyramid in place of the nested U-Net.
from mmengine.config import read_base

with read_base():
    from .ushape_agcn_1xb8_40e_babel import *

model.neck.update(type='PyramidFusionNeck')
