"""Check this installation, and say in a line what to do where it fails.

Exit status: 0, or 1 where there are problems; notes are none.
"""

from __future__ import annotations

import argparse
import getpass
import importlib.metadata
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mmsnip import __version__, compat
from mmsnip.cli.places import home

__all__ = ['Finding', 'examine']

OK, NOTE, PROBLEM = 'OK', 'note', 'problem'
MARK = 'mmsnip-probe '  # other lines are what the libraries print
TIMEOUT_S = 300  # the first import from a slow disk takes its time
TORCH_BUILDS = 'https://pytorch.org/get-started/locally/'
# What a message of a library means, most particular first.
REMEDIES = {
    r'VersionError': 'mend the versions that are named above',
    r'libGL|libgthread|libglib': 'pip uninstall -y opencv-python && '
    'pip install opencv-python-headless',
    r'torchvision': 'pip uninstall -y torchvision (mmsnip does not need it)',
    r'no kernel image|not compatible with the current PyTorch': 'install the '
    f'build of torch that fits this GPU: {TORCH_BUILDS}',
    r'driver|CUDA|cuda|cublas|cudnn|nccl': 'look at nvidia-smi, then install '
    f'the build of torch that fits the driver: {TORCH_BUILDS}',
    r"No module named '(?:torch|mmengine|mmcv|mmaction|cv2|numpy)": 'pip '
    'install -r requirements/mminstall.txt, torch before it (README, Install)',
    r"No module named '(\w+)": r'pip install \1',
    r'undefined symbol|cannot open shared object|DLL load failed|SIG': 'pip '
    'install --force-reinstall torch',
    r'No space left': 'make room on the disk',
    r'': 'paste what `mmsnip doctor --report` prints into an issue',
}


Facts = Iterator[tuple[str, str, str]]  # check, state, text


class Finding(NamedTuple):
    """One line of the doctor.

    Attributes:
        check (str): What was looked at.
        state (str): 'OK', 'note' or 'problem'.
        text (str): What was found.
        remedy (str): What to do, one line; every problem has one.
    """

    check: str
    state: str
    text: str
    remedy: str = ''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add(
        '--quick',
        action='store_true',
        help='read versions and sizes only; import and train nothing',
    )
    add('--json', action='store_true', help='print JSON, for programs')
    add(
        '--report',
        action='store_true',
        help='print a text for an issue, without paths, host and user name',
    )


def run(args: argparse.Namespace) -> int:
    """Examine and print."""
    findings = examine(args.quick)
    if args.report:
        findings = [Finding(*map(_scrub, each)) for each in findings]
    problems = sum(each.state == PROBLEM for each in findings)
    if args.json:
        rows = [each._asdict() for each in findings]
        print(json.dumps(dict(problems=problems, findings=rows), indent=1))
        return int(problems > 0)
    width = max(len(each.check) for each in findings)
    lines = []
    for each in findings:
        lines.append(f'{each.state:<8}{each.check:<{width}}  {each.text}')
        if each.remedy:
            lines.append(f'{"":<{width + 8}}  -> {each.remedy}')
    lines.append(
        f'{problems} problem(s) to mend' if problems else 'no problems found'
    )
    text = '\n'.join(lines)
    print(f'```text\n{text}\n```' if args.report else text)
    return int(problems > 0)


def examine(quick: bool = False) -> list[Finding]:
    """Look at everything.

    Args:
        quick (bool): Leave out what imports torch. Defaults to False.

    Returns:
        list[Finding]: In the order to be read.
    """
    found = [*_packages(), *_machine()]
    return found if quick else [*found, *_trial()]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    """What can be told by metadata, nothing imported."""
    folder = home()
    if folder is None:
        yield Finding(
            'mmsnip',
            PROBLEM,
            f'{__version__}, without its tools and configs',
            'pip install --force-reinstall --no-deps mmsnip (or, in a '
            'checkout, pip install -e .)',
        )
    else:
        place = 'a wheel' if folder.name == '.mim' else 'a checkout'
        yield Finding('mmsnip', OK, f'{__version__}, from {place}')
    text = f'{platform.python_version()}, {platform.system()} on '
    text += platform.machine()
    yield Finding('python', OK, text)
    unfit = compat.unfit_versions()
    for name in compat.SUPPORTED:
        if name in unfit:
            yield Finding(name, PROBLEM, *unfit[name])
        else:
            version = _version(name) or f'{_version("mmcv-lite")} (mmcv-lite)'
            yield Finding(name, OK, version)
    yield from _requirements(folder)


def _requirements(folder: Path | None) -> Iterator[Finding]:
    """What pip would have installed; a checkout's own list is never stale."""
    from packaging.requirements import Requirement

    try:
        if folder is not None and folder.name != '.mim':
            text = (folder / 'requirements' / 'runtime.txt').read_text('utf-8')
            lines = [line for line in text.splitlines() if line[:1].isalpha()]
        else:
            lines = importlib.metadata.requires('mmsnip') or []
    except importlib.metadata.PackageNotFoundError:
        return
    sound = []
    for wanted in map(Requirement, lines):
        if wanted.marker is not None or wanted.name in compat.SUPPORTED:
            continue
        found = _version(wanted.name)
        if found and wanted.specifier.contains(found, prereleases=True):
            sound.append(f'{wanted.name} {found}')
            continue
        text = f'{found} is installed' if found else 'not installed'
        text += f', mmsnip needs {wanted}'
        remedy = f'pip install "{wanted}"'
        yield Finding(wanted.name, PROBLEM, text, remedy)
    yield Finding('requirements', OK, ', '.join(sound))


