"""Versions of Python and of the packages beside us."""

from __future__ import annotations

import importlib.metadata

import pytest

from mmsnip.cli import installed
from mmsnip.cli.findings import NOTE, OK, PROBLEM
from mmsnip.cli.places import home
from tests.cli.test_doctor import by_check, pretend


@pytest.mark.parametrize(
    ('changes', 'check', 'text', 'remedy'),
    [
        (dict(torch=None), 'torch', 'not installed', 'pip install torch'),
        (
            dict(mmcv='2.0.1', mmcv_lite='2.0.1'),
            'mmcv',
            'overwrite each other',
            'pip uninstall -y mmcv mmcv-lite',
        ),
        (
            dict(mmaction2='0.24.1'),
            'mmaction2',
            '0.24.1 is installed, mmsnip needs',
            'pip install "mmaction2',
        ),
        (
            dict(matplotlib='3.1.0'),
            'matplotlib',
            '3.1.0 is installed, mmsnip needs matplotlib>=3.5',
            'pip install "matplotlib>=3.5"',
        ),
        (dict(scipy=None), 'scipy', 'not installed', 'pip install "scipy"'),
    ],
)
def test_versions_that_do_not_fit_are_problems_with_a_way_out(
    changes, check, text, remedy, monkeypatch
):
    pretend(monkeypatch, **changes)

    found = by_check(installed.installed_findings(home()))[check]

    assert found.state == PROBLEM
    assert text in found.text
    assert remedy in found.remedy


def test_missing_tools_are_a_problem():
    found = installed.installed_findings(None)[0]

    assert (found.check, found.state) == ('mmsnip', PROBLEM)
    assert '--force-reinstall' in found.remedy


def test_two_builds_of_opencv_are_noted(monkeypatch):
    pretend(monkeypatch, opencv_python='4.1', opencv_python_headless='5.0')

    found = by_check(installed.installed_findings(home()))['opencv']

    assert found.state == NOTE
    assert 'pip uninstall -y opencv-python opencv-python-he' in found.remedy


@pytest.mark.parametrize(
    ('pin', 'state'), [('torch==1.2.3', PROBLEM), ('torch>=1.2', OK)]
)
def test_a_torchvision_for_another_torch_is_a_problem(pin, state, monkeypatch):
    real = importlib.metadata.requires
    pretend(monkeypatch, torchvision='0.1')
    monkeypatch.setattr(
        importlib.metadata,
        'requires',
        lambda name: ['numpy', pin] if name == 'torchvision' else real(name),
    )

    found = by_check(installed.installed_findings(home()))['torchvision']

    assert found.state == state
