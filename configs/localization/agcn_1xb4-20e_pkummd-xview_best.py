# The recommended recipe on PKU-MMD, cross-view.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = ['agcn_1xb4-20e_pkummd-xsub_best.py']
train_dataloader = dict(dataset=dict(protocol='cross-view'))
val_dataloader = dict(dataset=dict(protocol='cross-view'))
test_dataloader = val_dataloader
