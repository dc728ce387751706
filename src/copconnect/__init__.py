"""Cop Connect: an end-to-end encrypted messenger that a police department runs itself."""

__version__ = "0.1.0"
