# BABEL subset 2, a top-down pyramid in place of the nested U-Net.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset2-joint.py']
model = dict(neck=dict(type='PyramidFusionNeck'))
