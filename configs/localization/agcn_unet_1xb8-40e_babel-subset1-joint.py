# BABEL subset 1, a plain U-Net in place of the nested one.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset1-joint.py']
model = dict(neck=dict(type='UNetFusionNeck'))
