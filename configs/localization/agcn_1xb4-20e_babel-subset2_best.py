# The recommended recipe on BABEL subset 2: sit, run, stand up, kick.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = ['agcn_1xb4-20e_babel-subset1_best.py']
train_dataloader = dict(dataset=dict(subset=2))
val_dataloader = dict(dataset=dict(subset=2))
test_dataloader = val_dataloader
