"""Fixtures shared by all rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / 'shared'


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
    return ROOT / 'tests' / 'golden'


def pytest_terminal_summary(terminalreporter):
    """After ``pytest -m parity``, print the deviation of each case."""
    if 'parity' not in terminalreporter.config.option.markexpr:
        return
    rows = [
        (value, name, report.nodeid.split('::', 1)[1])
        for report in terminalreporter.getreports('passed')
        for name, value in report.user_properties
        if 'deviation' in name
    ]
    if not rows:
        return
    terminalreporter.section('largest deviations from the golden numbers')
    for value, name, case in sorted(rows, key=lambda row: row[2]):
        terminalreporter.write_line(f'{value:9.2e}  {case}: {name}')
