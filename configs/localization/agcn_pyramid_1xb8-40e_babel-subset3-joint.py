# BABEL subset 3, a top-down pyramid in place of the nested U-Net.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset3-joint.py']
model = dict(neck=dict(type='PyramidFusionNeck'))
