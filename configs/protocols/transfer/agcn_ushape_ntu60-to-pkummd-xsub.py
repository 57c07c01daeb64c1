# Transfer: pre-trained on trimmed NTU RGB+D, fine-tuned on untrimmed
# PKU-MMD with its own 51 classes.
_base_ = ['../../localization/agcn_ushape_1xb8-40e_pkummd-xsub-joint.py']
model = dict(pretrained='work_dirs/agcn_ntu_pretrain_rvtclr/epoch_600.pth')
