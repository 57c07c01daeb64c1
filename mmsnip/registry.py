"""Registries of scope ``mmsnip``.

Each is a child of mmengine's root, so a config names our components as
``mmsnip.X`` and mmaction2's as ``mmaction.X``, whatever its default scope.
``locations`` are imported on first use; nothing needs importing by hand.
"""

from __future__ import annotations

from mmsnip import compat  # isort: skip  (first: it makes its neighbours fit)

from mmengine.registry import Registry, root

compat.prepare()

DATASETS = Registry(
    'dataset',
    parent=root.DATASETS,
    scope='mmsnip',
    locations=['mmsnip.datasets'],
)
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=root.DATA_SAMPLERS,
    scope='mmsnip',
    locations=['mmsnip.datasets'],
)
FUNCTIONS = Registry(
    'function',
    parent=root.FUNCTIONS,
    scope='mmsnip',
    locations=['mmsnip.datasets'],
)
TRANSFORMS = Registry(
    'transform',
    parent=root.TRANSFORMS,
    scope='mmsnip',
    locations=['mmsnip.transforms'],
)
MODELS = Registry(
    'model',
    parent=root.MODELS,
    scope='mmsnip',
    locations=['mmsnip.models'],
)
METRICS = Registry(
    'metric',
    parent=root.METRICS,
    scope='mmsnip',
    locations=['mmsnip.evaluation.metric'],
)
HOOKS = Registry(
    'hook',
    parent=root.HOOKS,
    scope='mmsnip',
    locations=['mmsnip.hooks'],
)

# Nothing of ours is registered here; without a child of its own, mmengine
# warns at each of these whenever the default scope is ``mmsnip``.
for _parent in (
    root.RUNNERS,
    root.RUNNER_CONSTRUCTORS,
    root.LOOPS,
    root.MODEL_WRAPPERS,
    root.WEIGHT_INITIALIZERS,
    root.OPTIMIZERS,
    root.OPTIM_WRAPPERS,
    root.OPTIM_WRAPPER_CONSTRUCTORS,
    root.PARAM_SCHEDULERS,
    root.EVALUATOR,
    root.TASK_UTILS,
    root.VISUALIZERS,
    root.VISBACKENDS,
    root.LOG_PROCESSORS,
    root.INFERENCERS,
):
    Registry(_parent.name, parent=_parent, scope='mmsnip')
