# Frame-level localization on BABEL subset 1: walk, stand, turn, jump.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = [
    '../_base_/models/agcn_ushape.py',
    '../_base_/datasets/localization.py',
    '../_base_/schedules/adam_40e.py',
    '../_base_/default_runtime.py',
]

babel = dict(
    type='BABELDataset', ann_file='data/babel/babel.pkl', subset=1
)
model = dict(head=dict(num_classes=4))
train_dataloader = dict(dataset=dict(split='train', **babel))
val_dataloader = dict(dataset=dict(split='val', **babel))
test_dataloader = val_dataloader
