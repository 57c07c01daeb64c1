# BABEL. MMSNIP_SUBSET: 1 (unset) walk, stand, turn, jump; 2 sit, run, stand
# up, kick; 3 jog, wave, dance, gesture.
# MMSNIP_CLASS: one class against everything else, as the method's authors ran
# it; four such networks together are tools/fuse.py --per-class.
# MMSNIP_FRACTION: share of the labelled videos, such as 0.05, each class among
# them; another choice: --cfg-options train_dataloader.dataset.seed=1
from mmengine.config import read_base

with read_base():
    from .localization import *

environ = __import__('os').environ  # mmengine makes `import os` lazy

subset = int(environ.get('MMSNIP_SUBSET') or 1)
only = environ.get('MMSNIP_CLASS') or None
fraction = environ.get('MMSNIP_FRACTION') or None

babel = dict(
    type='BABELDataset', ann_file='data/babel/babel.pkl', subset=subset
)
if only:
    babel.update(only=only)
train_dataloader.dataset.update(split='train', **babel)
if fraction:
    train_dataloader.dataset.update(fraction=float(fraction), seed=0)
val_dataloader.dataset.update(split='val', **babel)
test_dataloader = val_dataloader
num_classes = 1 if only else 4
# Behind the name of the work folder.
variant = [f'subset{subset}', only, fraction and f'fraction{fraction}']

del environ  # a config holds plain values only
