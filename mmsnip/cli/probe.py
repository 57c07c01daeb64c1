"""Try out what mmsnip stands on; run by the doctor in a process of its own.

A library that is broken may end the process that imports it, so each step
prints its findings (check, state, text) as a line of JSON before the next
begins.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator

__all__ = ['MARK', 'STEPS', 'main']

MARK = 'mmsnip-probe '  # other lines are what the libraries print
Facts = Iterator[tuple[str, str, str]]


def _torch() -> Facts:
    """Import torch and compute with it, on the CPU and the first GPU."""
    import numpy as np
    import torch
    from torch import distributed

    found = torch.from_numpy(np.ones((3, 4), np.float32))
    if float((found @ found.T).sum()) != 36:
        raise RuntimeError('torch multiplies matrices wrongly')
    build = torch.version.cuda or getattr(torch.version, 'hip', None)
    text = f'{torch.__version__}, built for '
    text += f'CUDA {build}' if build else 'the CPU'
    if distributed.is_available():
        backends = [n for n in ('gloo', 'nccl') if _has_backend(n)]
        text += f', distributed backends: {", ".join(backends)}'
    yield 'torch runs', 'OK', text
    yield 'threads', 'OK', f'torch takes {torch.get_num_threads()}'
    if torch.cuda.is_available():
        try:
            for index in range(torch.cuda.device_count()):
                about = torch.cuda.get_device_properties(index)
                size = about.total_memory / 2**30
                yield 'GPU', 'OK', f'{about.name}, {size:.0f} GiB'
            x = torch.ones(4, 3, 8, device='cuda')
            torch.nn.Conv1d(3, 5, 3).cuda()(x).sum().backward()
            torch.cuda.synchronize()
        except Exception as error:  # the CPU may still serve
            text = f'is visible, but fails: {_first_line(error)}'
            yield 'GPU', 'problem', text
    elif shutil.which('nvidia-smi') is None:
        yield 'GPU', 'OK', 'none is visible, and none needed by configs/custom'
    else:
        text = 'nvidia-smi is here, but torch sees no GPU: another CUDA build'
        yield 'GPU', 'problem' if build else 'note', text


def _has_backend(name: str) -> bool:
    from torch import distributed

    return getattr(distributed, f'is_{name}_available', bool)()


def _environment() -> Facts:
    """What mmengine tells of compilers and builds."""
    from mmengine.utils.dl_utils import collect_env

    for name, value in collect_env().items():
        text = str(value).strip()
        if '\n' not in text:
            yield name, 'OK', text


def _checkpoint() -> Facts:
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
    text = 'of mmengine is read back, without running code of it'
    yield 'checkpoint', 'OK', text


def _registry() -> Facts:
    """Import the registry, and the rooms that it imports on first use."""
    from mmsnip import registry

    counts = []
    for name in ('MODELS', 'DATASETS', 'TRANSFORMS', 'METRICS'):
        one = getattr(registry, name)
        one.import_from_location()
        counts.append(f'{len(one)} {name.lower()}')
    yield 'registry', 'OK', ', '.join(counts)


def _train_step() -> Facts:
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
    losses = model(torch.randn(1, 1, 17, 4, 3), [sample], mode='loss')
    loss = sum(losses.values())
    loss.backward()
    optimizer.step()
    if not torch.isfinite(loss):
        raise RuntimeError(f'the loss of one step is {float(loss)}')
    text = f'a tiny localizer trains, loss {float(loss):.3f}'
    yield 'train step', 'OK', text


STEPS = {
    'torch': _torch,
    'checkpoint': _checkpoint,
    'environment': _environment,
    'registry': _registry,
    'train step': _train_step,
}


def _first_line(error: BaseException) -> str:
    # compat.VersionError lists what does not fit in the lines below.
    text = ' '.join(str(error).strip().splitlines()[:4])
    return f'{type(error).__name__}: {text}'[:400]


def main() -> None:
    """Take the steps, each after the one before has printed its result."""
    for name, step in STEPS.items():
        try:
            result = dict(step=name, facts=list(step()))
        except BaseException as error:  # an import may raise SystemExit
            result = dict(step=name, error=_first_line(error))
        sys.stdout.write(f'\n{MARK}{json.dumps(result)}\n')
        sys.stdout.flush()
        if 'error' in result and name in ('torch', 'registry'):
            return
