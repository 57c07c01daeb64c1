# A plain U-Net in place of the nested one.
from mmengine.config import read_base

with read_base():
    from .ushape_agcn_1xb8_40e_babel import *

model.neck.update(type='UNetFusionNeck')
