# PKU-MMD, 51 classes, two persons. MMSNIP_SPLIT: xsub (unset) is
# cross-subject, xview cross-view.
from mmengine.config import read_base

with read_base():
    from .localization import *

environ = __import__('os').environ  # mmengine makes `import os` lazy

split = environ.get('MMSNIP_SPLIT') or 'xsub'
pkummd = dict(
    type='PKUMMDDataset',
    ann_file='data/pkummd/pkummd.pkl',
    protocol={'xsub': 'cross-subject', 'xview': 'cross-view'}[split],
)
train_dataloader.dataset.update(phase='train', **pkummd)
val_dataloader.dataset.update(phase='val', **pkummd)
test_dataloader = val_dataloader
# METHOD 3: the data set's own segments, and the arg-max runs beside them.
val_evaluator.update(protocol='pkummd', proposals=('smooth', 'runs'))
test_evaluator = val_evaluator
num_classes = 51
variant = [split]  # behind the name of the work folder

del environ  # a config holds plain values only
