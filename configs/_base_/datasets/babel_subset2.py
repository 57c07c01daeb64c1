# BABEL subset 2: sit, run, stand up, kick.
_base_ = ['localization.py']

babel = dict(
    type='BABELDataset', ann_file='data/babel/babel.pkl', subset=2
)
train_dataloader = dict(dataset=dict(split='train', **babel))
val_dataloader = dict(dataset=dict(split='val', **babel))
test_dataloader = val_dataloader
