"""What the README shows is what runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsnip.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text()


def blocks(language):
    return re.findall(rf'```{language}\n(.*?)```', README, flags=re.DOTALL)


def test_the_reuse_config_builds(tmp_path):
    (text,) = [b for b in blocks('python') if 'RecognizerGCN' in b]
    path = tmp_path / 'reuse.py'
    path.write_text("default_scope = 'mmaction'\n" + text)

    cfg = Config.fromfile(path)
    backbone = MODELS.build(cfg.model.backbone)

    assert backbone.out_channels == (cfg.model.cls_head.in_channels,)


NAMED_FILES = set(re.findall(r'(?:tools|requirements)/[\w./]+\w', README))


@pytest.mark.parametrize('path', sorted(NAMED_FILES))
def test_every_file_that_is_named_exists(path):
    assert (ROOT / path).is_file()


def test_every_config_that_is_named_exists():
    named = re.findall(r'configs/[\w./{},-]+\.py', README)
    for pattern in named:
        choices = re.split(r'[{}]', pattern)
        middle = choices[1].split(',') if len(choices) > 1 else ['']
        for choice in middle:
            path = choices[0] + choice + (choices[2] if choice else '')
            assert (ROOT / path).is_file(), path


def test_every_page_that_is_linked_exists():
    for link in re.findall(r'\]\(([\w./-]+)\)', README):
        assert (ROOT / link).exists(), link


def test_tables_are_those_of_the_registries():
    from docs.readme_tables import with_tables

    assert with_tables(README) == README
