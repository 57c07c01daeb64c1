"""Registries of scope ``mmsnip``.

Each is a child of mmengine's root, so a config names our components as
``mmsnip.X`` and mmaction2's as ``mmaction.X``, whatever its default scope.
``locations`` are imported on first use; nothing needs importing by hand.
"""

from __future__ import annotations

from mmsnip import compat  # isort: skip  (first: it makes its neighbours fit)

from mmengine.registry import Registry, root

compat.prepare()


def _child(parent: Registry, location: str) -> Registry:
    return Registry(
        parent.name, parent=parent, scope='mmsnip', locations=[location]
    )


DATASETS = _child(root.DATASETS, 'mmsnip.datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'mmsnip.datasets')
FUNCTIONS = _child(root.FUNCTIONS, 'mmsnip.datasets')
TRANSFORMS = _child(root.TRANSFORMS, 'mmsnip.transforms')
MODELS = _child(root.MODELS, 'mmsnip.models')
METRICS = _child(root.METRICS, 'mmsnip.evaluation.metric')
HOOKS = _child(root.HOOKS, 'mmsnip.hooks')

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
