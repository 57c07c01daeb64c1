from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.splits import (
    NTU_PROTOCOLS,
    ntu_split,
    pkummd_cross_view,
    pkummd_view,
    read_pkummd_split,
)
from mmsnip.structures import DataError
from tests.formats.pkummd_text import split_text


def named(setup=1, camera=1, performer=1, action=1):
    return f'S{setup:03d}C{camera:03d}P{performer:03d}R001A{action:03d}'


@pytest.mark.parametrize('protocol', sorted(NTU_PROTOCOLS))
def test_every_recording_is_in_one_part(protocol):
    names = [
        named(setup, camera, performer)
        for setup in range(1, 33)
        for camera in range(1, 4)
        for performer in range(1, 107)
    ]

    split = ntu_split(names, protocol)

    assert sorted(split['train'] + split['val']) == sorted(names)
    assert not set(split['train']) & set(split['val'])


def test_twenty_and_fifty_three_performers_train():
    names = [named(performer=n) for n in range(1, 107)]

    few = ntu_split(names, 'ntu60_xsub')['train']
    many = ntu_split(names, 'ntu120_xsub')['train']

    assert (len(few), len(many)) == (20, 53)
    assert set(few) < set(many)
    assert sum(int(name[9:12]) for name in few) == 359
    assert sum(int(name[9:12]) for name in many) == 2795


def test_cameras_two_and_three_train():
    names = [named(camera=n) for n in (1, 2, 3)]

    split = ntu_split(names, 'ntu60_xview')

    assert split == dict(train=names[1:], val=names[:1])


def test_even_setups_train():
    names = [named(setup=n) for n in range(1, 33)]

    split = ntu_split(names, 'ntu120_xset')

    assert split == dict(train=names[1::2], val=names[::2])


def test_later_classes_are_in_no_part_of_the_sixty():
    names = [named(action=60), named(action=61)]

    assert ntu_split(names, 'ntu60_xview') == dict(train=[], val=names[:1])
    assert len(ntu_split(names, 'ntu120_xset')['val']) == 2


def test_an_unknown_protocol_or_name_is_refused():
    with pytest.raises(ValueError, match="protocol='xsub' is unknown"):
        ntu_split([named()], 'xsub')
    with pytest.raises(DataError, match="'0002-L' is no name of NTU"):
        ntu_split(['0002-L'], 'ntu60_xsub')


@pytest.mark.parametrize('stem', ['0002', 'A01N01'])
def test_the_left_view_validates(stem):
    names = [f'{stem}-{view}' for view in 'LMR']

    assert pkummd_cross_view(names) == dict(train=names[1:], val=names[:1])


@pytest.mark.parametrize('name', ['0002-X', '0002', '002-L', 'A1N01-L', ''])
def test_other_names_have_no_view(name):
    with pytest.raises(DataError, match='is no name of PKU-MMD'):
        pkummd_view(name)


TRAIN, VAL = ['0002-L', '0002-M', '0003-R'], ['0291-L', '0291-M']


@pytest.mark.parametrize(
    'text',
    [
        split_text(TRAIN, VAL),
        split_text(TRAIN, VAL, 'Validation videos:'),
        split_text(TRAIN, VAL, 'TESTING VIDEOS'),
        split_text(TRAIN, VAL).replace('\n', '\r\n'),
        split_text(TRAIN, VAL).replace(', ', ',\n'),
        split_text(TRAIN, VAL).replace(': \n', ': '),
        split_text(VAL, TRAIN)
        .replace('Training', 'Test')
        .replace('Validataion', 'Train'),
        split_text([*TRAIN, TRAIN[0]], [f'{name}.txt' for name in VAL]),
    ],
    ids=[
        *('sic', 'right', 'test', 'crlf', 'lines', 'inline', 'turned'),
        'endings',
    ],
)
def test_split_files_are_read(tmp_path, text):
    path = tmp_path / 'cross-subject.txt'
    path.write_bytes(text.encode())

    assert read_pkummd_split(path) == dict(train=TRAIN, val=VAL)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('0002-L, 0003-L\n', "line 1: found '0002-L' above any heading"),
        ('Training videos:\na, b\n', "no names below 'Validation videos:'"),
        (split_text([], VAL), "no names below 'Training videos:'"),
        (split_text(TRAIN, TRAIN[:1]), "line 4: '0002-L' stands in both"),
        (split_text(['a b'], VAL), "line 2: 'a b' is no name"),
        (split_text(['../a'], VAL), 'line 2: .* cannot name a recording'),
    ],
)
def test_broken_split_files_are_refused_by_line(tmp_path, text, message):
    path = tmp_path / 'cross-subject.txt'
    path.write_text(text)

    with pytest.raises(DataError, match=message) as caught:
        read_pkummd_split(path)

    assert str(path) in str(caught.value)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / 'split.txt'
    text = split_text(TRAIN, VAL)
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, len(text)))
    content = text[:at].encode() + data.draw(st.binary()) + text[end:].encode()
    path.write_bytes(content)

    try:
        split = read_pkummd_split(path)
    except DataError as error:
        message = str(error)
        assert str(path) in message
    else:
        assert all(split.values())
