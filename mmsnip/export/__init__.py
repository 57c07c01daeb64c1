"""Localizers as files that other runtimes read.

Importing the room, `preparation` and `metadata` costs numpy; whatever needs
torch is imported where it is used.
"""
