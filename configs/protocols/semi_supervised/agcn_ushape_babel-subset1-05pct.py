# Semi-supervised: 5 % of the labelled videos, each class among them.
# Another choice of videos: --cfg-options train_dataloader.dataset.seed=1
_base_ = ['../finetune/agcn_ushape_babel-subset1.py']
train_dataloader = dict(dataset=dict(fraction=0.05, seed=0))
