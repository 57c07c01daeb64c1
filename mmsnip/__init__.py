"""Snippet-contrast pre-training and localization for 3D skeletons.

Importing the package costs nothing: mmengine imports ``mmsnip.registry`` by
itself when a config first names a type as ``mmsnip.X``.
"""

__version__ = '0.1.0'

__all__ = ['__version__']
