"""Cop Connect: an end-to-end encrypted messenger that a police department runs itself."""
