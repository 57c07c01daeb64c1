"""Where tools and configs are looked for."""

from __future__ import annotations

import pytest

from mmsnip.cli import places


def lay(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')
    return folder


def test_the_checkout_serves_before_what_a_wheel_brought(tmp_path):
    package = lay(tmp_path / 'mmsnip', *(f'.mim/{m}' for m in places.MARKS))
    lay(tmp_path, 'tools/train.py', 'configs/custom/localize.py')
    assert places.home(package) == package / '.mim'  # tools of others

    lay(tmp_path, *places.MARKS)

    assert places.home(package) == tmp_path


def test_a_package_without_tools_has_no_home(tmp_path):
    assert places.home(lay(tmp_path / 'mmsnip', '__init__.py')) is None


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A checkout's package; the user is somewhere else."""
    (tmp_path / 'user').mkdir()
    monkeypatch.chdir(tmp_path / 'user')
    return lay(tmp_path / 'home', *places.MARKS) / 'mmsnip'


@pytest.mark.parametrize(
    'given', ['configs/custom/localize.py', 'custom/localize.py']
)
def test_a_config_is_found_among_those_that_came_along(given, package):
    found = places.find_config(given, package)

    assert found == str(package.parent / 'configs/custom/localize.py')


def test_the_users_own_config_comes_first(package, tmp_path):
    lay(tmp_path / 'user', 'configs/custom/localize.py')

    found = places.find_config('configs/custom/localize.py', package)

    assert found == 'configs/custom/localize.py'


@pytest.mark.parametrize(
    'given', ['mine.py', '../configs/custom/localize.py', '/nowhere/x.py']
)
def test_any_other_config_stays_as_it_was_given(given, package):
    assert places.find_config(given, package) == given


def test_configs_to_run_are_listed_without_their_bases(package):
    lay(package.parent, 'configs/_base_/a.py')

    assert places.list_configs(package.parent) == [
        'configs/custom/localize.py'
    ]
