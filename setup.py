"""Packaging: configs, tools and indexes travel in the wheel, in ``.mim``."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
TRAVELLERS = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


def read_requirements(name):
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    return [
        line.strip() for line in lines if line.strip() and line[0] not in '#-'
    ]


def read_version():
    text = (ROOT / 'mmsnip' / '__init__.py').read_text()
    return re.search(r"__version__ = '([^']+)'", text).group(1)


def list_data():
    """Files of the package that are no modules: the report's page, types."""
    package = ROOT / 'mmsnip'
    pages = (
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob('page/**/*'))
        if path.is_file() and path.suffix not in ('.py', '.pyc')
    )
    return ['py.typed', *(p for p in pages if not p.startswith('.mim/'))]


def copy_folder(source, target):
    ignore = shutil.ignore_patterns('__pycache__')
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignore)


class BuildWithMim(build_py):
    """Copy configs, tools and indexes beside the modules of a built wheel.

    An editable install needs no copies: all lie in the checkout.
    """

    def run(self):
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib) / 'mmsnip'
        # `with read_base(): from mmsnip.configs..` of another project.
        copy_folder(ROOT / 'configs', package / 'configs')
        mim = package / '.mim'
        mim.mkdir(parents=True, exist_ok=True)
        for name in TRAVELLERS:
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, mim / name)
                continue
            copy_folder(ROOT / name, mim / name)


setup(
    name='mmsnip',
    version=read_version(),
    description='Snippet-contrast pre-training and temporal localization '
    'for 3D skeletons, a plugin to mmaction2',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['mmsnip', 'mmsnip.*']),
    package_data={'mmsnip': list_data()},
    entry_points={
        'console_scripts': ['mmsnip = mmsnip.cli.command_line:main']
    },
    install_requires=read_requirements('runtime.txt'),
    extras_require={
        'mim': read_requirements('mminstall.txt'),
        'optional': read_requirements('optional.txt'),
        'tests': read_requirements('tests.txt'),
        'docs': read_requirements('docs.txt'),
    },
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Typing :: Typed',
    ],
)
