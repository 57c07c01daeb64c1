"""Try out what mmsnip stands on; run by the doctor in a process of its own.

A library that is broken may end the process that imports it, so each step
prints its result as a line of JSON before the next begins.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any

__all__ = ['MARK', 'STEPS', 'main']

MARK = 'mmsnip-probe '  # other lines are what the libraries print


def torch_facts() -> dict[str, Any]:
    """Import torch and compute with it, on the CPU and the first GPU."""
    import numpy as np
    import torch

    found = torch.from_numpy(np.ones((3, 4), np.float32))
    if float((found @ found.T).sum()) != 36:
        raise RuntimeError('torch multiplies matrices wrongly')
    facts: dict[str, Any] = dict(
        version=torch.__version__,
        cuda_build=torch.version.cuda or getattr(torch.version, 'hip', None),
        threads=torch.get_num_threads(),
        distributed=[],
        gpus=[],
        bf16=False,
        gpu_error='',
    )
    if torch.distributed.is_available():
        facts['distributed'] = [
            name
            for name in ('gloo', 'nccl')
            if getattr(torch.distributed, f'is_{name}_available', bool)()
        ]
    if torch.cuda.is_available():
        try:
            for index in range(torch.cuda.device_count()):
                about = torch.cuda.get_device_properties(index)
                facts['gpus'].append(
                    f'{about.name}, {about.total_memory / 2**30:.0f} GiB, '
                    f'compute capability {about.major}.{about.minor}'
                )
            x = torch.ones(4, 3, 8, device='cuda')
            layer = torch.nn.Conv1d(3, 5, 3).cuda()
            layer(x).sum().backward()
            torch.cuda.synchronize()
            facts['bf16'] = bool(torch.cuda.is_bf16_supported())
        except Exception as error:  # the CPU may still serve
            facts['gpu_error'] = _first_line(error)
    return facts


def checkpoint_facts() -> dict[str, Any]:
    """Write and read a checkpoint as mmengine makes them."""
    import numpy as np
    import torch
    from mmengine.logging.history_buffer import HistoryBuffer

    from mmsnip.compat import allow_checkpoint_types, load_checkpoint

    allow_checkpoint_types()
    history = HistoryBuffer()
    history.update(0.5)
    file = io.BytesIO()
    saved = dict(
        state_dict=dict(weight=torch.arange(3.0)),
        message_hub=dict(loss=history, rate=np.float64(0.1)),
    )
    torch.save(saved, file)
    loaded = load_checkpoint(file.getvalue())
    if loaded['message_hub']['loss'].current() != 0.5:
        raise RuntimeError('a checkpoint came back changed')
    return {}


def registry_facts() -> dict[str, Any]:
    """Import the registry, and the rooms that it imports on first use."""
    from mmsnip.registry import DATASETS, METRICS, MODELS, TRANSFORMS

    counts = {}
    for name, registry in (
        ('models', MODELS),
        ('datasets', DATASETS),
        ('transforms', TRANSFORMS),
        ('metrics', METRICS),
    ):
        registry.import_from_location()
        counts[name] = len(registry)
    return counts


def step_facts() -> dict[str, Any]:
    """Build a tiny localizer and train it for one step."""
    import torch
    from mmaction.structures import ActionDataSample

    from mmsnip.registry import MODELS

    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmsnip.SkeletonLocalizer',
            backbone=dict(
                type='mmsnip.AGCN',
                graph_cfg=dict(layout=dict(parents=[-1, 0, 1, 1])),
                base_channels=8,
                out_indices=(0, 6, 9),
            ),
            neck=dict(type='mmsnip.UShapeFusionNeck', out_channels=8),
            head=dict(type='mmsnip.FrameLocalizationHead', num_classes=2),
        )
    )
    model.init_weights()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sample = ActionDataSample()
    sample.gt_frame_labels = torch.arange(17) % 3
    joints = torch.randn(1, 1, 17, 4, 3)
    losses = model(joints, [sample], mode='loss')
    loss = sum(losses.values())
    loss.backward()
    optimizer.step()
    if not torch.isfinite(loss):
        raise RuntimeError(f'the loss of one step is {float(loss)}')
    return dict(loss=round(float(loss), 3))


STEPS: dict[str, Callable[[], dict[str, Any]]] = {
    'torch': torch_facts,
    'checkpoint': checkpoint_facts,
    'registry': registry_facts,
    'train step': step_facts,
}


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or ['']
    # compat.VersionError lists what does not fit in the lines below.
    text = ' '.join(lines[:4]) if len(lines) > 1 else lines[0]
    return f'{type(error).__name__}: {text}'[:400]


def main() -> None:
    """Take the steps, each after the one before has printed its result."""
    for name, step in STEPS.items():
        try:
            result = dict(step=name, facts=step())
        except BaseException as error:  # an import may raise SystemExit
            result = dict(step=name, error=_first_line(error))
        sys.stdout.write(f'\n{MARK}{json.dumps(result)}\n')
        sys.stdout.flush()
        if 'error' in result and name in ('torch', 'registry'):
            return


if __name__ == '__main__':
    main()
