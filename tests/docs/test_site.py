"""The site as a whole: navigation, links, API pages, the strict build."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmsnip.cli.command_line import COMMANDS
from tests.docs.page import PAGES, ROOT, read_blocks

CONFIG = ROOT / 'mkdocs.yml'
API = PAGES / 'api'
# Rooms whose public names, all of them, stand in a page of docs/api.
ROOMS = (
    *('apis', 'datasets', 'evaluation', 'losses', 'models', 'skeleton'),
    *('transforms', 'visualization'),
)
LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)')


@pytest.fixture(scope='module')
def config():
    return yaml.safe_load(CONFIG.read_text())


def entries(nav):
    """Files of a navigation, in its order."""
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(value, str):
                yield value
            else:
                yield from entries(value)


def prose(path):
    """Text of a page without its blocks and inline code."""
    text = path.read_text(encoding='utf-8')
    lines = text.split('\n')
    for block in read_blocks(text):
        count = block.source.count('\n')
        lines[block.line - 1 : block.line - 1 + count] = [''] * count
    return re.sub(r'`[^`\n]*`', '', '\n'.join(lines))


def anchors(path):
    """What ``#...`` may name in a page: its headings, as mkdocs writes."""
    found = re.findall(r'^#+ (.+)$', path.read_text(), flags=re.MULTILINE)
    words = (re.sub(r'[^\w\s-]', '', text).strip().lower() for text in found)
    return {re.sub(r'[\s-]+', '-', text) for text in words}


PAGE_FILES = sorted(PAGES.rglob('*.md'))
NAMES = [path.relative_to(PAGES).as_posix() for path in PAGE_FILES]


def test_every_page_is_in_the_navigation_and_every_entry_exists(config):
    listed = list(entries(config['nav']))

    assert sorted(listed) == sorted(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_every_relative_link_and_picture_exists(name):
    page = PAGES / name
    for target in LINK.findall(prose(page)):
        if target.startswith(('http://', 'https://', 'mailto:')):
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f'docs/{name}: {target} does not exist'
        assert PAGES in file.parents, f'docs/{name}: {target} leaves docs'
        if anchor and not name.startswith('api/'):
            assert anchor in anchors(file), f'docs/{name}: no {target}'


def public_names(room):
    """``__all__`` of a room, read without importing it."""
    tree = ast.parse((ROOT / 'mmsnip' / room / '__init__.py').read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '__all__':
            return ast.literal_eval(node.value)
    raise AssertionError(f'mmsnip.{room} has no __all__')


DIRECTIVES = [
    (path.name, name)
    for path in sorted(API.glob('*.md'))
    for name in re.findall(
        r'^::: (\S+)$', path.read_text(), flags=re.MULTILINE
    )
]


@pytest.mark.parametrize('room', ROOMS)
def test_every_public_name_of_a_room_has_its_place_in_the_api(room):
    shown = {name for _, name in DIRECTIVES}

    missing = {f'mmsnip.{room}.{name}' for name in public_names(room)} - shown
    assert not missing


def test_every_command_is_in_the_table_of_the_command_line():
    text = (API / 'cli.md').read_text()

    for name, command in COMMANDS.items():
        pattern = rf'\| `{name}` \|.*\| {re.escape(command.help)} \|'
        assert re.search(pattern, text), name


def test_the_quick_start_tells_what_the_script_runs():
    script = (ROOT / 'tools' / 'quickstart.sh').read_text()
    page = (PAGES / 'quick_start.md').read_text()
    left = re.findall(r'"\$WORK/([\w.]+)"', script)
    epochs = dict(re.findall(r'^(\w*EPOCHS)=(\d+)$', script, re.MULTILINE))

    assert len(left) > 5
    for name in left:
        assert f'work_dirs/quickstart/{name}' in page, name
    assert f'pretrain/epoch_{epochs["PRETRAIN_EPOCHS"]}.pth' in page
    assert f'localize/epoch_{epochs["EPOCHS"]}.pth' in page


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    """The built site; mkdocs imports nothing of ours."""
    for package in ('mkdocs', 'material', 'mkdocstrings_handlers'):
        if importlib.util.find_spec(package) is None:
            pytest.skip(
                f'{package} is not installed; '
                'pip install -r requirements/docs.txt'
            )
    folder = tmp_path_factory.mktemp('site')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '-d', folder],
        cwd=ROOT,
        env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        pytest.fail(done.stdout[-4000:], pytrace=False)
    return folder


@pytest.mark.slow
def test_the_strict_build_shows_every_object(site):
    for page, name in DIRECTIVES:
        html = (site / 'api' / page).with_suffix('.html').read_text()
        assert f'id="{name}"' in html, name


@pytest.mark.slow
def test_the_built_pages_load_nothing_from_another_host(site):
    loads = re.compile(
        r'<(?:script|img|iframe|source)\b[^>]*\bsrc="(?:https?:)?//'
        r'|<link\b[^>]*rel="(?:stylesheet|preload|icon|preconnect)"[^>]*//'
    )
    for path in site.rglob('*.html'):
        found = loads.search(path.read_text())
        assert not found, f'{path.name}: {found[0]}'


DRAWN = sorted(
    {
        name
        for page in ('method', 'protocols')
        for name in re.findall(
            r'\(images/(\w+)\.png\)', (PAGES / f'{page}.md').read_text()
        )
    }
)


def check_picture(path):
    """Small, and as wide as all; sizes are those of the PNG's header."""
    header = path.read_bytes()[:24]
    assert header.startswith(b'\x89PNG'), path
    width, height = struct.unpack('>II', header[16:])
    assert width == 1400
    assert 200 <= height <= 1400
    assert 5_000 <= path.stat().st_size <= 150_000


@pytest.mark.slow
def test_the_script_draws_every_picture_of_the_pages(tmp_path):
    script = ROOT / 'docs' / 'drawings' / 'method.py'

    done = subprocess.run(
        [sys.executable, script, '--out', tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(DRAWN) >= 5
    assert sorted(path.stem for path in tmp_path.iterdir()) == DRAWN
    for name in DRAWN:
        check_picture(tmp_path / f'{name}.png')
        check_picture(PAGES / 'images' / f'{name}.png')
