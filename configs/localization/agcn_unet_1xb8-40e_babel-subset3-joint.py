# BABEL subset 3, a plain U-Net in place of the nested one.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset3-joint.py']
model = dict(neck=dict(type='UNetFusionNeck'))
