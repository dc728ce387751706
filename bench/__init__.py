"""Benchmarks and load simulators. The product imports none of them (import-linter)."""
