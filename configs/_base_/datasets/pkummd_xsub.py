# PKU-MMD, cross-subject, 51 classes, two persons.
_base_ = ['localization.py']

pkummd = dict(
    type='PKUMMDDataset',
    ann_file='data/pkummd/pkummd.pkl',
    protocol='cross-subject',
)
train_dataloader = dict(dataset=dict(phase='train', **pkummd))
val_dataloader = dict(dataset=dict(phase='val', **pkummd))
test_dataloader = val_dataloader
# METHOD 3: the data set's own segments, and the arg-max runs beside them.
val_evaluator = dict(protocol='pkummd', proposals=('smooth', 'runs'))
test_evaluator = val_evaluator
