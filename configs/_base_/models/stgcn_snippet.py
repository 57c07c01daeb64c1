_base_ = ['ctrgcn_snippet.py']
model = dict(backbone=dict(type='STGCN'))
