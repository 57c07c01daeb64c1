# BABEL subset 2, a plain U-Net in place of the nested one.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset2-joint.py']
model = dict(neck=dict(type='UNetFusionNeck'))
