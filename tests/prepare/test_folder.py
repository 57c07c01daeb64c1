from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.prepare.folder import FolderSource, Skipped
from mmsnip.prepare.labels import apply_splits, read_splits, stratified_split
from mmsnip.prepare.report import Report, format_report, save_report
from mmsnip.structures import DataError
from tests.prepare.noted import LAYOUT, run


def save(path, T=13):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.ones((T, 5, 3), np.float32))
    return path


def reasons(source):
    return {Path(s.path).name: s.reason for s in source.skipped}


def test_recordings_are_called_as_their_files(tmp_path):
    save(tmp_path / 'walk' / 'p.01.npy')
    save(tmp_path / 'a.npy')
    save(tmp_path / '.cache' / 'b.npy')
    save(tmp_path / '._a.npy')
    np.savez(tmp_path / 'Z.NPZ', keypoint=np.ones((9, 5, 3)))
    (tmp_path / 'Z.NPZ.npz').rename(tmp_path / 'Z.NPZ')
    (tmp_path / 'up').symlink_to(tmp_path)  # links in a circle end
    source = FolderSource(tmp_path)

    assert [item.name for item in source.items()] == ['Z', 'a', 'walk/p.01']
    assert source.skipped == []
    np.savez(tmp_path / 'a.npz', keypoint=np.ones((9, 5, 3)))
    (tmp_path / 'more').symlink_to(save(tmp_path / '.b' / 'b.npy').parent)
    files = [Path(item.path).name for item in source.items()]
    assert files == ['Z.NPZ', 'a.npy', 'b.npy', 'p.01.npy']
    assert "'a' is also the name of" in reasons(source)['a.npz']


@pytest.mark.skipif(os.name != 'posix', reason='names are bytes on posix')
def test_names_that_are_no_text_are_reported(tmp_path):
    raw = os.fsencode(tmp_path) + b'/caf\xe9.npy'
    try:
        with open(raw, 'wb') as file:
            np.save(file, np.ones((9, 5, 3)))
    except OSError:
        pytest.skip('this file system takes UTF-8 names only')
    source = FolderSource(tmp_path)

    assert source.items() == []
    assert 'cannot name a recording' in source.skipped[0].reason


def test_folders_name_the_classes(tmp_path):
    for name in ('x/walk/1', 'x/sit/2', 'y/walk/3', 'none'):
        save(tmp_path / f'{name}.npy')
    source = FolderSource(tmp_path, classes_from_folders=True)
    labels = {item.name: item.fields['label'] for item in source.items()}

    assert source.metainfo()['classes'] == ['sit', 'walk']
    assert labels == {'x/sit/2': 0, 'x/walk/1': 1, 'y/walk/3': 1}
    assert reasons(source) == {'none.npy': 'it has no label'}


