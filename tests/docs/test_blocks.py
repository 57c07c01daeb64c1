"""How pages are parsed and run, and how trainings become short."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from mmengine.config import Config

from tests.docs.blocks import (
    ROOT,
    Block,
    complaints,
    differences,
    read_blocks,
)
from tests.docs.shortening import shorten

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


def block(language, source, reason=None):
    return Block(language, source, 1, reason)


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


def test_a_block_that_is_not_closed_is_refused():
    with pytest.raises(ValueError, match='line 2: the block is not closed'):
        read_blocks('text\n```sh\ntrue\n')


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="language 'pyton'; use one of"):
        assert block('pyton', 'x\n').kind


@pytest.mark.parametrize(
    ('bad', 'message'),
    [
        (block('sh', 'if true\n'), 'syntax error'),
        (block('python', 'x = (\n'), 'is no python'),
        (block('json', '{x: 1}\n'), 'is no json'),
        (block('yaml', 'a: [1\n'), 'is no yaml'),
        (block('sh', 'true\n', ''), 'without a reason'),
        (block('sh', 'if true\n', 'no host'), 'syntax error'),
        (block('python', '# configs/none.py\n'), 'does not exist'),
        (
            block('python', '# configs/custom/linear_probe.py\nx = 1\n'),
            "no line 'x = 1'",
        ),
    ],
)
def test_what_is_wrong_with_a_block_is_said(bad, message):
    (text,) = complaints(bad)

    assert message in text


def test_an_excerpt_may_leave_lines_out_but_not_change_their_order():
    config = 'a = 1\n\nb = dict(\n    c=2,\n)\nd = 3\n'

    assert differences('# c.py\na = 1\n...\nc=2,\n\nd = 3\n', config) == []
    assert differences('# c.py\nd = 3\na = 1\n', config) == ['a = 1']
    assert differences('# c.py\na = 2\n', config) == ['a = 2']


def run_page(folder, text):
    page = folder / 'page.md'
    page.write_text(text)
    return subprocess.run(
        [sys.executable, '-m', 'tests.docs.run_page', page],
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
