# Semi-supervised: 1 % of the labelled videos, each class among them.
# Another choice of videos: --cfg-options train_dataloader.dataset.seed=1
_base_ = ['../finetune/agcn_ushape_babel-subset2.py']
train_dataloader = dict(dataset=dict(fraction=0.01, seed=0))
