# Linear probe on any annotation file: the encoder that MMSNIP_INIT names is
# frozen, batch norm included; a linear layer on its last stage trains.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
environ = __import__('os').environ
given = environ.pop('MMSNIP_UNLABELLED', None)
environ['MMSNIP_UNLABELLED'] = '0'  # the labels alone judge an encoder
globals().update(read('custom/localize'))
del environ['MMSNIP_UNLABELLED']
if given is not None:
    environ['MMSNIP_UNLABELLED'] = given
del read, environ, given

model.update(
    neck=None,
    frozen_stages=9,  # the last of ten blocks
)
