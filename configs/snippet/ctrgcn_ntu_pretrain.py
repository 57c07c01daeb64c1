# Snippet pre-training of CTR-GCN on NTU RGB+D.
# The host alone, its own baseline: --cfg-options model.snippet_head=None
# Read in place of `_base_` or `read_base`, so that a config of yours can build
# on this one by either.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
globals().update(
    read(
        '_base_/models/ctrgcn_snippet',
        '_base_/datasets/ntu60_two_views',
        '_base_/schedules/sgd_600e',
        '_base_/default_runtime',
    )
)
del read

default_hooks.checkpoint.update(interval=10)
custom_hooks = [*custom_hooks, snippet_probe]
