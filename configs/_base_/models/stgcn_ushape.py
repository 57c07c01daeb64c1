from mmengine.config import read_base

with read_base():
    from .ctrgcn_ushape import *

model.backbone.update(type='STGCN')
