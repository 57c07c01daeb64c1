# The host alone: its own baseline.
_base_ = ['agcn_babel_pretrain_aimclr.py']
model = dict(snippet_head=None)
