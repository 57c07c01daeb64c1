"""What the README shows is what runs."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmsnip.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text()


def blocks(language):
    return re.findall(rf'```{language}\n(.*?)```', README, flags=re.DOTALL)


def test_own_data_in_ten_lines_is_ten_lines_and_gives_a_valid_file(
    tmp_path, monkeypatch
):
    (program,) = [b for b in blocks('python') if 'save_annotation(' in b]
    motion = np.random.default_rng(0).normal(size=(120, 3, 3))
    np.save(tmp_path / 'walk.npy', motion)

    run = subprocess.run(
        [sys.executable, '-c', program], cwd=tmp_path, check=False
    )
    checked = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'validate_data.py', 'mine.pkl'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    monkeypatch.setenv('MMSNIP_ANN_FILE', str(tmp_path / 'mine.pkl'))
    cfg = Config.fromfile(ROOT / 'configs' / 'custom' / 'localize.py')

    assert len(program.strip().splitlines()) <= 11  # one is blank
    assert run.returncode == 0
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert cfg.model.head.num_classes == 1


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


def braces(pattern):
    """Names that a shell's braces stand for."""
    found = re.search(r'\{([^{}]*)\}', pattern)
    if not found:
        return [pattern]
    return [
        name
        for part in found[1].split(',')
        for name in braces(
            pattern[: found.start()] + part + pattern[found.end() :]
        )
    ]


def test_every_config_that_the_method_tables_name_exists():
    section = README.split('## Methods')[1]
    files = {path.name for path in (ROOT / 'configs').rglob('*.py')}
    named = {
        name.rsplit('/', 1)[-1]
        for quoted in re.findall(r'`([^`\s]+\.py)`', section)
        for name in braces(quoted)
    }
    plain = {name for name in named if '*' not in name}

    assert len(plain) > 15
    assert plain <= files, plain - files
    for pattern in named - plain:
        assert any(fnmatch(name, pattern) for name in files), pattern
