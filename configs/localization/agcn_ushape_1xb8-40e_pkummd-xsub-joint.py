# Frame-level localization on PKU-MMD, cross-subject, 51 classes, two persons.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = [
    '../_base_/models/agcn_ushape.py',
    '../_base_/datasets/localization.py',
    '../_base_/schedules/adam_40e.py',
    '../_base_/default_runtime.py',
]

pkummd = dict(
    type='PKUMMDDataset',
    ann_file='data/pkummd/pkummd.pkl',
    protocol='cross-subject',
)
model = dict(head=dict(num_classes=51))
train_dataloader = dict(dataset=dict(phase='train', **pkummd))
val_dataloader = dict(dataset=dict(phase='val', **pkummd))
test_dataloader = val_dataloader
# METHOD 3: the data set's own segments, and the arg-max runs beside them.
val_evaluator = dict(protocol='pkummd', proposals=('smooth', 'runs'))
test_evaluator = val_evaluator
