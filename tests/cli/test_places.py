"""Where tools and configs are looked for."""

from __future__ import annotations

import os

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
    lay(tmp_path, *places.MARKS)

    assert places.home(package) == tmp_path


def test_a_wheel_serves_itself_beside_tools_of_others(tmp_path):
    package = lay(tmp_path / 'mmsnip', *(f'.mim/{m}' for m in places.MARKS))
    lay(tmp_path, 'tools/train.py', 'configs/custom/localize.py')

    assert places.home(package) == package / '.mim'


def test_a_package_without_tools_has_no_home(tmp_path):
    assert places.home(lay(tmp_path / 'mmsnip', '__init__.py')) is None


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder of configs that came along; the user is somewhere else."""
    user = tmp_path / 'user'
    user.mkdir()
    monkeypatch.chdir(user)
    return lay(
        tmp_path / 'home', 'configs/custom/localize.py', 'configs/_base_/a.py'
    )


@pytest.mark.parametrize(
    'given',
    ['configs/custom/localize.py', 'custom/localize.py'],
)
def test_a_config_is_found_among_those_that_came_along(given, installed):
    found = places.find_config(given, installed)

    assert found == str(installed / 'configs/custom/localize.py')


def test_the_users_own_config_comes_first(installed):
    lay(installed.parent / 'user', 'configs/custom/localize.py')

    found = places.find_config('configs/custom/localize.py', installed)

    assert found == 'configs/custom/localize.py'


@pytest.mark.parametrize(
    'given', ['mine.py', '../configs/custom/localize.py', '/nowhere/x.py']
)
def test_any_other_config_stays_as_it_was_given(given, installed):
    assert places.find_config(given, installed / 'configs') == given


def test_only_the_config_among_the_arguments_is_looked_for(installed):
    path = 'custom/localize.py'

    arguments = ['--amp', path, path, '--cfg-options', 'a=b.py']

    found = places.with_configs(arguments, installed)

    assert found == [
        '--amp',
        str(installed / 'configs' / path),
        path,
        '--cfg-options',
        'a=b.py',
    ]


def test_a_value_of_cfg_options_is_no_config(installed):
    arguments = ['--cfg-options', 'init=custom/localize.py']

    assert places.with_configs(arguments, installed) == arguments


def test_configs_to_run_are_listed_without_their_bases(installed):
    found = places.list_configs(installed)

    assert found == ['configs/custom/localize.py']
    assert os.sep == '/' or os.sep not in found[0]
