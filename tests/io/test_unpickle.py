"""Pickles of plain data open; anything else is refused."""

from __future__ import annotations

import collections
import copyreg
import io
import os
import pickle
import time

import numpy as np
import pytest

from mmsnip.io.unpickle import RefusedPickle, unpickle

PLAIN = {
    'list': [1, 2.5, True, None, 'name', b'bytes', (1, (2, 3)), {4, 5}],
    'float16': np.arange(6, dtype=np.float16).reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    'strided': np.arange(24, dtype=np.int64).reshape(4, 6)[::2, ::3],
    'big_endian': np.arange(5, dtype='>f4'),
    'bool': np.array([True, False]),
    'text': np.array(['a', 'bc']),
    'empty': np.zeros((0, 2), np.int64),
    'scalar': np.float32(1.5),
    'integer': np.int64(7),
    'bytes': b'',
    'bytearray': bytearray(b'ab'),
    'frozen': frozenset({1, 2}),
}


def opened(payload: bytes):
    return unpickle(io.BytesIO(payload))


def refusal_of(payload: bytes) -> RefusedPickle:
    with pytest.raises(RefusedPickle) as caught:
        opened(payload)
    return caught.value


def assert_same(loaded, value):
    assert type(loaded) is type(value)
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(loaded, value)
    else:
        assert loaded == value


@pytest.mark.parametrize('key', PLAIN)
@pytest.mark.parametrize('protocol', range(6))
def test_plain_data_survives_every_protocol(protocol, key):
    payload = pickle.dumps({key: PLAIN[key]}, protocol=protocol)

    loaded = opened(payload)

    assert_same(loaded[key], PLAIN[key])


@pytest.mark.parametrize('protocol', range(4))
@pytest.mark.parametrize('core', [b'numpy._core', b'numpy.core'])
def test_module_names_of_numpy_1_and_2_are_understood(core, protocol):
    # Up to protocol 3 a name ends with a line break and can be exchanged.
    payload = pickle.dumps([np.arange(3.0), np.int64(7)], protocol=protocol)
    for name in (b'numpy._core', b'numpy.core'):
        payload = payload.replace(b'c' + name, b'c' + core)
    assert b'c' + core + b'.multiarray' in payload

    loaded = opened(payload)

    np.testing.assert_array_equal(loaded[0], np.arange(3.0))
    assert loaded[1] == 7


def test_arrays_are_native_and_writable():
    loaded = opened(pickle.dumps(np.arange(3, dtype='>i2')))

    loaded[0] = 5

    assert loaded.dtype.isnative
    assert loaded.tolist() == [5, 1, 2]


def test_an_array_that_is_stored_once_is_loaded_once():
    array = np.arange(3)

    loaded = opened(pickle.dumps({'a': array, 'b': [array]}))

    assert loaded['a'] is loaded['b'][0]


