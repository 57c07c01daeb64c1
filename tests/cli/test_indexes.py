"""CITATION.cff and the indexes say what is there, and no more."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mmsnip import __version__
from mmsnip.cli.command_line import parser_of
from mmsnip.cli.places import list_configs

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


def test_every_config_stands_in_the_model_index_once():
    listed = [model['Config'] for model in read('model-index.yml')['Models']]

    assert sorted(listed) == list_configs(ROOT)


def test_models_are_named_after_their_configs_and_all_differ():
    models = read('model-index.yml')['Models']
    names = [model['Name'] for model in models]

    assert len(set(names)) == len(names)
    assert names == [Path(model['Config']).stem for model in models]


def test_models_belong_to_collections_that_are_there():
    index = read('model-index.yml')
    collections = {each['Name'] for each in index['Collections']}

    assert {m['In Collection'] for m in index['Models']} == collections


def test_a_models_collection_is_what_its_config_builds():
    from mmengine.config import Config

    for model in read('model-index.yml')['Models']:
        if model['Config'].startswith('configs/custom'):
            continue  # these need an annotation file
        cfg = Config.fromfile(ROOT / model['Config'])
        kind = cfg.model.type.split('.')[-1]
        backbone = cfg.model.backbone.type.split('.')[-1]
        assert kind == model['In Collection'], model['Config']
        assert model['Metadata']['Architecture'][0].replace('-', '') == (
            backbone
        ), model['Config']


def test_no_weights_and_no_results_are_claimed():
    for model in read('model-index.yml')['Models']:
        assert set(model) == {'Name', 'Config', 'In Collection', 'Metadata'}


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
