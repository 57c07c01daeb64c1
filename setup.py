"""Packaging: configs and tools travel inside the wheel, under ``.mim``."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
TRAVELLERS = ('configs', 'tools')


def read_requirements(name):
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    return [
        line.strip() for line in lines if line.strip() and line[0] not in '#-'
    ]


def read_version():
    text = (ROOT / 'mmsnip' / '__init__.py').read_text()
    return re.search(r"__version__ = '([^']+)'", text).group(1)


class BuildWithMim(build_py):
    """Copy configs and tools beside the modules of a built wheel.

    An editable install needs no copies: both lie in the checkout.
    """

    def run(self):
        super().run()
        if self.editable_mode:
            return
        mim = Path(self.build_lib) / 'mmsnip' / '.mim'
        for name in TRAVELLERS:
            shutil.copytree(
                ROOT / name,
                mim / name,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns('__pycache__'),
            )


setup(
    name='mmsnip',
    version=read_version(),
    description='Snippet-contrast pre-training and temporal localization '
    'for 3D skeletons, a plugin to mmaction2',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.9',
    packages=find_packages(include=['mmsnip', 'mmsnip.*']),
    install_requires=read_requirements('runtime.txt'),
    extras_require={
        'mim': read_requirements('mminstall.txt'),
        'optional': read_requirements('optional.txt'),
        'tests': read_requirements('tests.txt'),
    },
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.9',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
)
