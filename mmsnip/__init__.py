"""Snippet-contrast pre-training and localization for 3D skeletons.

Importing the package loads neither torch nor an mm package: mmengine imports
``mmsnip.registry`` by itself when a config first names a type as
``mmsnip.X``. Only what mmaction2's wheel lacks is bridged at once, since a
stock config with ``custom_imports = dict(imports=['mmsnip'])`` may build one
of mmaction2's own components first.
"""

from mmsnip.compat import bridge_mmaction_wheel

__version__ = '0.1.0'

__all__ = ['__version__']

bridge_mmaction_wheel()
