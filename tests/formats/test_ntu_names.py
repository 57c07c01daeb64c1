from __future__ import annotations

import pytest

from mmsnip.io.formats.ntu import (
    NTU_CLASSES,
    NTUName,
    ntu_name,
    read_name_list,
)
from mmsnip.structures import DataError

MISSING = """\
3 of the captured samples in the "NTU RGB+D" dataset have missing skeletons.
If you are working on skeleton-based analysis, please ignore these files.

S001C002P005R002A008
S001C002P006R001A008
S001C003P002R001A055
"""
NAMES = MISSING.split('\n')[3:6]


@pytest.mark.parametrize(
    'name',
    [
        'S001C002P003R002A013',
        'S001C002P003R002A013.skeleton',
        '/a/b/S001C002P003R002A013.skeleton',
        'a\\S001C002P003R002A013.npy',
    ],
)
def test_a_name_gives_its_five_numbers(name):
    assert ntu_name(name) == NTUName(1, 2, 3, 2, 13)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('S001C002P003R002', 'is no name of NTU'),
        ('S001C002P003R002A13', 'is no name of NTU'),
        ('xS001C002P003R002A013', 'is no name of NTU'),
        ('', 'is no name of NTU'),
        ('S033C002P003R002A013', 'has setup 33; expected 1 to 32'),
        ('S001C000P003R002A013', 'has camera 0; expected 1 to 3'),
        ('S001C001P107R002A013', 'has performer 107; expected 1 to 106'),
        ('S001C001P003R003A013', 'has replication 3; expected 1 to 2'),
        ('S001C001P003R002A121', 'has action 121; expected 1 to 120'),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(DataError, match=message):
        ntu_name(name)


def test_the_classes_are_those_of_the_readme():
    assert len(NTU_CLASSES) == len(set(NTU_CLASSES)) == 120
    assert NTU_CLASSES[0] == 'drink water'
    assert NTU_CLASSES[59] == 'walking apart from each other'
    assert NTU_CLASSES[60] == 'put on headphone'
    assert NTU_CLASSES[98] == 'running on the spot'


def test_a_list_gives_its_names_once(tmp_path):
    path = tmp_path / 'missing.txt'
    text = f'{MISSING}\n{NAMES[0]}.skeleton\n'
    path.write_bytes(text.replace('\n', '\r\n').encode())

    assert read_name_list(path) == NAMES


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a\nb c\n', "line 2: found 'b c', expected one name a line"),
        ('only some prose\n', 'holds no name'),
        ('a\n../../b\n', 'line 2: .* cannot name a recording'),
        ('a\n.skeleton\n', 'line 2: .* cannot name a recording'),
    ],
)
def test_other_lists_are_refused(tmp_path, text, message):
    path = tmp_path / 'missing.txt'
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_name_list(path)
