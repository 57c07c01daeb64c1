"""Bytes to arrays and back; nothing random, nothing learned."""
