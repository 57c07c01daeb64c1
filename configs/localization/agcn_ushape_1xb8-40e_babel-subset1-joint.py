# Frame-level localization on BABEL subset 1: walk, stand, turn, jump.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = [
    '../_base_/models/agcn_ushape.py',
    '../_base_/datasets/babel_subset1.py',
    '../_base_/schedules/adam_40e.py',
    '../_base_/default_runtime.py',
]
