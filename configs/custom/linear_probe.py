# Linear probe on any annotation file: the encoder that MMSNIP_INIT names is
# frozen, batch norm included; a linear layer on its last stage trains.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
globals().update(read('custom/localize'))
del read

model.update(
    neck=None,
    frozen_stages=9,  # the last of ten blocks
)
