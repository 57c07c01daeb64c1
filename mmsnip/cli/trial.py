"""Start the probe and say in words what came of each of its steps."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from mmsnip.cli.findings import NOTE, OK, PROBLEM, Finding
from mmsnip.cli.machine import cores
from mmsnip.cli.probe import MARK, STEPS

__all__ = ['remedy_for', 'trial_findings']

TIMEOUT_S = 300  # the first import from a slow disk takes its time
START = (
    'import json, sys; sys.path[:] = json.loads(sys.argv[1]); '
    'from mmsnip.cli.probe import main; main()'
)
ASK = 'paste what `mmsnip doctor --report` prints into an issue'
SMALL = 'none is needed for configs/custom; those of the paper want one'
# What a message of a library means, most particular first.
REMEDIES = (
    (r'VersionError', 'mend the versions that are named above'),
    (r'libGL|libgthread|libglib', 'pip uninstall -y opencv-python && '
     'pip install opencv-python-headless'),
    (r'Numpy is not available|_ARRAY_API|compiled using NumPy 1',
     'pip install "numpy<2", or a torch of 2.3 or later'),
    (r'torchvision', 'pip uninstall -y torchvision (mmsnip does not need '
     'it)'),
    (r'no kernel image|not compatible with the current PyTorch',
     'install the build of torch that fits this GPU: '
     'https://pytorch.org/get-started/locally/'),
    (r'driver|CUDA|cuda|cublas|cudnn|nccl',
     'look at nvidia-smi, then install the build of torch that fits the '
     'driver: https://pytorch.org/get-started/locally/'),
    (r"No module named '(?:torch|mmengine|mmcv|mmaction|cv2|numpy)",
     'pip install -r requirements/mminstall.txt, torch before it '
     '(README, Install)'),
    (r"No module named '(\w+)", r'pip install \1'),
    (r'undefined symbol|cannot open shared object|DLL load failed',
     'pip install --force-reinstall torch'),
    (r'No space left', 'make room on the disk'),
)  # fmt: skip


def trial_findings() -> list[Finding]:
    """Import torch and ourselves, read a checkpoint, train one step.

    Returns:
        list[Finding]: A line or more for each step, also where the process
        was killed by what it imported.
    """
    results, end = _run()
    found = []
    for name in STEPS:
        result = results.get(name)
        if result is None:
            found.append(_silent(name, end, bool(results)))
            end = ''
            if found[-1].state == PROBLEM:
                break
        elif 'error' in result:
            found += _failed(name, result['error'])
            if name in ('torch', 'registry'):
                break  # the rest would fail of the same
        else:
            found += SENTENCES[name](result['facts'])
    return found


def _run() -> tuple[dict[str, dict[str, Any]], str]:
    """Results of the steps, and how the process ended if not well."""
    command = [sys.executable, '-c', START, json.dumps(sys.path)]
    environment = {**os.environ, 'PYTHONWARNINGS': 'ignore'}
    end = ''
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        output, end = error.stdout or b'', f'took over {TIMEOUT_S} s'
    except OSError as error:
        return {}, f'no process can be started: {error}'
    else:
        output = done.stdout
        if done.returncode < 0:
            try:
                end = f'died of {signal.Signals(-done.returncode).name}'
            except ValueError:
                end = f'died of signal {-done.returncode}'
        elif done.returncode:
            last = done.stderr.decode(errors='replace').strip().splitlines()
            end = last[-1][:400] if last else f'status {done.returncode}'
    results = {}
    for line in output.decode(errors='replace').splitlines():
        if line.startswith(MARK):
            result = json.loads(line[len(MARK) :])
            results[result['step']] = result
    return results, end


def remedy_for(message: str) -> str:
    """What to do about a message of a library.

    Args:
        message (str): Its error.

    Returns:
        str: One line.

    Examples:
        >>> remedy_for("ModuleNotFoundError: No module named 'addict'")
        'pip install addict'
    """
    for pattern, remedy in REMEDIES:
        found = re.search(pattern, message)
        if found:
            return found.expand(remedy) if found.groups() else remedy
    return ASK


def _failed(name: str, error: str) -> Iterator[Finding]:
    what = {
        'torch': 'cannot be used',
        'checkpoint': 'one of mmengine cannot be read back',
        'registry': 'mmsnip cannot be imported',
        'train step': 'a tiny model cannot be trained',
    }[name]
    yield Finding(name, PROBLEM, f'{what}: {error}', remedy_for(error))


def _silent(name: str, end: str, began: bool) -> Finding:
    """A step that printed nothing: the process ended in it."""
    text = f'trying it {end}' if end else 'not tried'
    if not end:
        return Finding(name, NOTE, text)
    if name == 'torch' and not began:
        remedy = 'pip install --force-reinstall torch'
        return Finding(name, PROBLEM, text, remedy)
    return Finding(name, PROBLEM, text, remedy_for(end))


def _torch(facts: Mapping[str, Any]) -> Iterator[Finding]:
    talk = ', '.join(facts['distributed']) or 'none'
    build = facts['cuda_build']
    yield Finding(
        'torch runs',
        OK,
        f'{facts["version"]}, '
        + (f'built for CUDA {build}' if build else 'built for the CPU')
        + f', distributed backends: {talk}',
    )
    threads, usable = facts['threads'], cores()
    if threads > usable:
        yield Finding(
            'threads',
            NOTE,
            f'torch takes {threads} on {usable} usable cores',
            f'export OMP_NUM_THREADS={usable}',
        )
    else:
        yield Finding('threads', OK, f'torch takes {threads}')
    yield from _gpu(facts)


def _gpu(facts: Mapping[str, Any]) -> Iterator[Finding]:
    error = facts['gpu_error']
    if error:
        text = f'is visible, but fails: {error}'
        yield Finding('GPU', PROBLEM, text, remedy_for(error))
    elif facts['gpus']:
        for gpu in facts['gpus']:
            yield Finding('GPU', OK, gpu)
        text = 'supported by the GPU' if facts['bf16'] else 'not on this GPU'
        yield Finding('bf16', OK if facts['bf16'] else NOTE, text)
    elif shutil.which('nvidia-smi') is None:
        yield Finding('GPU', NOTE, 'none is visible', SMALL)
    elif facts['cuda_build'] is None:
        yield Finding(
            'GPU',
            NOTE,
            'nvidia-smi is here, but this torch is built for the CPU',
            'for the GPU, install the build that fits it: '
            'https://pytorch.org/get-started/locally/',
        )
    elif os.environ.get('CUDA_VISIBLE_DEVICES', '0') in ('', '-1'):
        text = 'hidden by CUDA_VISIBLE_DEVICES'
        yield Finding('GPU', NOTE, text, 'unset CUDA_VISIBLE_DEVICES')
    else:
        yield Finding(
            'GPU',
            PROBLEM,
            'nvidia-smi is here, but torch sees no GPU',
            remedy_for('driver'),
        )


def _checkpoint(facts: Mapping[str, Any]) -> Iterator[Finding]:
    text = 'of mmengine is read back, without running code of it'
    yield Finding('checkpoint', OK, text)


def _registry(facts: Mapping[str, Any]) -> Iterator[Finding]:
    text = ', '.join(f'{count} {name}' for name, count in facts.items())
    yield Finding('registry', OK, text)


def _step(facts: Mapping[str, Any]) -> Iterator[Finding]:
    text = f'a tiny localizer trains, loss {facts["loss"]}'
    yield Finding('train step', OK, text)


SENTENCES = {
    'torch': _torch,
    'checkpoint': _checkpoint,
    'registry': _registry,
    'train step': _step,
}
