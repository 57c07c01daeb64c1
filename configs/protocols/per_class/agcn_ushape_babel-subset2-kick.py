# One class against everything else, as the method's authors ran it. The four
# networks of a subset together: tools/test.py --dump-scores for each, then
# tools/fuse.py --per-class.
_base_ = ['../../localization/agcn_ushape_1xb8-40e_babel-subset2-joint.py']
model = dict(head=dict(num_classes=1))
train_dataloader = dict(dataset=dict(only='kick'))
val_dataloader = dict(dataset=dict(only='kick'))
test_dataloader = val_dataloader
