"""Bots to begin from (docs/bots.md)."""
