from __future__ import annotations

from pathlib import Path

import pytest

from mmsnip.visualization.file_names import safe_file_name

NASTY = [
    '../../etc/passwd',
    '/etc/passwd',
    '..',
    '.',
    '',
    'a/b',
    'a\\b',
    'C:\\x',
    'nul',
    'com1.txt',
    'new\nline\0zero',
    'x' * 5000,
    '动作' * 200,
    '\udcff',
    '.hidden',
]


@pytest.mark.parametrize('name', NASTY)
def test_a_name_never_leaves_its_folder(name, tmp_path):
    file = tmp_path / f'{safe_file_name(name)}.png'
    file.write_bytes(b'')
    assert file.resolve().parent == tmp_path.resolve()
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    assert not Path(file.name).name.startswith('.')


def test_names_that_clean_alike_stay_apart():
    names = ['a/b', 'a_b', 'a b', 'a:b', '../a/b']
    assert len({safe_file_name(name) for name in names}) == len(names)


def test_a_plain_name_stays_as_it_is():
    assert safe_file_name('bandai2_active-000.v1') == 'bandai2_active-000.v1'
