"""What the documentation shows is what runs."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.docs.blocks import PAGES, complaints, read_blocks

NAMES = sorted(path.stem for path in PAGES.glob('*.md'))
# Blocks that cannot run here: installing, several hosts, docker.
MOST_NOT_RUN = 40


def blocks_of(name):
    return read_blocks((PAGES / f'{name}.md').read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', NAMES)
def test_every_block_says_what_it_is_and_is_that(name):
    wrong = []
    for block in blocks_of(name):
        if block.kind == 'text':
            continue
        found = complaints(block)
        wrong += [f'docs/{name}.md:{block.line} {text}' for text in found]

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
    warm = request.getfixturevalue('warm_folder')
    if warm and name == 'quick_start':
        (warm / 'cold').touch()  # one true start of a tool

    done = subprocess.run(
        [python, '-m', 'tests.docs.run_page', PAGES / f'{name}.md'],
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


def test_few_blocks_are_not_run_and_all_say_why():
    left = [
        f'docs/{name}.md:{block.line}: {block.reason}'
        for name in NAMES
        for block in blocks_of(name)
        if block.kind == 'not run'
    ]

    print('\n'.join(left))
    assert len(left) <= MOST_NOT_RUN
    assert all(not line.endswith(': ') for line in left)
