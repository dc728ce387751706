"""Caches of a process: stamps that it signed, trees that it hashed, keys that it read.

Everything here is immutable or named by its hash, so that nothing is ever invalidated; only room is
made.
"""
