"""Benchmarks and load simulators. Nothing of the product imports them (import-linter)."""
