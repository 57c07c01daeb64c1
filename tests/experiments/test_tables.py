"""Tables, targets and pictures against numbers worked out by hand."""

from __future__ import annotations

import pytest
import yaml
from PIL import Image

from experiments.results import Results
from experiments.rows import append_row
from experiments.table import NOTHING, main, render_table, render_targets
from tests.experiments.conftest import toy_row

ROWS = [
    *(
        toy_row('plain', seed, {'runs/mAP': value, 'runs_per_segment': 2 + v})
        for seed, (value, v) in enumerate([(0.5, 0), (0.52, 1), (0.6, 2)])
    ),
    *(
        toy_row('better', seed, {'runs/mAP': value, 'runs_per_segment': 1.5})
        for seed, value in [(2, 0.66), (0, 0.55), (1, 0.53)]
    ),
    *(
        toy_row('short', seed, {'runs/mAP': value})
        for seed, value in [(1, 0.42), (2, 0.7)]
    ),
    toy_row('single', 0, {'runs/mAP': 0.25}),
]
TABLE = dict(
    name='t',
    lines=[
        dict(run='plain', label='Plain'),
        dict(run='{what}', label='{what}!', matrix=dict(what=['better'])),
        dict(run='short', label='s'),
        dict(run='single', label='one'),
        dict(run='absent', label='absent'),
    ],
    metrics=['runs/mAP', 'runs_per_segment'],
    baseline='plain',
    differences=['runs/mAP'],
)


def grid(text):
    """Cells of the lines below the heading."""
    lines = text.split('\n\n')[0].splitlines()[2:]
    return [
        [cell.strip() for cell in line.strip('|').split('|')] for line in lines
    ]


def test_cells_are_mean_and_spread_and_differences_are_paired():
    cells = grid(render_table(TABLE, Results(ROWS)))

    # 50, 52, 60: mean 54, deviations -4, -2, 6, sqrt(56 / 2) = 5.29
    assert cells[0] == ['Plain', '54.0 ± 5.3', '3.00 ± 1.00', 'baseline', '3']
    # 5, 1, 6 better: mean 4; three pairs have their range as interval
    assert cells[1][0] == 'better!'
    assert cells[1][3] == '+4.0 [+1.0, +6.0]'
    assert cells[1][2] == '1.50 ± 0.00'
    # seeds 1 and 2: -10 and +10
    assert cells[2][1] == '56.0 ± 19.8'
    assert cells[2][3] == '+0.0 (2 pairs are too few for an interval)'
    assert cells[2][-1] == '2'
    assert cells[3][1:] == [
        '25.0', NOTHING, '-25.0 (1 pair is too few for an interval)', '1',
    ]  # fmt: skip
    assert cells[4] == ['absent', NOTHING, NOTHING, NOTHING, '0']


def test_rows_on_held_out_videos_are_in_no_table_of_val():
    held = [toy_row('plain', 0, {'runs/mAP': 0.9}, split='holdout')]
    table = dict(
        name='t', lines=[dict(run='plain', label='p')], metrics=['runs/mAP']
    )

    on_val = render_table(table, Results(held))
    on_held = render_table(dict(table, split='holdout'), Results(held))

    assert '90.0' not in on_val
    assert '90.0' in on_held
    assert 'evaluated on a held-out part of train' in on_held


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(metric='x'), r"unknown keys \['metric'\]"),
        (dict(metrics=[]), r"missing keys \['metrics'\]"),
        (dict(baseline=None), r"missing keys \['baseline'\]"),
        (dict(lines=[dict(label='x')]), r"missing keys \['run'\]"),
    ],
)
def test_malformed_tables_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        render_table({**TABLE, **changes}, Results(ROWS))


TARGET_ROWS = [
    *(
        toy_row('plain', seed, {'runs/mAP': value, 'runs_per_segment': 1.25})
        for seed, value in enumerate([0.5, 0.52, 0.6])
    ),
    *(
        toy_row('better', seed, {'runs/mAP': value})
        for seed, value in [(2, 0.66), (0, 0.55), (1, 0.53)]
    ),
]


def outcome(**line):
    """Asked, measured, seeds and outcome of one target."""
    line = dict(dict(said='x', run='plain', metric='runs/mAP'), **line)
    text = render_targets(dict(name='t', lines=[line]), Results(TARGET_ROWS))
    return [c.strip() for c in text.splitlines()[-1].strip('|').split('|')][2:]


def test_a_difference_is_paired_by_seed():
    # 5, 1, 6 better: mean 4
    both = dict(run='better', over='plain')
    assert outcome(**both, least=0.5) == [
        'at least +0.5', '+4.0 [+1.0, +6.0]', '3', 'met',
    ]  # fmt: skip
    assert outcome(**both, least=3.5)[-1] == 'met by the mean alone'
    assert outcome(**both, least=5)[-1] == '**missed**'
    assert outcome(**both, most=5)[-1] == 'met by the mean alone'
    assert outcome(**both, most=6.5)[-1] == 'met'


def test_what_has_no_row_is_neither_met_nor_missed():
    assert outcome(run='absent', least=0)[-2:] == ['0', 'not run']
    assert outcome(run='better', over='absent', most=9)[-2:] == [
        '0', 'not run',
    ]  # fmt: skip