class Calls:
    """Pickles into a call."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize(
    ('call', 'name'),
    [
        (Calls(os.system, 'touch {mark}'), r'(posix|nt)\.system'),
        (Calls(eval, "open('{mark}', 'w')"), r'(builtins|__builtin__)\.eval'),
        (Calls(exec, "open('{mark}', 'w')"), r'(builtins|__builtin__)\.exec'),
        (Calls(getattr, 'a', 'upper'), r'(builtins|__builtin__)\.getattr'),
        (
            Calls(collections.OrderedDict, [('a', 1)]),
            r'collections\.OrderedDict',
        ),
    ],
)
def test_code_is_refused_by_name_and_never_runs(
    call, name, protocol, tmp_path
):
    mark = tmp_path / 'mark'
    function, args = call.reduced
    args = [
        a.replace('{mark}', str(mark)) if isinstance(a, str) else a
        for a in args
    ]
    payload = pickle.dumps({'a': Calls(function, *args)}, protocol=protocol)

    with pytest.raises(RefusedPickle, match=name):
        opened(payload)

    assert not mark.exists()


def test_an_object_array_is_refused_with_its_place():
    ragged = np.empty(2, object)
    ragged[:] = [np.zeros(2), np.zeros(3)]

    refusal = refusal_of(pickle.dumps({'a': [1, {'k': ragged}]}))

    assert 'object dtype' in str(refusal)
    assert refusal.where == ('a', 1, 'k')


@pytest.mark.parametrize(
    ('value', 'found'),
    [
        (np.zeros(2, [('x', 'f4'), ('y', 'i4')]), 'V8'),
        (np.zeros(2, complex), 'c16'),
        (np.zeros(2, 'datetime64[s]'), 'M8'),
        (np.dtype('f4'), 'Dtype as a value'),
        ({(1, 2): 3}, 'type tuple'),
    ],
)
def test_other_numpy_content_is_refused(value, found):
    refusal = refusal_of(pickle.dumps([value]))

    assert found in str(refusal)


def test_a_subclass_of_the_array_is_refused():
    with pytest.raises(RefusedPickle, match=r'numpy\.\w+'):
        opened(pickle.dumps(np.ma.masked_array([1, 2])))


NDARRAY = b'cnumpy\nndarray\n'
RECONSTRUCT = b'cnumpy.core.multiarray\n_reconstruct\n'


@pytest.mark.parametrize(
    ('payload', 'found'),
    [
        # BUILD on a stand-in must not change it for the next file.
        (NDARRAY + b'}S"call"\nNsb.', 'change numpy.ndarray'),
        (NDARRAY + b'(N}S"call"\nNstb.', 'change numpy.ndarray'),
        (NDARRAY + b'(I99\ntR.', 'direct call of numpy.ndarray'),
        (RECONSTRUCT + b'(' + RECONSTRUCT + b'I0\ntR.', 'subclass'),
        (b'c_codecs\nencode\n(S"x"\nS"rot13"\ntR.', '_codecs.encode'),
        (b'c__builtin__\nbytearray\n(I99\ntR.', 'builtins.bytearray'),
        (b'Pid\n.', 'persistent id'),
        (b'\x82\x07.', 'an extension code'),
        (b'}S"call"\nNsb.', 'unreadable pickle'),
        (b'', 'unreadable pickle .EOFError'),
        (b'not a pickle', 'unreadable pickle'),
        (pickle.dumps([1, 2, 3])[:-3], 'unreadable pickle'),
        (b'\x80\x09.', 'unreadable pickle'),
    ],
)
def test_broken_and_crafted_pickles_are_refused(payload, found):
    with pytest.raises(RefusedPickle, match=found):
        opened(payload)


@pytest.mark.parametrize(
    ('payload', 'found'),
    [
        (NDARRAY + b'.', 'numpy.ndarray as a value'),
        (RECONSTRUCT + b'(' + NDARRAY + b'tR.', 'without content'),
        (b']q\x00h\x00a.', 'holds itself'),
        (b'(' * 99 + b't' * 99 + b'.', 'nested'),
    ],
)
def test_what_is_no_data_is_refused_as_a_value(payload, found):
    refusal = refusal_of(payload)

    assert found in str(refusal)


def test_an_extension_code_in_the_cache_is_refused_too():
    copyreg.add_extension('builtins', 'eval', 0x7E)
    try:
        payload = b'\x80\x02\x82\x7e(X\x03\x00\x00\x001+1tR.'
        assert pickle.loads(payload) == 2  # noqa: S301  (fills the cache)

        with pytest.raises(RefusedPickle, match=r'extension code'):
            opened(payload)
    finally:
        copyreg.remove_extension('builtins', 'eval', 0x7E)
        copyreg.clear_extension_cache()


def test_a_wrong_number_of_bytes_is_refused():
    payload = pickle.dumps(np.zeros(3, np.uint8), protocol=2)
    assert payload.count(b'K\x03\x85') == 1  # the shape (3,)

    refusal = refusal_of(payload.replace(b'K\x03\x85', b'K\x04\x85'))

    assert 'damaged numpy array' in str(refusal)


def shared(levels, make):
    """A value of ``levels`` containers that stands for 2 ** levels."""
    value = make(('a', 'a'))
    for _ in range(levels):
        value = make((value, value))
    return value


@pytest.mark.parametrize(
    'payload',
    [
        pickle.dumps(shared(40, list)),
        pickle.dumps(shared(40, tuple)),
        pickle.dumps({'metainfo': {'a': shared(50, list)}}, protocol=2),
        # Hashed while it is read: as a key, in a set, in a frozen set.
        b'\x80\x04}' + pickle.dumps(shared(40, tuple))[2:-1] + b'K\x01s.',
        b'\x80\x04}(' + pickle.dumps(shared(40, tuple))[2:-1] + b'K\x01u.',
        b'\x80\x04(' + pickle.dumps(shared(40, tuple))[2:-1] + b'\x91.',
        b'\x80\x04\x8f(' + pickle.dumps(shared(40, tuple))[2:-1] + b'\x90.',
        # Announces 2**50 bytes.
        b'\x80\x05\x96' + (2**50).to_bytes(8, 'little') + b'ab.',
    ],
)
def test_a_small_file_never_takes_long(payload):
    begin = time.process_time()

    with pytest.raises(RefusedPickle):
        opened(payload)

    assert len(payload) < 500
    assert time.process_time() - begin < 0.5


def test_references_that_files_share_are_no_bomb():
    shape = (1080, 1920)
    videos = [dict(img_shape=shape, names=[1] * 99) for _ in range(2000)]

    loaded = opened(pickle.dumps(videos))

    assert loaded[7] == dict(img_shape=shape, names=[1] * 99)
    assert loaded[0]['img_shape'] is loaded[1]['img_shape']


def test_an_array_that_is_shared_too_often_is_refused():
    payload = pickle.dumps([np.zeros(10_000)] * 100_000)

    assert 'shared containers that unfold to' in str(refusal_of(payload))
