"""Check this installation, and say in a line what to do where it fails.

Exit status: 0, or 1 where there are problems; notes are none.
"""

from __future__ import annotations

import argparse
import getpass
import importlib.metadata
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
MIB, GIB = 2**20, 2**30
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
    builds = [
        f'opencv-{kind}'
        for kind in ('python', 'contrib-python')
        for kind in (kind, f'{kind}-headless')
        if _version(f'opencv-{kind}')
    ]
    if len(builds) > 1:
        yield Finding(
            'opencv',
            NOTE,
            f'{" and ".join(builds)} overwrite each other',
            f'pip uninstall -y {" ".join(builds)} && pip install '
            'opencv-python-headless',
        )
    yield from _torchvision()
    found = _version('onnxruntime') or _version('onnxruntime-gpu')
    if found:
        yield Finding('onnxruntime', OK, found)
    else:
        yield Finding(
            'onnxruntime',
            NOTE,
            'not installed; only exported models need it',
            'pip install onnx onnxruntime onnxscript',
        )


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


def _torchvision() -> Iterator[Finding]:
    """None is needed; one for another torch breaks who imports it."""
    from packaging.requirements import Requirement

    found, torch = _version('torchvision'), _version('torch')
    if not (found and torch):
        return
    for wanted in map(
        Requirement, importlib.metadata.requires('torchvision') or []
    ):
        if wanted.name == 'torch' and torch not in wanted.specifier:
            yield Finding(
                'torchvision',
                PROBLEM,
                f'{found} is made for {wanted}, {torch} is installed: '
                'whoever imports it fails',
                REMEDIES['torchvision'],
            )


def _machine() -> Iterator[Finding]:
    """Cores, memory, disk, programs and settings of this machine."""
    usable, threads = _cores(), os.environ.get('OMP_NUM_THREADS', '')
    text, state, remedy = f'{usable} usable', OK, ''
    if threads.isdigit() and int(threads) > usable:
        text += f', but OMP_NUM_THREADS={threads} asks for more'
        state, remedy = NOTE, f'export OMP_NUM_THREADS={usable}'
    yield Finding('cores', state, text, remedy)
    for check, where, least, enough, remedy in (
        (
            'shared memory',
            '/dev/shm',  # where the workers of loaders hand over batches
            32 * MIB,
            512 * MIB,
            'start the container with --shm-size=2g, or load without '
            'workers: --cfg-options train_dataloader.num_workers=0',
        ),
        (
            'disk',
            '.',
            200 * MIB,
            2 * GIB,
            'make room, or name another --work-dir',
        ),
    ):
        try:
            free = shutil.disk_usage(where).free
        except OSError:
            continue
        state = PROBLEM if free < least else NOTE if free < enough else OK
        text = f'{free / GIB:.1f} GiB free'
        yield Finding(check, state, text, '' if state == OK else remedy)
    for name, what in (
        ('ffmpeg', 'pictures that move need'),
        ('chromium', 'the tests of the report page need'),
    ):
        if shutil.which(name):
            yield Finding(name, OK, 'found')
        else:
            yield Finding(name, NOTE, f'not found; only {what} it')
    for name in ('MMSNIP_ANN_FILE', 'MMSNIP_INIT'):
        value = os.environ.get(name)
        if value and not Path(value).exists():
            yield Finding(
                name,
                NOTE,
                'is set, but names nothing that exists here',
                f'unset {name}, or let it name a file by its absolute path',
            )


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
    from mmsnip.cli.probe import MARK, STEPS

    start = (
        'import json, sys; sys.path[:] = json.loads(sys.argv[1]); '
        'from mmsnip.cli.probe import main; main()'
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
