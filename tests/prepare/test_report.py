from __future__ import annotations

import json

from mmsnip.prepare.report import (
    Report,
    format_report,
    group_notes,
    save_report,
)
from mmsnip.prepare.source import Skipped


def test_notes_are_grouped_by_kind_the_largest_first():
    notes = [
        ('a', 'frame 3: lost'),
        ('b', 'line 1: start 5 and end 2.5 are swapped'),
        ('c', 'line 20: start 71 and end 70 are swapped'),
    ]

    groups = group_notes(notes)

    assert list(groups) == [
        'line N: start N and end N are swapped',
        'frame N: lost',
    ]
    assert [len(group) for group in groups.values()] == [2, 1]


def test_few_examples_of_each_kind_are_printed_and_all_are_written(tmp_path):
    skipped = [Skipped(f'in/v{n}.npy', f'in/v{n}.npy: cut') for n in range(9)]
    skipped.append(Skipped('in/odd.npy', 'empty'))
    report = Report(str(tmp_path / 'o.pkl'), 12, 2, skipped=skipped)

    text = format_report(report, shown=2)
    path = save_report(report)

    assert text.count(': cut') == 2
    assert '... and 7 more' in text
    assert 'in/odd.npy: empty' in text
    assert path.name == 'o.pkl.report.json'
    written = json.loads(path.read_text())
    assert [s['path'] for s in written['skipped']] == [s.path for s in skipped]


def test_what_was_mended_is_counted_in_the_file(tmp_path):
    mended = [('a', 'row 1: cut'), ('a', 'row 5: cut'), ('b', 'row 3: cut')]
    report = Report(str(tmp_path / 'o.pkl'), 2, 2, notes=mended)

    written = json.loads(save_report(report).read_text())

    (group,) = written['notes']
    assert group['count'] == 3
    assert group['recordings'] == 2
    assert group['each'][1] == dict(name='a', what='row 5: cut')


def test_names_of_foreign_bytes_can_be_printed(tmp_path):
    name = b'caf\xe9\n\x1b[31m.npy'.decode('utf-8', 'surrogateescape')
    report = Report(
        str(tmp_path / 'o.pkl'), 1, skipped=[Skipped(name, 'no text')]
    )

    text = format_report(report)

    assert 'caf\\udce9\\n\\x1b[31m.npy: no text' in text
    assert save_report(report).exists()
