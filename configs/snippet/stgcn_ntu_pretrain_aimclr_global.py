# The host alone: its own baseline.
_base_ = ['stgcn_ntu_pretrain_aimclr.py']
model = dict(snippet_head=None)
