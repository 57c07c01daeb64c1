# The recommended recipe on BABEL subset 3: jog, wave, dance, gesture.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = ['agcn_1xb4-20e_babel-subset1_best.py']
train_dataloader = dict(dataset=dict(subset=3))
val_dataloader = dict(dataset=dict(subset=3))
test_dataloader = val_dataloader
