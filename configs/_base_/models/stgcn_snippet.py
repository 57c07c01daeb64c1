from mmengine.config import read_base

with read_base():
    from .ctrgcn_snippet import *

model.backbone.update(type='STGCN')
