# Fine-tuning of the paper's run: everything trains from the encoder that
# snippet contrast in RVTCLR left. Another one: --cfg-options
# model.pretrained=CHECKPOINT
_base_ = ['../../localization/agcn_ushape_1xb8-40e_babel-subset1-joint.py']
model = dict(
    pretrained='work_dirs/agcn_babel_pretrain_rvtclr/epoch_600.pth'
)
