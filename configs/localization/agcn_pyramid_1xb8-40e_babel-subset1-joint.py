# BABEL subset 1, a top-down pyramid in place of the nested U-Net.
_base_ = ['agcn_ushape_1xb8-40e_babel-subset1-joint.py']
model = dict(neck=dict(type='PyramidFusionNeck'))
