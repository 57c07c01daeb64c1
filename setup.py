"""The build step that pyproject.toml cannot say: configs and tools travel.

A wheel holds them twice: in ``.mim``, where OpenMMLab's programs look, and
configs as ``mmsnip.configs``, where ``read_base`` of another project does. An
editable install needs no copies: all lie in the checkout.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
TRAVELLERS = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


def copy(source, target):
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    else:
        ignore = shutil.ignore_patterns('__pycache__')
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignore)


class BuildWithMim(build_py):
    """Copy configs, tools and indexes beside the modules of a built wheel."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib) / 'mmsnip'
        copy(ROOT / 'configs', package / 'configs')
        for name in TRAVELLERS:
            copy(ROOT / name, package / '.mim' / name)


setup(cmdclass={'build_py': BuildWithMim})
