# Linear probe: the encoder is frozen, batch norm included; a linear layer on
# its last stage trains. Another one: --cfg-options model.pretrained=CHECKPOINT
_base_ = ['../../localization/agcn_linear_1xb8-40e_babel-subset2-joint.py']
model = dict(
    frozen_stages=9,  # the last of ten blocks
    pretrained='work_dirs/agcn_babel_pretrain_rvtclr/epoch_600.pth',
)
