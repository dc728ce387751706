"""Cop Connect: an end-to-end encrypted messenger that a police department runs itself."""

from importlib.metadata import version

__version__ = version("copconnect")
