"""Fixtures shared by all rooms."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.parity import Deviation, Parity, label_of, summary, unread

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get('MMSNIP_SHARED', ROOT.parent / 'shared'))
GOLDEN = ROOT / 'tests' / 'golden'
READ = pytest.StashKey[dict]()
# Why a test may be skipped where CI=true: the machine or the checkout is
# another one. A tool that is missing there is a failure.
MAY_SKIP = (
    'cannot be forked', 'ffmpeg is installed', 'its tool is not here',
    'names are bytes on posix', 'needs /proc', 'needs a GPU',
    'needs all other parity tests', 'needs the GNU C library',
    'no block of this page', 'of pipes', 'shared/', 'smplx',
    'this file system takes', 'a GPU is visible', 'no ffmpeg',
    'zsh is not installed', 'fish is not installed',
    'tcsh is not installed', 'tcsh is not installed',
)  # fmt: skip


def _fail_if_a_tool_is_missing(report):
    """Turn the skip of a report into a failure where CI=true."""
    if os.environ.get('CI') != 'true' or report.outcome != 'skipped':
        return
    reason = str(report.longrepr)
    if hasattr(report, 'wasxfail') or any(why in reason for why in MAY_SKIP):
        return
    report.outcome = 'failed'
    report.longrepr = f'skipped in CI, which has all tools: {reason}'


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """A test that is skipped for want of a tool fails in CI."""
    report = yield
    _fail_if_a_tool_is_missing(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """So does a module."""
    report = yield
    _fail_if_a_tool_is_missing(report)
    return report


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f'shared/{name} does not lie beside this checkout')
    return folder


@pytest.fixture(scope='session')
def reference_dir() -> Path:
    """Golden numbers of the official implementations."""
    return _folder('reference')


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Real skeleton data lent for development."""
    return _folder('data')


@pytest.fixture(scope='session')
def golden_dir() -> Path:
    """Small golden arrays that travel with the project."""
    return GOLDEN


@pytest.fixture
def parity(record_property) -> Parity:
    """Compares with golden arrays; the deviations are printed at the end."""
    return Parity(record_property)


@pytest.fixture(scope='session')
def arrays_read(request) -> dict[str, set[str]]:
    """Names of the golden arrays read so far, per archive."""
    return request.config.stash.setdefault(READ, {})


@pytest.fixture(autouse=True)
def _note_reading(request, monkeypatch):
    """Note which golden arrays a parity test reads."""
    if request.node.get_closest_marker('parity') is None:
        return
    arrays_read = request.getfixturevalue('arrays_read')
    record = request.getfixturevalue('record_property')
    archive_type = np.lib.npyio.NpzFile
    get_array = archive_type.__getitem__

    def noted(archive, key):
        label = label_of(Path(archive.zip.filename), GOLDEN)
        if ('golden file', label) not in request.node.user_properties:
            record('golden file', label)
        arrays_read.setdefault(label, set()).add(key)
        return get_array(archive, key)

    monkeypatch.setattr(archive_type, '__getitem__', noted)
    # What a test that records a bare number is called in the report.
    call = getattr(request.node, 'callspec', None)
    params = call.params if call else {}
    precision = str(params.get('dtype', '')).replace('torch.', ' ')
    record('golden case', f'{params.get("config", "")}{precision}')
    record('limit', params.get('limit', float('nan')))


def pytest_collection_modifyitems(items):
    """Modules with slow tests first, so that none is left for the end.

    A module stays together, its fixtures are made once. What looks at all
    parity tests runs behind them.
    """
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    last = 'test_parity_coverage.py'
    items.sort(
        key=lambda item: (item.path.name == last, item.path not in slow)
    )


def _deviations(report):
    """Golden file and deviation of each comparison of a test."""
    found = dict(report.user_properties)
    name = report.nodeid.split('::')[-1].split('[')[0]
    for key, value in report.user_properties:
        if isinstance(value, tuple):
            yield found.get('golden file', ''), Deviation(*value)
        elif 'deviation' in key:
            case = found.get('golden case') or name
            limit = found.get('limit', float('nan'))
            yield (
                found.get('golden file', ''),
                Deviation(case, float(value), limit, ''),
            )


def pytest_terminal_summary(terminalreporter, config):
    """After ``pytest -m parity``, print the deviation of each case."""
    if 'parity' not in config.option.markexpr:
        return
    rows = [
        row
        for outcome in ('passed', 'failed')
        for report in terminalreporter.getreports(outcome)
        for row in _deviations(report)
    ]
    if not rows:
        return
    terminalreporter.section('largest deviations from the golden numbers')
    for line in summary(rows):
        terminalreporter.write_line(line)
    read = config.stash.get(READ, {})
    for name, folder in (
        ('reference', SHARED / 'reference'),
        ('committed', GOLDEN),
    ):
        paths = sorted(folder.glob('*.npz'))
        if not paths:
            terminalreporter.write_line(f'{name} files: there are none here')
            continue
        left = [
            path.name for path in paths if label_of(path, GOLDEN) not in read
        ]
        partly = unread(folder, GOLDEN, read)
        terminalreporter.write_line(
            f'{name} files: {len(paths)}; not read by any test: '
            f'{", ".join(left) or "none"}; arrays not read: '
            f'{sum(map(len, partly.values())) or "none"}'
        )
