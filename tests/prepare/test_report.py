from __future__ import annotations

import json

from mmsnip.prepare.folder import Skipped
from mmsnip.prepare.report import Report, format_report, save_report


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
