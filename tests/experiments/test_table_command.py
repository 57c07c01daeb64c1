"""Pages hold what the rows say, and nothing that was typed."""

from __future__ import annotations

import pytest
import yaml

from experiments.declare import Run
from experiments.results import rows_as_declared
from experiments.rows import append_row
from experiments.table import PageError, fill_place, main, place_text
from tests.experiments.conftest import toy_row

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
            lines=[dict(run='a-100', label='A'), dict(run='b-100')],
            metrics=['runs/mAP'],
        )
    ],
    plots=[
        dict(
            name='curve',
            page=['docs/evidence.md', 'README.md'],
            kind='lines',
            metric='runs/mAP',
            x=dict(fraction=[0.05, 1.0]),
            lines=[dict(run='{n}-{percent}', matrix=dict(n=['a', 'b']))],
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
    assert '![runs mAP](images/evidence_curve.png)' in text
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
    assert "docs/evidence.md: the place 'main' differs: found" in said
    assert "'| A | 61.0 ± 1.0 | 3 |', the rows say '| A | 51.0" in said
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
    from PIL import Image

    Image.new('RGB', (3, 4)).save(picture)
    assert site('--check') == 1
    picture.unlink()
    assert site('--check') == 1
    assert 'it is missing' in capsys.readouterr().out


def test_check_finds_a_place_that_nothing_is_declared_for(site, capsys):
    site()
    with site.page.open('a') as file:
        file.write('<!-- experiments: ghost begin -->')

    assert site('--check') == 1
    assert "nothing is declared for the place 'ghost'" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize('words', [(), ('--check',)])
def test_a_page_without_its_place_is_named_and_none_is_changed(
    site, capsys, words
):
    (site.folder / 'README.md').write_text('no place')

    assert site(*words) == 1
    said = ''.join(capsys.readouterr())
    assert "README.md: the place 'curve' begins 0 times" in said
    assert site.page.read_text() == PAGE


def test_print_shows_tables_and_touches_no_page(site, capsys):
    assert site('--print') == 0
    assert '| A | 51.0 ± 1.0 | 3 |' in capsys.readouterr().out
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


def test_what_began_otherwise_than_declared_counts_no_more():
    common = dict(
        group='toys', budget='tiny', config='configs/custom/localize.py',
        data='toy', seed=0,
    )  # fmt: skip
    pre = Run('pre', stage='pretrain', options={'x': 1}, **common)
    start = Run('fine', stage='localize', options={}, init=pre.key, **common)
    declared = {run.key: run for run in (pre, start)}
    old = toy_row('pre', 0, {}, identity='old', stage='pretrain')
    new = dict(old, identity='new', overrides=['x=1'])
    fine = [
        toy_row('fine', 0, {'v': n}, identity=str(n), init_identity=each)
        for n, each in enumerate(['old', 'new'])
    ]
    other = toy_row('undeclared', 0, {})

    before = rows_as_declared([old, fine[0], other], declared)
    after = rows_as_declared([old, fine[0], new, fine[1]], declared)
    without_its_start = rows_as_declared([fine[0]], declared)

    assert before == ([other], ['pre@0', 'fine@0'])
    assert after == ([new, fine[1]], [])
    assert without_its_start == ([fine[0]], [])


def test_places_must_be_there_once_each_in_order():
    begin, end = (f'<!-- experiments: a {w} -->' for w in ('begin', 'end'))

    assert place_text(f'{begin}\n\nx\n{end}', 'a', 'p') == 'x'
    assert fill_place(f'1{begin}2{end}3', 'a', 'x', 'p') == (
        f'1{begin}\nx\n{end}3'
    )
    for page in ('', begin, f'{end}{begin}', f'{begin}{begin}{end}'):
        with pytest.raises(PageError, match=r"p: the place 'a' begins"):
            fill_place(page, 'a', 'x', 'p')


def test_the_pages_of_the_project_say_what_its_rows_say():
    assert main(['--check']) == 0
