# Frame-level localization on PKU-MMD, cross-view.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = [
    '../_base_/models/agcn_ushape.py',
    '../_base_/datasets/pkummd_xview.py',
    '../_base_/schedules/adam_40e.py',
    '../_base_/default_runtime.py',
]
model = dict(head=dict(num_classes=51))