def _machine() -> Iterator[Finding]:
    """Cores, memory and disk of this machine."""
    usable, threads = _cores(), os.environ.get('OMP_NUM_THREADS', '')
    text, state, remedy = f'{usable} usable', OK, ''
    if threads.isdigit() and int(threads) > usable:
        text += f', but OMP_NUM_THREADS={threads} asks for more'
        state, remedy = NOTE, f'export OMP_NUM_THREADS={usable}'
    yield Finding('cores', state, text, remedy)
    shared = 'start the container with --shm-size=2g, or load without '
    shared += 'workers: --cfg-options train_dataloader.num_workers=0'
    room = 'make room, or name another --work-dir'
    for check, where, least, enough, remedy in (
        ('shared memory', '/dev/shm', 32, 512, shared),  # of loaders
        ('disk', '.', 200, 2048, room),
    ):
        try:
            free = shutil.disk_usage(where).free / 2**20
        except OSError:
            continue
        state = PROBLEM if free < least else NOTE if free < enough else OK
        text = f'{free / 1024:.1f} GiB free'
        yield Finding(check, state, text, '' if state == OK else remedy)


def _cores() -> int:
    """Cores that this process may use: affinity and container considered."""
    if hasattr(os, 'sched_getaffinity'):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        limit = Path('/sys/fs/cgroup/cpu.max').read_text(encoding='utf-8')
        quota, period = limit.split()
        count = min(count, round(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no limit
    return max(count, 1)


def _trial() -> Iterator[Finding]:
    """Import torch and ourselves, read a checkpoint, train one step."""
    start = (
        'import json, sys; sys.path[:] = json.loads(sys.argv[1]); '
        'from mmsnip.cli.doctor import probe; probe()'
    )
    try:
        done = subprocess.run(
            [sys.executable, '-c', start, json.dumps(sys.path)],
            env={**os.environ, 'PYTHONWARNINGS': 'ignore'},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        output, end = done.stdout, ''
        if done.returncode < 0:
            end = f'died of {signal.Signals(-done.returncode).name}'
        elif done.returncode:
            last = done.stderr.decode(errors='replace').strip()
            end = last.splitlines()[-1][:400] if last else 'failed'
    except subprocess.TimeoutExpired as error:
        output, end = error.stdout or b'', f'took over {TIMEOUT_S} s'
    results = {}
    for line in output.decode(errors='replace').splitlines():
        if line.startswith(MARK):
            result = json.loads(line[len(MARK) :])
            results[result['step']] = result
    for name in STEPS:
        result = results.get(name, dict(error=f'trying it {end or "ended"}'))
        if 'error' not in result:
            for check, state, text in result['facts']:
                remedy = '' if state == OK else remedy_for(text)
                yield Finding(check, state, text, remedy)
            continue
        error = result['error']
        yield Finding(name, PROBLEM, error, remedy_for(error))
        if name not in results or name in ('torch', 'registry'):
            return  # the rest would fail of the same


def remedy_for(message: str) -> str:
    """What to do about a message of a library, in a line."""
    return next(
        found.expand(remedy) if found.groups() else remedy
        for pattern, remedy in REMEDIES.items()
        if (found := re.search(pattern, message))
    )


def _scrub(text: str) -> str:
    """A text without paths, host and user name."""
    folders = {sys.prefix, sys.base_prefix}
    names: dict[str, str] = {}
    for place in (Path.home, Path.cwd):
        try:
            folders.add(str(place()))
        except (OSError, RuntimeError):
            continue  # no home, or the working directory is gone
    # A user id may have no name, as in some containers.
    with suppress(KeyError, ImportError, OSError, RuntimeError):
        names = dict.fromkeys((getpass.getuser(), Path.home().name), '<user>')
    host = platform.node()
    names.update(dict.fromkeys((host, host.split('.')[0]), '<host>'))
    # These may hold blanks, which the pattern of a path stops at.
    for folder in sorted(folders, key=len, reverse=True):
        if len(Path(folder).parts) > 2:
            tail = r'[^\s\'",;:()]*'
            text = re.sub(re.escape(folder) + tail, '<path>', text)
    text = re.sub(
        r'(?<![\w:/.<>])(?:~?/(?!dev/shm)[^\s\'",;:()]+|[A-Za-z]:\\[^\s\'",;()]+)',
        '<path>',
        text,
    )
    for name in sorted(filter(None, names), key=len, reverse=True):
        pattern = rf'(?<![\w<-]){re.escape(name)}(?![\w>-])'
        text = re.sub(pattern, names[name], text)
    return text


# Trying out, in a process of its own


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
        backends = [
            name
            for name in ('gloo', 'nccl')
            if getattr(distributed, f'is_{name}_available', bool)()
        ]
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


def probe() -> None:
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