def test_the_metainfo_has_the_rate_that_most_recordings_have(tmp_path):
    (tmp_path / 'in').mkdir()
    for name in 'abc':
        values = np.random.default_rng(0).normal(size=(9, 5, 3))
        np.savez(tmp_path / 'in' / f'{name}.npz', keypoint=values, fps=60)
    save(tmp_path / 'in' / 'd.npy')
    facts = dict(layout=LAYOUT, of_one={'d': dict(fps=30.0)})

    report, data = run(
        FolderSource(tmp_path / 'in'), tmp_path / 'out.pkl', facts
    )

    assert [v['fps'] for v in data['annotations']] == [60.0, 60.0, 60.0, 30.0]
    assert data['metainfo']['fps'] == 60.0
    assert 'several frame rates (30, 60)' in report.look_at[-1][1]
    facts = dict(layout=LAYOUT)
    report, _ = run(FolderSource(tmp_path / 'in'), tmp_path / 'o.pkl', facts)
    assert '1 of 4 recordings state no frame rate' in report.look_at[-1][1]
    for name in 'abc':
        (tmp_path / 'in' / f'{name}.npz').unlink()
    report, data = run(
        FolderSource(tmp_path / 'in'), tmp_path / 'u.pkl', facts
    )
    assert 'fps' not in data['annotations'][0]
    assert (report.hours, report.unknown_rate) == (0.0, 1)
    assert '1 of unknown frame rate' in format_report(report)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone does not exist'):
        FolderSource(tmp_path / 'gone').items()
    with pytest.raises(FileNotFoundError, match='is no folder'):
        FolderSource(save(tmp_path / 'a.npy')).items()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(val_fraction=1.0), 'val_fraction=1.0'),
        (dict(overlaps='any'), "overlaps='any' is unknown"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        FolderSource(tmp_path, **options)


def test_each_class_gives_its_share():
    names = [f'v{n}' for n in range(50)]
    labels = [0] * 20 + [1] * 27 + [2] * 3
    split = stratified_split(names, labels, 0.2, seed=3)
    counts = np.bincount([labels[int(n[1:])] for n in split['val']])

    assert sorted(split['train'] + split['val']) == sorted(names)
    assert len(split['val']) == 10
    assert counts.tolist() == [4, 5, 1]


def test_a_split_depends_on_the_seed_and_not_on_the_order():
    names = [f'v{n}' for n in range(40)]
    labels = [n % 3 for n in range(40)]
    split = stratified_split(names, labels, 0.25, seed=3)
    turned = stratified_split(names[::-1], labels[::-1], 0.25, seed=3)
    other = stratified_split(names, labels, 0.25, seed=4)

    assert sorted(turned['val']) == sorted(split['val'])
    assert sorted(other['val']) != sorted(split['val'])


@pytest.mark.parametrize(
    ('labels', 'count'),
    [(range(6), 1), (range(13), 3), ([0, 0], 1), ([4, 4, 2], 1), ([3], 0)],
)
def test_a_share_is_drawn_from_all_where_the_classes_give_none(labels, count):
    names = [f'v{n}' for n in range(len(labels))]
    split = stratified_split(names, labels, 0.2, seed=3)
    turned = stratified_split(names[::-1], labels[::-1], 0.2, seed=3)

    assert len(split['val']) == count
    assert sorted(split['train'] + split['val']) == sorted(names)
    assert sorted(turned['val']) == sorted(split['val'])


def test_a_draw_of_before_stays_as_it_was():
    names = [f'v{n:02}' for n in range(17)]
    split = stratified_split(names, [n % 4 for n in range(17)], 0.2, seed=0)

    assert split['val'] == ['v01', 'v08', 'v14']


SPLIT = dict(train=['a', 'walk/b'], val=['c'])


def write(path, text):
    path.write_text(text)
    return path


def test_all_forms_say_the_same(tmp_path):
    as_json = write(tmp_path / 'split.json', json.dumps(SPLIT))
    train = write(tmp_path / 'train.txt', 'a\n\nwalk/b\na\n')
    val = write(tmp_path / 'val.txt', 'c')

    assert read_splits(as_json) == SPLIT
    assert read_splits([train, val]) == SPLIT
    assert read_splits(tmp_path) == SPLIT
    text = 'Training videos: \n0001-M, 0001-R\nValidataion videos:\n0002-L'
    found = read_splits(write(tmp_path / 'cross-view.txt', text))  # PKU-MMD
    assert found == dict(train=['0001-M', '0001-R'], val=['0002-L'])


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('s.json', '{"train": ["a"', 's.json, line 1'),
        ('s.json', '["a"]', 'expected an object of lists'),
        ('s.json', '{"train": "a"}', "key 'train': found str 'a'"),
        ('s.json', '{"train": ["a", 3]}', "key 'train': found int 3"),
        ('s.json', '{"train": ["../a"]}', "'../a' cannot name a recording"),
        ('train.txt', 'a\n/b\n', "train.txt, line 2: '/b' cannot name"),
        ('s.csv', 'a', "ends in '.csv'"),
    ],
)
def test_what_is_no_split_file_is_refused(tmp_path, name, text, message):
    path = write(tmp_path / name, text)

    with pytest.raises(DataError, match=message):
        read_splits(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(['.json', '.txt']))
def test_any_bytes_are_a_split_or_our_own_error(
    tmp_path_factory, content, ending
):
    path = tmp_path_factory.getbasetemp() / f'any{ending}'
    path.write_bytes(content)
    with suppress(DataError):  # anything else fails
        found = read_splits(path)
        assert all(isinstance(n, str) for part in found.values() for n in part)


def test_names_are_found_with_ending_and_backslash():
    wanted = dict(train=['a.skeleton', 'walk\\b.npy', 'a'], val=['x', 'c.d'])

    there, missing = apply_splits(wanted, ['a', 'walk/b', 'c.d', 'c'])

    assert there == dict(train=['a', 'walk/b'], val=['c.d'])
    assert missing == dict(val=['x'])


def test_few_examples_of_each_kind_are_printed_and_all_are_written(tmp_path):
    skipped = [Skipped(f'in/v{n}.npy', f'in/v{n}.npy: cut') for n in range(9)]
    skipped.append(Skipped('in/odd.npy', 'empty'))
    notes = [('a', "row 1: 'x' cut"), ('a', "row 5: 'y' cut"), ('b', 'lost')]
    report = Report(str(tmp_path / 'o.pkl'), 12, 2)
    report.skipped, report.notes = skipped, notes

    text = format_report(report, shown=2)
    path = save_report(report)

    assert text.count('.npy: cut') == 2
    assert '... and 7 more' in text
    assert 'in/odd.npy: empty' in text
    assert path.name == 'o.pkl.report.json'
    written = json.loads(path.read_text())
    assert [s['path'] for s in written['skipped']] == [s.path for s in skipped]
    first, second = written['notes']  # the largest kind first
    assert (first['kind'], first['count']) == ("row N: '..' cut", 2)
    assert first['recordings'] == second['count'] == 1
    assert first['each'][1] == dict(name='a', what="row 5: 'y' cut")


def test_names_of_foreign_bytes_can_be_printed(tmp_path):
    name = b'caf\xe9\n\x1b[31m.npy'.decode('utf-8', 'surrogateescape')
    report = Report(str(tmp_path / 'o.pkl'), 1)
    report.skipped = [Skipped(name, 'no text')]

    text = format_report(report)

    assert 'caf\\udce9\\n\\x1b[31m.npy: no text' in text
    assert save_report(report).exists()
