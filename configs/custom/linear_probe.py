# Linear probe on any annotation file: the encoder that MMSNIP_INIT names is
# frozen, batch norm included; a linear layer on its last stage trains.
_base_ = ['localize.py']
model = dict(
    neck=None,
    frozen_stages=9,  # the last of ten blocks
)
