"""CITATION.cff and the indexes say what is there, and no more."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mmsnip import __version__
from mmsnip.cli.command_line import parser_of

ROOT = Path(__file__).resolve().parents[2]


def read(name):
    return yaml.safe_load((ROOT / name).read_text(encoding='utf-8'))


def test_the_citation_is_complete_and_of_this_version():
    found = read('CITATION.cff')

    assert found['cff-version'] == '1.2.0'
    assert found['version'] == __version__
    assert found['license'] == 'Apache-2.0'
    assert found['authors'] == [{'name': 'The mmsnip authors'}]
    assert {'message', 'title', 'type'} <= set(found)
    assert found['references'][0]['url'].endswith('/2512.16504')
    for reference in found['references']:
        assert {'type', 'title', 'authors'} <= set(reference)


def test_data_sets_name_files_that_the_configs_read():
    index = read('dataset-index.yml')
    configs = '\n'.join(
        path.read_text() for path in (ROOT / 'configs').rglob('*.py')
    )

    for name, entry in index.items():
        assert {'data_root', 'download_root', 'prepare'} <= set(entry)
        assert entry['ann_file'].startswith(entry['data_root'])
        assert (ROOT / entry['configs']).is_dir()
        if name != 'synthetic':
            assert Path(entry['ann_file']).name in configs
            assert entry['homepage'].startswith('https://')


@pytest.mark.parametrize('name', sorted(read('dataset-index.yml')))
def test_the_command_that_prepares_a_data_set_is_right(name):
    words = shlex.split(read('dataset-index.yml')[name]['prepare'])

    args = parser_of(words[1]).parse_args(words[2:])

    entry = read('dataset-index.yml')[name]
    made = [entry['ann_file'], str(Path(entry['ann_file']).parent)]
    assert words[0] == 'mmsnip'
    assert str(getattr(args, 'output', None) or args.output_dir) in made


def test_the_release_checklist_names_files_that_are_there():
    text = (ROOT / 'docs' / 'release.md').read_text()
    rooms = 'mmsnip|tools|tests|requirements'
    paths = re.findall(rf'`((?:{rooms})/[\w./]*)`', text)

    assert len(paths) > 3
    for path in paths:
        if '.mim' not in path:
            assert (ROOT / path).exists(), path
