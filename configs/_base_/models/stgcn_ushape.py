_base_ = ['ctrgcn_ushape.py']
model = dict(backbone=dict(type='STGCN'))