PAGE = """# Evidence
Before.
<!-- experiments: main begin -->
<!-- experiments: main end -->
Between, 99.9 stays.
<!-- experiments: curve begin -->
old
<!-- experiments: curve end -->
"""
DECLARED = dict(
    tables=[
        dict(
            name='main',
            page='docs/evidence.md',
            lines=[
                dict(run='a-100', label='A'),
                dict(run='b-100', label='B'),
            ],
            metrics=['runs/mAP'],
        )
    ],
    plots=[
        dict(
            name='curve',
            page=['docs/evidence.md', 'README.md'],
            title='runs',
            metric='runs/mAP',
            baseline='a',
            lines=[
                dict(run='{n}-100', label='{n}', matrix=dict(n=['a', 'b']))
            ],
        )
    ],
)


@pytest.fixture
def site(tmp_path):
    """Pages, rows and a declaration; ``site(*words)`` runs the command."""
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs' / 'evidence.md').write_text(PAGE)
    (tmp_path / 'README.md').write_text(PAGE.split('Between')[1])
    (tmp_path / 'runs.yaml').write_text(yaml.safe_dump(DECLARED))
    for name, value in (('a', 0.4), ('b', 0.5)):
        for percent in (5, 100):
            for seed in range(3):
                metric = value + 0.001 * percent + 0.01 * seed
                append_row(
                    tmp_path / 'rows.jsonl',
                    toy_row(f'{name}-{percent}', seed, {'runs/mAP': metric}),
                )

    def run(*words):
        return main(
            [
                '--root', str(tmp_path), *words,
                '--runs', str(tmp_path / 'runs.yaml'),
                '--rows', str(tmp_path / 'rows.jsonl'),
            ]
        )  # fmt: skip

    run.folder = tmp_path
    run.page = tmp_path / 'docs' / 'evidence.md'
    return run


def test_places_are_filled_and_the_rest_stays(site):
    assert site() == 0

    text = site.page.read_text()
    assert '| A | 51.0 ± 1.0 | 3 |' in text
    assert '![runs](images/evidence_curve.png)' in text
    assert 'Before.\n<!-- experiments: main begin -->\n| run |' in text
    assert 'Between, 99.9 stays.' in text
    readme = (site.folder / 'README.md').read_text()
    assert '(docs/images/evidence_curve.png)' in readme


def test_a_second_time_changes_nothing(site, capsys):
    site()
    picture = site.folder / 'docs' / 'images' / 'evidence_curve.png'
    stamp = picture.stat().st_mtime_ns
    capsys.readouterr()

    assert site() == 0
    assert site('--check') == 0
    assert capsys.readouterr().out == ''
    assert picture.stat().st_mtime_ns == stamp


def test_check_finds_a_number_that_was_typed(site, capsys):
    site()
    site.page.write_text(site.page.read_text().replace('51.0', '61.0'))
    capsys.readouterr()

    assert site('--check') == 1
    said = capsys.readouterr().out
    assert "docs/evidence.md: the place 'main' differs; the rows say" in said
    assert '| A | 51.0' in said
    assert '61.0' in site.page.read_text()  # it writes nothing


def test_check_finds_rows_that_came_since(site, capsys):
    site()
    append_row(
        site.folder / 'rows.jsonl', toy_row('a-100', 3, {'runs/mAP': 0.9})
    )

    assert site('--check') == 1
    said = capsys.readouterr().out
    assert "the place 'main' differs" in said
    assert 'evidence_curve.png: it is missing, or shows other num' in said
    assert site() == 0
    assert site('--check') == 0


def test_check_finds_a_picture_that_is_gone_or_of_elsewhere(site, capsys):
    site()
    picture = site.folder / 'docs' / 'images' / 'evidence_curve.png'
    Image.new('RGB', (3, 4)).save(picture)
    assert site('--check') == 1
    picture.unlink()
    assert site('--check') == 1
    assert 'it is missing' in capsys.readouterr().out


@pytest.mark.parametrize('words', [(), ('--check',)])
def test_a_page_without_its_place_is_named_and_none_is_changed(
    site, capsys, words
):
    (site.folder / 'README.md').write_text('no place')

    assert site(*words) == 1
    said = ''.join(capsys.readouterr())
    assert "README.md: the place 'curve' begins 0 times" in said
    assert site.page.read_text() == PAGE


def test_runs_declared_anew_are_noted(site, capsys):
    content = dict(
        DECLARED,
        groups=[
            dict(
                name='g', budget='b', defaults=dict(data='toy'),
                runs=[
                    dict(name='a-100', options=dict(x=1)),
                    dict(name='b-100'),
                ],
            )
        ],
    )  # fmt: skip
    (site.folder / 'runs.yaml').write_text(yaml.safe_dump(content))

    site('--print')

    said = capsys.readouterr()
    assert said.err == 'note: a-100@0: declared anew, not run yet\n'
    assert '| A | 51.5 ± 0.7 | 2 |' in said.out  # seeds 1 and 2


def test_the_pages_of_the_project_say_what_its_rows_say():
    assert main(['--check']) == 0
