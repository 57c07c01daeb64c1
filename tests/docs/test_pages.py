"""What the documentation shows is what runs; how pages are read and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from mmengine.config import Config

from tests.docs.page import PAGES, ROOT, Block, complaints, read_blocks
from tests.docs.shim import program
from tests.docs.shortening import shorten

NAMES = sorted(path.stem for path in PAGES.glob('*.md'))
# Blocks that cannot run here: installing, several hosts, docker.
MOST_NOT_RUN = 40


def blocks_of(name):
    return read_blocks((PAGES / f'{name}.md').read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', NAMES)
def test_every_block_says_what_it_is_and_is_that(name):
    wrong = [
        f'docs/{name}.md:{block.line} {complaints(block)}'
        for block in blocks_of(name)
        if block.kind != 'text' and complaints(block)
    ]

    assert not wrong, '\n'.join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_the_blocks_run_in_order(name, request):
    blocks = [b for b in blocks_of(name) if b.kind in ('python', 'sh')]
    if not blocks:
        pytest.skip('no block of this page is run')
    folder = request.getfixturevalue('page_folder')
    environment = request.getfixturevalue('page_environment')
    python = shutil.which('python', path=environment['PATH'])

    done = subprocess.run(
        [python, '-m', 'tests.docs.page', PAGES / f'{name}.md'],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )

    print(done.stdout)  # with -s, or where it fails
    if done.returncode:
        pytest.fail(f'docs/{name}.md, see its output', pytrace=False)


def test_few_blocks_are_not_run():
    kinds = [block.kind for name in NAMES for block in blocks_of(name)]

    assert kinds.count('not run') <= MOST_NOT_RUN


PAGE = """\
# Title

```sh
export WORD=one
```

1. In a list:

    ```python title="x.py"
    if True:
        x = 1
    ```

<!-- not run: needs a second host -->
```bash
ssh other
```
~~~text
```not a fence
~~~
````
```
````
"""


def test_blocks_are_read_in_order_with_their_lines():
    found = read_blocks(PAGE)

    assert [(b.language, b.kind, b.line) for b in found] == [
        ('sh', 'sh', 4),
        ('python', 'python', 10),
        ('bash', 'not run', 16),
        ('text', 'text', 19),
        ('', 'text', 22),
    ]
    assert [b.source for b in found] == [
        'export WORD=one\n',
        'if True:\n    x = 1\n',
        'ssh other\n',
        '```not a fence\n',
        '```\n',
    ]
    assert found[2].reason == 'needs a second host'


@pytest.mark.parametrize(
    ('language', 'source', 'message'),
    [
        ('sh', 'if true\n', 'syntax error'),
        ('python', 'x = (\n', 'is no python'),
        ('json', '{x: 1}\n', 'is no json'),
        ('yaml', 'a: [1\n', 'is no yaml'),
        ('python', '# configs/none.py\n', 'No such file'),
        (
            'python',
            '# configs/custom/linear_probe.py\nx = 1\n',
            "no line 'x = 1'",
        ),
    ],
)
def test_what_is_wrong_with_a_block_is_said(language, source, message):
    assert message in complaints(Block(language, source, 1))
    with pytest.raises(ValueError, match='the block is not closed'):
        read_blocks(f'text\n```{language}\n{source}')


def run_page(folder, text):
    page = folder / 'page.md'
    page.write_text(text)
    return subprocess.run(
        [sys.executable, '-m', 'tests.docs.page', page],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_names_and_exported_variables_hold_for_the_rest_of_a_page(tmp_path):
    done = run_page(
        tmp_path,
        '```sh\nexport WORD=one\nlocal_word=two\n```\n'
        '```python\nimport os\nword = os.environ["WORD"]\n```\n'
        '```sh\nunset WORD\necho "kept: ${local_word-nothing}"\n```\n'
        '```text\nfalse\n```\n<!-- not run: no -->\n```sh\nfalse\n```\n'
        '```python\nprint(word, os.environ.get("WORD"))\n```\n',
    )

    assert done.returncode == 0, done.stderr
    assert 'kept: nothing' in done.stdout
    assert 'one None' in done.stdout


@pytest.mark.parametrize('wrong', ['false | true', 'false\ntrue', 'echo $no'])
def test_a_shell_block_that_fails_anywhere_stops_the_page(tmp_path, wrong):
    done = run_page(
        tmp_path, f'\n```sh\n{wrong}\n```\n```python\nprint("on")\n```\n'
    )

    assert done.returncode == 1
    assert 'line 3: exit status 1' in done.stderr
    assert 'on' not in done.stdout.split('\n')


def test_a_traceback_names_page_and_line(tmp_path):
    done = run_page(tmp_path, '# x\n\n```python\nx = 1\nraise KeyError\n```\n')

    assert done.returncode == 1
    assert 'page.md", line 5' in done.stderr


def test_a_short_training_keeps_the_name_of_its_last_checkpoint():
    cfg = Config(
        dict(
            train_cfg=dict(max_epochs=20, val_interval=5),
            train_dataloader=dict(
                num_workers=4,
                dataset=dict(samples_per_video=3, min_samples=180),
            ),
            default_hooks=dict(checkpoint=dict(interval=10)),
        )
    )

    shorten(cfg)

    assert cfg.train_cfg == dict(max_epochs=1, val_interval=1)
    assert cfg.train_dataloader.num_workers == 0
    assert cfg.train_dataloader.dataset == dict(
        samples_per_video=1, min_samples=0
    )
    assert cfg.default_hooks.checkpoint.filename_tmpl == 'epoch_20.pth'


@pytest.fixture
def shell(warm_folder, page_environment, tmp_path):
    """``python`` and ``mmsnip`` that are warm, as a page has them."""
    if warm_folder is None:
        pytest.skip('commands cannot be forked here')
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'tell.py').write_text(
        'import os, sys\n'
        "print(sys.argv[1:], os.getcwd(), os.environ['WORD'], "
        'sys.stdin.read())\n'
        "print('warm:', hasattr(sys.modules.get('tests.warm'), 'start'))\n"
        'sys.exit(3)\n'
    )

    def run(text):
        return subprocess.run(
            ['bash', '-euo', 'pipefail', '-c', text],
            cwd=tmp_path,
            env={**page_environment, 'WORD': 'one'},
            input='given',
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_a_warm_command_is_told_from_a_cold_one_by_nothing_but_time(
    shell, tmp_path
):
    done = shell(
        "WORD='t w o' python tools/tell.py 'a b' '' || echo it was $?"
    )
    missing = 'validate "no such.pkl"'
    warm, cold = (
        shell(f'{command} {missing}')
        for command in ('mmsnip', f'{os.path.dirname(sys.executable)}/mmsnip')
    )

    assert done.stdout == (
        f"['a b', ''] {tmp_path} t w o given\nwarm: True\nit was 3\n"
    )
    assert warm.returncode == cold.returncode != 0
    assert (warm.stdout, warm.stderr) == (cold.stdout, cold.stderr)


@pytest.mark.parametrize(
    'words', ['mmsnip', 'mmsnip --help', 'mmsnip doctor', 'python -c x']
)
def test_whatever_else_is_typed_starts_cold(words):
    name, *rest = words.split()

    assert program(name, rest) is None
